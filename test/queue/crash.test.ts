/**
 * kill -9 at any moment: what was accepted is there, what was settled is not tried again (SR-15, QU-7, AT-37).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { Queue, QueueEntry } from "../../src/queue/queue.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import { dataFolder, shardOptions } from "./queue-world.ts";

const child = path.join(import.meta.dirname, "accepting-child.ts");
const rounds = 10;

class Said {
  readonly accepted = new Set<string>();
  readonly settling = new Set<string>();
  readonly settled = new Set<string>();

  hear(line: string): void {
    const [what, id, rest] = line.split(" ");
    if (id === undefined || rest !== undefined) return;
    if (what === "accepted") this.accepted.add(id);
    if (what === "settling") this.settling.add(id);
    if (what === "settled") this.settled.add(id);
  }
}

/** Runs a child until it has said `lines` lines, then kills it; all that it managed to say is heard. */
async function runAndKill(directory: string, round: number, lines: number, said: Said): Promise<void> {
  const notes = path.join(directory, `notes-${round}`);
  const handle = openSync(notes, "a");
  const stdio = ["ignore", "pipe", "inherit", handle] as const;
  const running = spawn(process.execPath, [child, directory, `r${round}`], { stdio: [...stdio] });
  closeSync(handle);
  const exited = once(running, "exit");
  let dots = 0;
  running.stdout?.on("data", (chunk: Buffer) => {
    dots += chunk.length;
    if (dots >= lines) running.kill("SIGKILL");
  });
  assert.deepEqual(await exited, [null, "SIGKILL"]);
  for (const line of readFileSync(notes, "utf8").split("\n")) said.hear(line);
}

async function everything(queue: Queue): Promise<QueueEntry[]> {
  return [...(await queue.list({}, { after: undefined, limit: 1_000_000 }))];
}

test(`killed ${rounds} times under load: 0 lost, none settled comes back`, async (t) => {
  const directory = dataFolder(t);
  const said = new Said();
  for (let round = 0; round < rounds; round += 1) {
    await runAndKill(directory, round, 20 + Math.floor(Math.random() * 1500), said);
  }
  const options = shardOptions(directory);
  await using queue = await openSqliteQueue(options);
  const entries = await everything(queue);
  const stored = new Set(entries.map(({ messageId }) => messageId));
  const lost = [...said.accepted].filter((id) => !stored.has(id) && !said.settling.has(id));
  const back = [...said.settled].filter((id) => stored.has(id));
  assert.ok(said.accepted.size > 100);
  assert.deepEqual({ lost, back }, { lost: [], back: [] });
  assert.deepEqual(new Set(entries.map(({ state }) => state)), new Set(["ready"]));

  // Every settled one left its record, and nothing else is owed by the spool folder.
  const records = new Set((await queue.unprojected(1_000_000)).map(({ messageId }) => messageId));
  assert.deepEqual(
    [...said.settled].filter((id) => !records.has(id)),
    [],
  );
  const spooled = entries.filter(({ messageId }) => Number(messageId.split("-")[2]) % 7 === 3);
  assert.deepEqual(
    readdirSync(options.spoolDirectory).sort(),
    spooled.map(({ messageId }) => `${messageId}.eml`).sort(),
  );
  assert.equal((await queue.counts()).messages, stored.size);
});
