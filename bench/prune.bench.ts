/**
 * What records that grow too old cost the mail that flows meanwhile: no network, one shard, synced commits.
 *
 *     node bench/prune.bench.ts [records]
 *
 * Fills a shard with that many old records, then lets 100 callers accept and settle: first alone, then while the
 * records are deleted. In `LETTERLOCK_BENCH_DIR`, else the system's folder for temporary files.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../src/mail/clock.ts";
import type { Queue } from "../src/queue/queue.ts";
import { openSqliteQueue } from "../src/queue/sqlite/sqlite-queue.ts";
import { fillRecords, recordOf, tinyMail } from "./records.ts";

const historyMs = 30 * 86_400_000;
const callers = 100;

/** Housekeeping waits here until it is let go. */
const housekeeping: (() => void)[] = [];
const clock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    if (ms < 60_000) return systemClock.after(ms, run);
    housekeeping.push(run);
    return { cancel: () => housekeeping.splice(0) };
  },
};

/** Accepts and settles until told to stop; says how long each commit kept its caller. */
async function flow(queue: Queue, name: string, goesOn: () => boolean): Promise<void> {
  const waits: number[] = [];
  const started = performance.now();
  const caller = async () => {
    while (goesOn()) {
      const mail = tinyMail();
      const before = performance.now();
      await queue.accept(mail, "trying");
      const between = performance.now();
      const record = recordOf(mail.id, Date.now(), 1000);
      await queue.settle([{ messageId: mail.id, number: 0, record, next: { kind: "done" } }], []);
      queue.markProjected([record.id]);
      waits.push(between - before, performance.now() - between);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const seconds = (performance.now() - started) / 1000;
  waits.sort((a, b) => a - b);
  const at = (share: number) => (waits[Math.floor((waits.length - 1) * share)] ?? 0).toFixed(1);
  const rate = Math.round(waits.length / 2 / seconds);
  console.log(
    `${name}: ${seconds.toFixed(1)} s, ${rate} messages/s; a commit takes ms p50 ${at(0.5)}, p99 ${at(0.99)}, ` +
      `p99.9 ${at(0.999)}, max ${at(1)}`,
  );
}

const directory = mkdtempSync(path.join(process.env.LETTERLOCK_BENCH_DIR ?? os.tmpdir(), "letterlock-prune-"));
const file = path.join(directory, "queue-0.sqlite");
const open = () =>
  openSqliteQueue({
    file,
    spoolDirectory: path.join(directory, "spool", "0"),
    clock,
    historyMs,
    onTrouble: (error) => console.log(error),
  });
const size = (name: string) => `${Math.round(statSync(name).size / 2 ** 20)} MiB`;
try {
  const records = Number(process.argv[2] ?? 1_000_000);
  {
    await using queue = await open();
    await fillRecords(queue, records, Date.now() - historyMs - 5 * 86_400_000, 86_400_000);
  }
  housekeeping.length = 0;
  {
    await using queue = await open();
    console.log(`${records} old records, file ${size(file)}`);
    for (const seconds of [5, 10]) {
      const end = performance.now() + seconds * 1000;
      await flow(queue, "alone", () => performance.now() < end);
    }
    const end = performance.now() + 120_000;
    for (const run of housekeeping.splice(0)) run();
    await flow(queue, "while records go", () => housekeeping.length === 0 && performance.now() < end);
    console.log(`WAL ${size(`${file}-wal`)}, file ${size(file)}`);
    const after = performance.now() + 5_000;
    await flow(queue, "alone", () => performance.now() < after);
  }
  using database = new DatabaseSync(file, { readOnly: true });
  for (const table of ["attempt", "tally", "word"]) {
    console.log(`${table}: ${database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n} rows left`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
