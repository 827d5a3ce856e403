import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemFiles } from "./file-reader.ts";

test("file reader: regular files are read, anything else is a reason", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-reader-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, "file"), "text");
  execFileSync("mkfifo", [path.join(folder, "pipe")]);
  assert.deepEqual(systemFiles.read(path.join(folder, "file")), { kind: "found", text: "text" });
  const reasons = [folder, "none", "pipe", "file/below", "/dev/zero"].map((name) => {
    const answer = systemFiles.read(path.resolve(folder, name));
    return answer.kind === "failed" ? answer.reason : "found";
  });
  assert.deepEqual(reasons, [
    "it is no regular file",
    "there is no such file",
    "it is no regular file",
    "a part of its path is no folder",
    "it is no regular file",
  ]);
});

test("file reader: a name that no file can have is a file that is not there", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-reader-"));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync("circle", path.join(folder, "circle"));
  for (const name of ["x".repeat(300), "nul\0", "circle"]) {
    const file = `${folder}/${name}`;
    assert.equal(systemFiles.modifiedAt(file), undefined);
    assert.equal(systemFiles.read(file).kind, "failed");
    assert.equal(systemFiles.list(file), undefined);
  }
});
