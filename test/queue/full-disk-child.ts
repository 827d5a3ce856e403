/**
 * On a disk of a few MiB: accepts until it is full, settles all, accepts again. Prints what it saw as JSON.
 *
 *     node full-disk-child.ts DATA-FOLDER
 */
import { existsSync } from "node:fs";
import { systemClock } from "../../src/mail/clock.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { shardPaths } from "../../src/queue/sqlite/adopt-shards.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import { done, mail, memoryBody } from "./queue-world.ts";

const [directory = ""] = process.argv.slice(2);
const { file } = shardPaths(directory, 0);
const options = {
  ...shardPaths(directory, 0),
  clock: systemClock,
  historyMs: 3_600_000,
  reserveBytes: 8 * 1024 * 1024,
};
const body = memoryBody("x".repeat(5000));

async function acceptUntilFull(queue: Queue, prefix: string): Promise<string[]> {
  const stored: string[] = [];
  for (;;) {
    const id = `${prefix}-${stored.length}`;
    if ((await queue.accept(mail(id, undefined, { body }), "trying")).kind === "full") return stored;
    stored.push(id);
  }
}

let queue = await openSqliteQueue(options);
const stored = await acceptUntilFull(queue, "a");
const counted = (await queue.counts()).messages;
const reserveWhenFull = existsSync(`${file}-reserve`);
await Promise.all(stored.map((id) => queue.settle([done(id)], [])));
const left = (await queue.counts()).messages;
const reserveAfter = existsSync(`${file}-reserve`);
const refused = (await queue.accept(mail("b", undefined, { body }), "ready")).kind;
await queue[Symbol.asyncDispose]();
queue = await openSqliteQueue(options);
const accepted = (await queue.accept(mail("c", undefined, { body }), "ready")).kind;
const records = (await queue.unprojected(1_000_000)).length;
await queue[Symbol.asyncDispose]();
console.log(
  JSON.stringify({ stored: stored.length, counted, reserveWhenFull, left, reserveAfter, refused, accepted, records }),
);
