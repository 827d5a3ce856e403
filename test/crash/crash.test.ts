/**
 * SIGKILL at random moments under load: what was acknowledged arrives, and no more than was in flight arrives twice.
 *
 * LETTERLOCK_CRASH_KILLS (default 20) makes it longer; LETTERLOCK_CRASH_SEED repeats one run's moments.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { CountingClient } from "./counting-client.ts";
import { RecordingSink } from "./recording-sink.ts";
import { type RelaySettings, RelayUnderTest } from "./relay-under-test.ts";

const kills = Number(process.env.LETTERLOCK_CRASH_KILLS ?? 20);
const seed = Number(process.env.LETTERLOCK_CRASH_SEED ?? 20_261_122);
const linuxOnly = process.platform === "linux" ? false : "reads /proc";

test(`SR-15: ${kills} kills of workers and of the whole relay lose nothing`, { skip: linuxOnly }, async (t) => {
  const dataDirectory = mkdtempSync(path.join(os.tmpdir(), "letterlock-crash-"));
  t.after(() => rmSync(dataDirectory, { recursive: true }));
  await using sink = await RecordingSink.listen();
  const settings: RelaySettings = { dataDirectory, workers: 2, sinkPort: sink.port };
  const random = seeded(seed);
  let inFlight = 0;
  let killsLeft = kills;
  let wake = (): void => undefined;
  const client = new CountingClient({ sizeBytes: 2000, onChange: () => wake() });

  /** Resolves at a random moment: after so many more acknowledgements, in the middle of the next one's handling. */
  const moment = (): Promise<void> => {
    const at = client.acknowledged.size + 1 + Math.floor(random() * 150);
    return new Promise((resolve) => {
      wake = () => client.acknowledged.size >= at && resolve();
    });
  };

  while (killsLeft > 0) {
    await using relay = await RelayUnderTest.start(settings);
    const sending = client.send(relay.port, 10);
    if (killsLeft > 1) {
      await moment();
      inFlight += await relay.killWorker((workers) => Math.floor(random() * workers));
      killsLeft -= 1;
    }
    await moment();
    inFlight += await relay.killTree();
    killsLeft -= 1;
    await sending;
  }

  await using relay = await RelayUnderTest.start(settings);
  await sink.waitFor(client.acknowledged, 10_000);
  await relay.stop();
  assert.equal(relay.queued(), 0, "the queue is empty");
  t.diagnostic(`seed ${seed}: ${client.acknowledged.size} acknowledged, ${kills} kills, 0 lost`);
  t.diagnostic(`${sink.duplicates} delivered twice, ${inFlight} were in flight at the kills`);
  assert.ok(client.acknowledged.size >= kills, "there was load");
  assert.ok(sink.duplicates <= inFlight, `${sink.duplicates} duplicates, ${inFlight} in flight`);
});

/** Mulberry32: the same seed, the same moments. */
function seeded(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
