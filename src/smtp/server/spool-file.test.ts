import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { SpoolFile } from "./spool-file.ts";

function inFolder(run: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "letterlock-spool-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

test(
  "spool file: octets in order, for its owner alone",
  inFolder(async (folder) => {
    let drained = 0;
    const file = new SpoolFile(path.join(folder, "m1.body"), () => drained++);
    for (const text of ["one", "two", "three"]) file.write(Buffer.from(text));
    assert.equal(file.pendingBytes, 11);
    assert.equal(await file.finish(), undefined);
    assert.equal(file.pendingBytes, 0);
    assert.ok(drained > 0);
    assert.equal(readFileSync(file.path, "latin1"), "onetwothree");
    assert.equal(statSync(file.path).mode & 0o777, 0o600);
  }),
);

test(
  "spool file: removed, also while it is written",
  inFolder(async (folder) => {
    const file = new SpoolFile(path.join(folder, "m1.body"), () => undefined);
    file.write(Buffer.alloc(100_000));
    await file.remove();
    assert.equal(existsSync(file.path), false);
  }),
);

test(
  "spool file: a disk that fails is a value, and nobody waits for it",
  inFolder(async (folder) => {
    let drained = 0;
    const file = new SpoolFile(path.join(folder, "missing", "m1.body"), () => drained++);
    file.write(Buffer.alloc(10));
    assert.ok((await file.finish()) instanceof Error);
    assert.equal(file.pendingBytes, 0);
    assert.equal(drained, 1);
  }),
);

test(
  "spool file: never writes over another one",
  inFolder(async (folder) => {
    const first = new SpoolFile(path.join(folder, "m1.body"), () => undefined);
    assert.equal(await first.finish(), undefined);
    const second = new SpoolFile(first.path, () => undefined);
    assert.ok((await second.finish()) instanceof Error);
    await second.remove();
    assert.equal(existsSync(first.path), true);
  }),
);
