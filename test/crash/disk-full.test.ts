/**
 * A disk that fills up: senders are told to wait, what was acknowledged stays, and mail flows again with space.
 *
 * The data folder is a small filesystem in memory, which takes root to mount.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { CountingClient } from "./counting-client.ts";
import { RecordingSink } from "./recording-sink.ts";
import { RelayUnderTest } from "./relay-under-test.ts";

const rows: readonly [name: string, freeDisk: string][] = [
  ["no byte is left", "0 B"],
  ["the reserve is touched", "8 MB"],
];

for (const [name, freeDisk] of rows) {
  test(`SR-15: the disk fills up until ${name}`, async (t) => {
    await using disk = mountSmallDisk();
    if (disk === undefined) return t.skip("needs to be allowed to mount a filesystem");
    await using sink = await RecordingSink.listen();
    sink.refuse(true); // mail stays, so that the disk fills
    const more = `limits: {free-disk: ${freeDisk}}`;
    await using relay = await RelayUnderTest.start({
      dataDirectory: disk.folder,
      workers: 1,
      sinkPort: sink.port,
      more,
    });

    const client = new CountingClient({ sizeBytes: 100_000, onChange: () => undefined });
    const refused = (): number => [...client.refusals.values()].reduce((sum, count) => sum + count, 0);
    await client.send(relay.port, 5, () => refused() >= 10);
    assert.deepEqual(
      [...client.refusals.keys()].filter((code) => code !== 451 && code !== 452),
      [],
    );
    t.diagnostic(
      `${client.acknowledged.size} taken, then ${[...client.refusals].map(([code, count]) => `${count} × ${code}`)}`,
    );
    assert.ok(client.acknowledged.size > 50, `${client.acknowledged.size} were taken before the disk was full`);

    disk.grow();
    sink.refuse(false);
    await sink.waitFor(client.acknowledged, 15_000);
    const before = client.acknowledged.size;
    await client.send(relay.port, 1, () => client.acknowledged.size > before);
    await sink.waitFor(client.acknowledged, 15_000);
  });
}

type SmallDisk = Readonly<{ folder: string; grow: () => void }> & AsyncDisposable;

/** `undefined` where this process may not mount. */
function mountSmallDisk(): SmallDisk | undefined {
  const folder = mkdtempSync(path.join(os.tmpdir(), "letterlock-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", folder]).status !== 0) {
    rmdirSync(folder);
    return undefined;
  }
  return {
    folder,
    grow: () => void execFileSync("mount", ["-o", "remount,size=200m", folder]),
    [Symbol.asyncDispose]: async () => {
      // The threads of a killed process let go of its files a moment after it is gone.
      for (let tries = 0; spawnSync("umount", [folder]).status !== 0; tries += 1) {
        assert.ok(tries < 100, `${folder} stays busy`);
        await setTimeout(50);
      }
      rmdirSync(folder);
    },
  };
}
