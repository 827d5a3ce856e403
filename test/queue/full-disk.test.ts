/**
 * A disk that is really full (a small file system in a mount namespace of the test's own): new mail is refused, the
 * outcomes of the old are written all the same (AT-37).
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { dataFolder } from "./queue-world.ts";

test("full disk: accepts are refused, outcomes go through, nothing is lost (AT-37)", (t) => {
  const child = path.join(import.meta.dirname, "full-disk-child.ts");
  const script = 'mount -t tmpfs -o size=14m tmpfs "$1" && exec "$2" "$3" "$1"';
  const run = ["--map-root-user", "--mount", "sh", "-c", script, "sh", dataFolder(t), process.execPath, child];
  const seen = JSON.parse(execFileSync("unshare", run, { encoding: "utf8", timeout: 60_000 }));
  assert.ok(seen.stored > 100);
  assert.deepEqual(seen, {
    stored: seen.stored,
    counted: seen.stored,
    reserveWhenFull: true,
    left: 0,
    reserveAfter: false,
    refused: "full",
    accepted: "stored",
    records: seen.stored,
  });
});
