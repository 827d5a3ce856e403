import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { changeUsersFile } from "./write-users-file.ts";

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-users-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, "users.yaml");
}

test("a new users file is its owner's alone", async (t) => {
  const file = fileFor(t);
  assert.equal(await changeUsersFile(file, async (text) => `${text}new`), true);
  assert.equal(readFileSync(file, "utf8"), "new");
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("one that exists keeps what its group may, and loses what others may", async (t) => {
  const file = fileFor(t);
  writeFileSync(file, "old", { mode: 0o644 });
  await changeUsersFile(file, async (text) => `${text} and new`);
  assert.equal(readFileSync(file, "utf8"), "old and new");
  assert.equal(statSync(file).mode & 0o777, 0o640);
});

test("a link stays one, and what it leads to is changed", async (t) => {
  const file = fileFor(t);
  writeFileSync(`${file}.real`, "old");
  symlinkSync(`${file}.real`, file);
  await changeUsersFile(file, async () => "new");
  assert.equal(readFileSync(`${file}.real`, "utf8"), "new");
  assert.deepEqual(readdirSync(path.dirname(file)).length, 2);
});

test("nothing to change, or a change that fails, leaves the file and nothing else", async (t) => {
  const file = fileFor(t);
  writeFileSync(file, "old");
  assert.equal(await changeUsersFile(file, async () => undefined), false);
  await assert.rejects(
    changeUsersFile(file, async () => {
      throw new Error("no password");
    }),
    /no password/,
  );
  assert.equal(readFileSync(file, "utf8"), "old");
  assert.deepEqual(readdirSync(path.dirname(file)), ["users.yaml"]);
});

test("two changes at once: the second is told to wait, and the first is whole", async (t) => {
  const file = fileFor(t);
  await changeUsersFile(file, async () => {
    await assert.rejects(
      changeUsersFile(file, async () => "second"),
      /another "letterlock user"/,
    );
    assert.equal(existsSync(file), false);
    return "first";
  });
  assert.equal(readFileSync(file, "utf8"), "first");
});
