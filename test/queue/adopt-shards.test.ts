import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { adoptShards, shardPaths } from "../../src/queue/sqlite/adopt-shards.ts";
import { openForReading } from "../../src/queue/sqlite/reading.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import { again, dataFolder, done, HandClock, mail, shardOptions, spoolBody, start } from "./queue-world.ts";

const everything = { after: undefined, limit: 100 };

/** A shard with a message in each state, a spool file, and two records of which one was projected. */
async function fillShard(directory: string, shard: number): Promise<void> {
  await using queue = await openSqliteQueue(shardOptions(directory, shardPaths(directory, shard)));
  const name = (what: string) => `${what}-${shard}`;
  await queue.accept(mail(name("ready")), "ready");
  await queue.accept(mail(name("held")), "ready");
  await queue.hold({ ids: [name("held")] });
  const body = spoolBody(directory, `${name("trying")}.eml`, "Subject: large\r\n\r\nbody", shard);
  await queue.accept(mail(name("trying"), ["a@example.com", "b@example.com"], { body }), "trying");
  await queue.accept(mail(name("gone")), "trying");
  await queue.settle([done(name("gone"))], []);
  queue.markProjected([`${name("gone")}.0.1`]);
  await queue.settle([again(name("trying"), 0, start + 1)], []);
}

async function contents(directory: string): Promise<unknown> {
  const recovered: number[] = [];
  const options = shardOptions(directory, { onRecovered: (count) => recovered.push(count) });
  await using queue = await openSqliteQueue(options);
  const entries = await queue.list({}, everything);
  return {
    entries: entries.map(({ messageId, number, state, attempts }) => `${messageId}.${number} ${state} ${attempts}`),
    counts: await queue.counts(),
    unprojected: (await queue.unprojected(10)).map(({ id }) => id),
    spool: readdirSync(options.spoolDirectory).sort(),
    files: readdirSync(directory).sort(),
    recovered,
  };
}

const merged = {
  entries: [0, 1, 2]
    .flatMap((shard) => [
      `held-${shard}.0 held 0`,
      `ready-${shard}.0 ready 0`,
      `trying-${shard}.0 ready 1`,
      `trying-${shard}.1 ready 0`,
    ])
    .sort(),
  counts: { messages: 9, ready: 9, trying: 0, held: 3, bodyBytes: 3 * (22 + 34 + 35) },
  unprojected: ["trying-0.0.1", "trying-1.0.1", "trying-2.0.1"],
  spool: ["trying-0.eml", "trying-1.eml", "trying-2.eml"],
  files: ["queue-0.sqlite", "queue-0.sqlite-owner", "queue-0.sqlite-wal", "spool"],
  recovered: [1],
};

test("fewer workers: their shards move into the others, whole", async (t) => {
  const directory = dataFolder(t);
  for (const shard of [0, 1, 2]) await fillShard(directory, shard);
  assert.deepEqual(adoptShards(directory, 1, new HandClock()), [1, 2]);
  assert.deepEqual(await contents(directory), merged);
  assert.deepEqual(adoptShards(directory, 1), []);
});

test("what was cut off by a crash is moved as uncertain, and its records with it", async (t) => {
  const directory = dataFolder(t);
  await fillShard(directory, 3);
  adoptShards(directory, 2, new HandClock());
  await using queue = await openSqliteQueue(shardOptions(directory, shardPaths(directory, 1)));
  const taken = await queue.take(start, 10);
  const trying = taken.find(({ id }) => id === "trying-3");
  assert.deepEqual(
    trying?.recipients.map(({ number, uncertain }) => [number, uncertain]),
    [[1, true]],
  );
  assert.equal((await queue.show("trying-3"))?.attempts.length, 1);
});

test("a crash after the renaming: the next start goes on, also with more workers than before", async (t) => {
  const directory = dataFolder(t);
  for (const shard of [0, 1, 2]) await fillShard(directory, shard);
  renameSync(shardPaths(directory, 1).file, path.join(directory, "queue-1.into-0.sqlite"));
  assert.deepEqual(adoptShards(directory, 3, new HandClock()), [1]);
  assert.deepEqual(adoptShards(directory, 1, new HandClock()), [2]);
  const { entries } = (await contents(directory)) as typeof merged;
  assert.deepEqual(
    entries.filter((entry) => entry.includes("-2") || entry.includes("-0")),
    merged.entries.filter((entry) => !entry.includes("-1")),
  );
  assert.equal(entries.filter((entry) => entry.includes("-1")).length, 4);
});

test("a crash before the deletion: nothing is there twice", async (t) => {
  const directory = dataFolder(t);
  for (const shard of [0, 1, 2]) await fillShard(directory, shard);
  const aside = path.join(dataFolder(t), "copy");
  copyFileSync(shardPaths(directory, 1).file, aside);
  adoptShards(directory, 1, new HandClock());
  copyFileSync(aside, path.join(directory, "queue-1.into-0.sqlite"));
  assert.deepEqual(adoptShards(directory, 1, new HandClock()), [1]);
  assert.deepEqual(await contents(directory), merged);
});

test("a shard that no relay has open can be read as it lies; one in use cannot", async (t) => {
  const directory = dataFolder(t);
  await fillShard(directory, 0);
  const { file, spoolDirectory } = shardPaths(directory, 0);
  {
    using reading = openForReading(file, spoolDirectory, start);
    assert.deepEqual(reading.counts(), { messages: 3, ready: 2, trying: 1, held: 1, bodyBytes: 22 + 34 + 35 });
    assert.deepEqual(
      reading.list({ state: "trying" }, everything).map(({ messageId, number }) => [messageId, number]),
      [["trying-0", 1]],
    );
    assert.equal(reading.show("trying-0")?.header, "Subject: large\r\n");
    assert.equal(reading.show("none"), undefined);
  }
  await using _queue = await openSqliteQueue(shardOptions(directory));
  assert.throws(() => openForReading(file, spoolDirectory, start), /in use by process/);
});

test("an empty data folder has nothing to adopt", (t) => {
  const directory = path.join(dataFolder(t), "data");
  mkdirSync(directory);
  assert.deepEqual(adoptShards(directory, 2), []);
  assert.equal(existsSync(path.join(directory, "spool")), false);
});
