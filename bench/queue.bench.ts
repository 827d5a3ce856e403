/**
 * What the embedded queue costs by itself: no network, one shard, synced commits.
 *
 *     node bench/queue.bench.ts flow [seconds] [callers]     accept + settle (5 KB, one recipient), messages/s and CPU
 *     node bench/queue.bench.ts backlog [rows]               start, take and accept with that many deferred messages
 *
 * Run it in a folder on the disk that is to be measured (`LETTERLOCK_BENCH_DIR`, else the system's folder for
 * temporary files).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { systemClock } from "../src/mail/clock.ts";
import type { NewMail, Queue, Settlement } from "../src/queue/queue.ts";
import { openSqliteQueue } from "../src/queue/sqlite/sqlite-queue.ts";
import { recordOf, smallMail } from "./records.ts";

/** Operations of each group committed since it was emptied. */
let groups: number[] = [];

function settlement(sent: NewMail, next: Settlement["next"]): Settlement {
  return { messageId: sent.id, number: 0, record: recordOf(sent.id, Date.now(), 1000), next };
}

async function flow(queue: Queue, seconds: number, callers: number): Promise<void> {
  groups = [];
  const cpu = process.cpuUsage();
  const mainCpu = process.threadCpuUsage();
  const started = performance.now();
  let done = 0;
  const waits: number[] = [];
  const caller = async () => {
    while (performance.now() - started < seconds * 1000) {
      const one = smallMail();
      const before = performance.now();
      await queue.accept(one, "trying");
      waits.push(performance.now() - before);
      const settled = settlement(one, { kind: "done" });
      await queue.settle([settled], []);
      queue.markProjected([settled.record.id]);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const wall = (performance.now() - started) / 1000;
  const all = process.cpuUsage(cpu);
  const main = process.threadCpuUsage(mainCpu);
  waits.sort((a, b) => a - b);
  const perMessage = (usage: NodeJS.CpuUsage) => ((usage.user + usage.system) / done).toFixed(1);
  const rest = { user: all.user - main.user, system: all.system - main.system };
  console.log(`${callers} callers, ${wall.toFixed(1)} s: ${Math.round(done / wall)} messages/s`);
  console.log(`  CPU per message: event loop ${perMessage(main)} µs, store thread and others ${perMessage(rest)} µs`);
  console.log(
    `  groups ${groups.length}, mean ${((2 * done) / groups.length).toFixed(1)}, largest ${Math.max(...groups)}`,
  );
  const at = (share: number) => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(2);
  console.log(`  accept ms: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(0.99999)}`);
}

function resident(): string {
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return `resident ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB, peak ${Math.round(Number(peak) / 1024)} MiB`;
}

async function timed<Result>(what: string, run: () => Promise<Result>): Promise<Result> {
  const started = performance.now();
  const result = await run();
  console.log(`${what}: ${(performance.now() - started).toFixed(1)} ms; ${resident()}`);
  return result;
}

async function fill(queue: Queue, rows: number): Promise<void> {
  const due = Date.now() + 3_600_000;
  for (let done = 0; done < rows; done += 1000) {
    const mails = Array.from({ length: 1000 }, smallMail);
    await Promise.all(mails.map((one) => queue.accept(one, "trying")));
    const next = { kind: "again", nextTryAt: due + (done % 100_000), delayNotified: false } as const;
    await queue.settle(
      mails.map((one) => settlement(one, next)),
      [],
    );
    queue.markProjected(mails.map((one) => `${one.id}.0.1`));
  }
}

async function backlog(open: () => Promise<Queue>, file: string): Promise<void> {
  console.log(`file ${Math.round(statSync(file).size / 2 ** 20)} MiB`);
  await using queue = await timed("start", open);
  const later = Date.now() + 7_200_000;
  console.log(await timed("counts", () => queue.counts()));
  await timed("next due", () => queue.nextDueAt());
  await timed("take 100, nothing due but one", () => queue.take(Date.now(), 100));
  const taken = await timed("take 100 of all due", () => queue.take(later, 100));
  await timed("put 100 back", () =>
    queue.putBack(
      taken.map((one) => ({ messageId: one.id, number: 0 })),
      Date.now() + 3_600_000,
    ),
  );
  await timed("list 100", () => queue.list({}, { after: undefined, limit: 100 }));
  const filtered = timed("list by a domain nobody has", () =>
    queue.list({ domain: "none.example.com" }, { after: undefined, limit: 100 }),
  );
  await flow(queue, 5, 100);
  await filtered;
  await flow(queue, 5, 100);
  console.log(resident());
  await timed("retry all", () => queue.retry({}, Date.now()));
}

function openIn(directory: string): Promise<Queue> {
  return openSqliteQueue({
    file: path.join(directory, "queue-0.sqlite"),
    spoolDirectory: path.join(directory, "spool", "0"),
    clock: systemClock,
    historyMs: 604_800_000,
    onCommit: (operations) => groups.push(operations),
  });
}

const [mode = "flow", first, second] = process.argv.slice(2);
if (mode === "fill") {
  // A process of its own, killed at the end: memory is measured in one that finds the backlog after a crash.
  const queue = await openIn(second ?? ".");
  await fill(queue, Number(first));
  await queue.accept(smallMail(), "trying");
  process.kill(process.pid, "SIGKILL");
}
const directory = mkdtempSync(path.join(process.env.LETTERLOCK_BENCH_DIR ?? os.tmpdir(), "letterlock-bench-"));
const open = () => openIn(directory);
try {
  if (mode === "flow") {
    await using queue = await open();
    await flow(queue, Number(first ?? 5), Number(second ?? 100));
    console.log(resident());
  } else if (mode === "backlog") {
    spawnSync(process.execPath, [import.meta.filename, "fill", first ?? "1000000", directory], { stdio: "inherit" });
    await backlog(open, path.join(directory, "queue-0.sqlite"));
  } else throw new Error(`no such mode: ${mode}`);
} finally {
  rmSync(directory, { recursive: true });
}
