/**
 * What a long history costs: no network, one shard, synced commits, 100 callers that accept and settle meanwhile.
 *
 *     node bench/history.bench.ts report [records] [domains]   `report tls` by each grouping, beside the mail and alone
 *     node bench/history.bench.ts prune [records]              records that are too old go, all at once
 *
 * In a folder on the disk that is to be measured (`LETTERLOCK_BENCH_DIR`, else the system's folder for temporary files).
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../src/mail/clock.ts";
import type { Queue } from "../src/queue/queue.ts";
import { openForReading } from "../src/queue/sqlite/reading.ts";
import { openSqliteQueue } from "../src/queue/sqlite/sqlite-queue.ts";
import { groupings } from "../src/queue/tls-report.ts";
import { fillRecords, recordOf, smallMail } from "./records.ts";

const dayMs = 86_400_000;
const historyMs = 30 * dayMs;
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
      const mail = smallMail();
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

function flowFor(queue: Queue, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  return flow(queue, "alone", () => performance.now() < end);
}

function open(): Promise<Queue> {
  const onTrouble = (error: string) => console.log(error);
  return openSqliteQueue({ file, spoolDirectory, clock, historyMs, onTrouble });
}

function size(name: string): string {
  return `${Math.round(statSync(name).size / 2 ** 20)} MiB`;
}

async function reports(records: number, domains: number): Promise<void> {
  const now = Date.now();
  const query = { since: now - 7 * dayMs, until: now + dayMs, limit: 50 };
  {
    await using queue = await open();
    await fillRecords(queue, records, now - 6 * dayMs, 6 * dayMs, domains);
    console.log(`${records} records, file ${size(file)}`);
    await flowFor(queue, 5);
    let asked = 0;
    const done = Promise.withResolvers<void>();
    const ask = async () => {
      for (const by of groupings) {
        const started = performance.now();
        const { keys } = await queue.report({ ...query, by });
        console.log(`  beside the mail, by ${by}: ${(performance.now() - started).toFixed(0)} ms, ${keys} rows`);
        asked += 1;
      }
      done.resolve();
    };
    void ask();
    await flow(queue, "while reports are made", () => asked < groupings.length);
    await done.promise;
  }
  for (const by of groupings) {
    const started = performance.now();
    using reading = openForReading(file, spoolDirectory, now);
    reading.report({ ...query, by });
    console.log(`  relay stopped, by ${by}: ${(performance.now() - started).toFixed(0)} ms`);
  }
}

async function prune(records: number): Promise<void> {
  {
    await using queue = await open();
    await fillRecords(queue, records, Date.now() - historyMs - 5 * dayMs, dayMs, 1000);
  }
  housekeeping.length = 0;
  await using queue = await open();
  console.log(`${records} old records, file ${size(file)}`);
  await flowFor(queue, 10);
  const end = performance.now() + 300_000;
  for (const run of housekeeping.splice(0)) run();
  await flow(queue, "while records go", () => housekeeping.length === 0 && performance.now() < end);
  console.log(`WAL ${size(`${file}-wal`)}, file ${size(file)}`);
  await flowFor(queue, 10);
}

const [mode = "report", records = "1000000", domains = "1000"] = process.argv.slice(2);
const directory = mkdtempSync(path.join(process.env.LETTERLOCK_BENCH_DIR ?? os.tmpdir(), "letterlock-history-"));
const file = path.join(directory, "queue-0.sqlite");
const spoolDirectory = path.join(directory, "spool", "0");
try {
  if (mode === "report") await reports(Number(records), Number(domains));
  else if (mode === "prune") await prune(Number(records));
  else throw new Error(`no such mode: ${mode}`);
  using database = new DatabaseSync(file, { readOnly: true });
  const rows = ["attempt", "tally", "word"].map((table) => {
    return `${table} ${database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n}`;
  });
  console.log(`rows: ${rows.join(", ")}`);
} finally {
  rmSync(directory, { recursive: true });
}
