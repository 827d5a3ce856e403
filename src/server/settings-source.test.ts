import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { isStale, prepareSettings, readSettings, type Snapshot, settingsOf } from "./settings-source.ts";

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-source-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const rows: readonly (readonly [name: string, change: (folder: string) => void, stale: boolean])[] = [
  ["nothing", () => undefined, false],
  ["a text", (folder) => writeFileSync(path.join(folder, "read"), "other"), true],
  ["a file that is away", (folder) => rmSync(path.join(folder, "read")), true],
  ["a file that was missing", (folder) => writeFileSync(path.join(folder, "none"), ""), true],
  ["a time alone", (folder) => utimesSync(path.join(folder, "timed"), 1, 1), true],
  ["a time of what was missing", (folder) => writeFileSync(path.join(folder, "untimed"), ""), true],
  ["a file in a listed folder", (folder) => writeFileSync(path.join(folder, "listed/b"), ""), true],
  ["a folder that was missing", (folder) => mkdirSync(path.join(folder, "unlisted")), true],
  ["the text of a file that was only listed", (folder) => writeFileSync(path.join(folder, "listed/a"), "other"), false],
];

for (const [name, change, stale] of rows) {
  test(`snapshot: ${name} changed: ${stale ? "stale" : "as it was"}`, (t) => {
    const folder = folderFor(t);
    const at = (file: string): string => path.join(folder, file);
    mkdirSync(at("listed"));
    for (const file of ["read", "timed", "listed/a"]) writeFileSync(at(file), "text");
    const snapshot: Snapshot = {
      texts: {
        [at("read")]: { kind: "found", text: "text" },
        [at("none")]: { kind: "failed", reason: "there is no such file" },
      },
      folders: { [at("listed")]: ["a"], [at("unlisted")]: null },
      times: { [at("timed")]: statSync(at("timed")).mtimeMs, [at("untimed")]: null },
    };
    change(folder);
    assert.equal(isStale(snapshot), stale);
  });
}

test("snapshot: another process makes the same settings of it, whatever the files say by then", async (t) => {
  const folder = folderFor(t);
  const file = path.join(folder, "letterlock.yaml");
  writeFileSync(file, "hostname: first.example\n");
  const source = { file, data: path.join(folder, "data") };
  const { settings, snapshot } = await prepareSettings(source);
  writeFileSync(file, "hostname: second.example\n");
  rmSync(path.join(folder, "data"), { recursive: true });
  const theirs = settingsOf(source, JSON.parse(JSON.stringify(snapshot)) as Snapshot);
  assert.deepEqual([settings?.hostname, theirs.hostname], ["first.example", "first.example"]);
  assert.deepEqual(theirs.listeners, settings?.listeners);
  assert.ok(isStale(snapshot));
});

test("snapshot: a configuration with errors has problems and no settings; its texts are known all the same", (t) => {
  const file = path.join(folderFor(t), "letterlock.yaml");
  writeFileSync(file, "hostnam: first.example\n");
  const { settings, problems, snapshot } = readSettings({ file, data: undefined });
  assert.deepEqual([settings, problems.length, Object.keys(snapshot.texts)[0]], [undefined, 1, file]);
});
