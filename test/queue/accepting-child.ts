/**
 * A process made to be killed: several callers accept mail, try it and settle it without end. Each line, written at
 * once to file descriptor 3, says what is certain by then: `accepted ID` after the promise, `settling ID` before the
 * call, `settled ID` after it. A dot for each goes to standard output, for whoever counts.
 *
 *     node accepting-child.ts DATA-FOLDER PREFIX
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../src/mail/clock.ts";
import { shardPaths } from "../../src/queue/sqlite/adopt-shards.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import { done, mail, memoryBody, spoolBody } from "./queue-world.ts";

const [directory = "", prefix = ""] = process.argv.slice(2);
const queue = await openSqliteQueue({ ...shardPaths(directory, 0), clock: systemClock, historyMs: 3_600_000 });

function say(what: string, id: string): void {
  writeSync(3, `${what} ${id}\n`);
  process.stdout.write(".");
}

async function caller(number: number): Promise<never> {
  for (let count = 0; ; count += 1) {
    const id = `${prefix}-${number}-${count}`;
    const text = `Subject: ${id}\r\n\r\n${"x".repeat(5000)}\r\n`;
    const body = count % 7 === 3 ? spoolBody(directory, `${id}.eml`, text) : memoryBody(text);
    await queue.accept(mail(id, undefined, { body }), "trying");
    say("accepted", id);
    if (count % 2 === 0) continue;
    say("settling", id);
    await queue.settle([done(id)], []);
    say("settled", id);
  }
}

await Promise.all(Array.from({ length: 20 }, (_, number) => caller(number)));
