import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { Clock } from "../mail/clock.ts";
import { watchEveryMs, watchFiles } from "./watch.ts";

/** A clock with one hand: `look` lets the watch look once and waits until it has. */
function handClock(): Clock & Readonly<{ look: () => Promise<void>; pending: () => number }> {
  let armed = Promise.withResolvers<() => void>();
  let pending = 0;
  return {
    now: () => 0,
    after(ms, run) {
      assert.equal(ms, watchEveryMs);
      pending += 1;
      armed.resolve(run);
      return {
        cancel: () => {
          pending -= 1;
        },
      };
    },
    async look() {
      const run = await armed.promise;
      armed = Promise.withResolvers();
      pending -= 1;
      run();
      await armed.promise;
    },
    pending: () => pending,
  };
}

const rows: readonly (readonly [name: string, change: (folder: string) => void])[] = [
  ["written again", (folder) => writeFileSync(path.join(folder, "live.pem"), "other")],
  [
    "replaced by a rename, of the same size",
    (folder) => {
      writeFileSync(path.join(folder, "new.pem"), "first");
      renameSync(path.join(folder, "new.pem"), path.join(folder, "live.pem"));
    },
  ],
  [
    "replaced by a link to another file",
    (folder) => {
      writeFileSync(path.join(folder, "archive2.pem"), "first");
      symlinkSync("archive2.pem", path.join(folder, "link"));
      renameSync(path.join(folder, "link"), path.join(folder, "live.pem"));
    },
  ],
];

for (const [name, change] of rows) {
  test(`watch: a file is ${name}`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "letterlock-watch-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, "live.pem");
    writeFileSync(path.join(folder, "archive1.pem"), "first");
    symlinkSync("archive1.pem", file);
    const clock = handClock();
    const calls: (readonly string[])[] = [];
    using _watch = watchFiles([file, path.join(folder, "none")], (changed) => calls.push(changed), clock);
    await clock.look();
    assert.deepEqual(calls, []);
    change(folder);
    await clock.look();
    assert.deepEqual(calls, [], "not before it has settled");
    await clock.look();
    assert.deepEqual(calls, [[file]]);
    await clock.look();
    assert.equal(calls.length, 1);
  });
}

test("watch: waits while files still change, and takes several at once", async () => {
  const clock = handClock();
  const calls: (readonly string[])[] = [];
  const seen: Record<string, string | undefined> = { key: "1", certificate: "1" };
  using _watch = watchFiles(
    ["key", "certificate"],
    (changed) => calls.push(changed),
    clock,
    async (file) => seen[file],
  );
  await clock.look();
  seen.key = "2";
  await clock.look();
  seen.certificate = "2";
  await clock.look();
  assert.deepEqual(calls, []);
  await clock.look();
  assert.deepEqual(calls, [["key", "certificate"]]);
});

test("watch: a file that is away for a while is no change until it is back, and then only when it is another", async () => {
  const clock = handClock();
  const calls: (readonly string[])[] = [];
  let seen: string | undefined = "1";
  using _watch = watchFiles(
    ["file"],
    (changed) => calls.push(changed),
    clock,
    async () => seen,
  );
  await clock.look();
  for (const next of [undefined, undefined, "1", "1", undefined, "2", "2"]) {
    seen = next;
    await clock.look();
  }
  assert.deepEqual(calls, [["file"]]);
});

test("watch: nothing is pending after it is disposed", async () => {
  const clock = handClock();
  const watch = watchFiles(
    ["file"],
    () => assert.fail("no change"),
    clock,
    async () => "1",
  );
  await clock.look();
  watch[Symbol.dispose]();
  assert.equal(clock.pending(), 0);
});
