/**
 * PowerMTA's accounting files: names, numbers, ends, and whose they are.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { link, mkdir, readdir, readFile, rename, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { finishAbandoned } from "../../src/logs/sinks/abandoned-files.ts";
import type { NumberedFiles } from "../../src/mail/log-definition.ts";
import { HandClock } from "../dns/hand-clock.ts";
import { eventually, type SampleSink, sampleFolder, sinkTo, toldIn } from "./sink-lab.ts";

const head = "type,rcpt\r\n";
const hour = 3_600_000;

type Change = Partial<NumberedFiles> & Readonly<{ move?: boolean; head?: string }>;

async function lab(t: TestContext) {
  const folder = await sampleFolder(t);
  const pmta = path.join(folder, "pmta");
  const done = path.join(pmta, "done");
  const clock = new HandClock();
  // The day begins at midnight of the machine's zone, the clock at midnight of UTC.
  const midnight = new Date(clock.now());
  const untilNoon =
    new Date(midnight.getFullYear(), midnight.getMonth(), midnight.getDate(), 12).getTime() - clock.now();
  clock.advance(untilNoon > 0 ? untilNoon : untilNoon + 24 * hour);
  const open: SampleSink[] = [];
  const begin = ({ move = false, head: other = head, ...change }: Change = {}, worker = 0, workers = 1): SampleSink => {
    const target = {
      kind: "numbered-files",
      path: path.join(pmta, "acct.csv"),
      moveTo: move ? done : undefined,
      intervalMs: undefined,
      maxBytes: 1_000_000,
      deleteAfterMs: undefined,
      worldReadable: false,
      countMoved: false,
      sync: false,
      ...change,
    } as const;
    const log = sinkTo(target, { folder: path.join(folder, "data"), worker, workers }, { head: other, clock });
    open.push(log);
    return log;
  };
  t.after(() => Promise.all(open.map(({ sink }) => sink.close("stop"))));
  const files = async (place = pmta): Promise<Record<string, string>> => {
    const names = (await readdir(place, { withFileTypes: true })).filter((one) => one.isFile()).map(({ name }) => name);
    const texts = names.sort().map(async (name) => [name, await readFile(path.join(place, name), "utf8")] as const);
    return Object.fromEntries(await Promise.all(texts));
  };
  const today = (): string => {
    const at = new Date(clock.now());
    return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
  };
  const name = (number: number, day = today()): string => `acct-${day}-${String(number).padStart(4, "0")}.csv`;
  /** Moves the clock, and waits for what became due. */
  const pass = async (ms: number, ...logs: readonly SampleSink[]): Promise<void> => {
    clock.advance(ms);
    await Promise.all(logs.map(({ sink }) => sink.flush()));
  };
  return { folder, pmta, done, clock, begin, files, today, name, pass };
}

async function put({ sink }: SampleSink, ...rows: readonly string[]): Promise<void> {
  for (const row of rows) sink.write(`${row}\r\n`, 1);
  assert.equal(await sink.flush(), 0);
}

test("powermta T37: without move-to a full file is followed by the next number, each begins with the head", async (t) => {
  const { begin, files, name } = await lab(t);
  const log = begin({ maxBytes: 25 });
  await put(log, "d,a@example.com");
  await put(log, "d,b@example.com");
  await put(log, "d,c@example.com");
  assert.deepEqual(await files(), {
    [name(0)]: `${head}d,a@example.com\r\n`,
    [name(1)]: `${head}d,b@example.com\r\n`,
    [name(2)]: `${head}d,c@example.com\r\n`,
  });
  assert.deepEqual(toldIn(log.events), []);
});

test("powermta T38: an interval counts for files that are moved, not for others", async (t) => {
  const { begin, files, name, pass } = await lab(t);
  const log = begin({ intervalMs: 300_000 });
  await put(log, "d,a");
  await pass(600_000, log);
  await put(log, "d,b");
  assert.deepEqual(await files(), { [name(0)]: `${head}d,a\r\nd,b\r\n` });
});

test("numbered files: a finished file is moved when its interval is over, with its records counted if asked", async (t) => {
  const { begin, files, done, name, pass, today } = await lab(t);
  const log = begin({ move: true, intervalMs: 300_000, countMoved: true });
  await put(log, "d,a", "b,b");
  await pass(300_000, log);
  assert.deepEqual(await files(), {});
  assert.deepEqual(await files(done), { [`acct-${today()}-0000-2.csv`]: `${head}d,a\r\nb,b\r\n` });
  // Somebody loads and deletes it: its number is not given again.
  await unlink(path.join(done, `acct-${today()}-0000-2.csv`));
  await put(log, "d,c");
  assert.deepEqual(Object.keys(await files()), [name(1)]);
  await pass(600_000, log);
  await pass(600_000, log);
  assert.equal(Object.keys(await files(done)).length, 1, "nothing is begun without a line");
});

test("numbered files: at midnight a new day begins with number 0000", async (t) => {
  const { begin, files, name, pass, today } = await lab(t);
  const log = begin();
  await put(log, "d,a");
  const yesterday = today();
  await pass(12 * hour, log);
  await put(log, "d,b");
  assert.notEqual(yesterday, today());
  assert.deepEqual(Object.keys(await files()), [name(0, yesterday), name(0)]);
});

test("numbered files: SIGUSR1 ends the current one, as `pmta rotate acct` does", async (t) => {
  const { begin, files, name } = await lab(t);
  const log = begin();
  await put(log, "d,a");
  await log.sink.reopen();
  await put(log, "d,b");
  assert.deepEqual(Object.keys(await files()), [name(0), name(1)]);
});

test("numbered files: each worker has its own number, in one folder", async (t) => {
  const { begin, files, name } = await lab(t);
  const logs = [begin({}, 0, 2), begin({}, 1, 2)];
  await Promise.all(logs.map((log, worker) => put(log, `d,${worker}`)));
  const found = await files();
  assert.deepEqual(Object.keys(found), [name(0), name(1)]);
  assert.deepEqual(new Set(Object.values(found)), new Set([`${head}d,0\r\n`, `${head}d,1\r\n`]));
});

test("numbered files: for the group or for everybody to read", async (t) => {
  const { begin, pmta, name } = await lab(t);
  await put(begin(), "d,a");
  await put(begin({ path: path.join(pmta, "open.csv"), worldReadable: true, sync: true }), "d,a");
  const modeOf = async (file: string): Promise<number> => (await stat(path.join(pmta, file))).mode & 0o777;
  assert.deepEqual([await modeOf(name(0)), await modeOf(name(0).replace("acct", "open"))], [0o640, 0o644]);
});

test("numbered files: one that somebody deletes, or takes away, is followed by a new one with a head", async (t) => {
  const { begin, files, pmta, name, folder } = await lab(t);
  const log = begin();
  await put(log, "d,a");
  await unlink(path.join(pmta, name(0)));
  await put(log, "d,b");
  assert.deepEqual(await files(), { [name(1)]: `${head}d,b\r\n` });
  await rename(path.join(pmta, name(1)), path.join(folder, "taken.csv"));
  await put(log, "d,c");
  await put(log, "d,d");
  assert.equal(await readFile(path.join(folder, "taken.csv"), "utf8"), `${head}d,b\r\nd,c\r\n`);
  assert.deepEqual(await files(), { [name(2)]: `${head}d,d\r\n` });
});

test("numbered files: delete-after takes our own files, nobody else's", async (t) => {
  const { begin, files, pmta, name, pass, today } = await lab(t);
  await mkdir(pmta, { recursive: true });
  const theirs = "acct-2020-01-01-0000.csv";
  await writeFile(path.join(pmta, theirs), "of PowerMTA's days");
  const log = begin({ deleteAfterMs: 48 * hour });
  await put(log, "d,a");
  const first = today();
  await pass(12 * hour, log);
  await put(log, "d,b");
  const second = today();
  await pass(12 * hour, log);
  // The same name, another file: somebody unpacked a copy.
  await writeFile(path.join(pmta, "copy"), "a copy");
  await rename(path.join(pmta, "copy"), path.join(pmta, name(0, first)));
  await pass(12 * hour, log);
  await pass(47 * hour, log);
  assert.deepEqual(Object.keys(await files()), [theirs, name(0, first), name(0, second)].sort());
  await pass(2 * hour, log);
  assert.deepEqual(Object.keys(await files()), [theirs, name(0, first)]);
});

test("numbered files: a process that comes back goes on with the file, without the line that a crash cut off", async (t) => {
  const { begin, files, pmta, name } = await lab(t);
  const log = begin();
  await put(log, "d,a");
  await log.sink.close("stop");
  await writeFile(path.join(pmta, name(0)), "d,half", { flag: "a" });
  await put(begin(), "d,b");
  assert.deepEqual(await files(), { [name(0)]: `${head}d,a\r\nd,b\r\n` });
});

test("numbered files: with other columns, a day later or after its interval the file left is finished", async (t) => {
  const { begin, files, done, name, pass, today } = await lab(t);
  await put(begin(), "d,a");
  await put(begin({ head: "type,orig,rcpt\r\n" }), "d,b,b");
  assert.deepEqual(Object.keys(await files()), [name(0), name(1)]);
  const log = begin({ move: true, intervalMs: 300_000, head: "type,orig,rcpt\r\n" });
  const first = today();
  await log.sink.close("stop");
  await pass(24 * hour);
  await put(begin({ move: true, intervalMs: 300_000, head: "type,orig,rcpt\r\n" }), "d,c,c");
  assert.deepEqual(Object.keys(await files(done)), [name(1, first)]);
});

test("numbered files: worker 0 finishes what workers left that are no more", async (t) => {
  const { begin, files, done, name } = await lab(t);
  for (const worker of [0, 1, 2]) {
    const log = begin({ move: true }, worker, 3);
    await put(log, `d,${worker}`);
    await log.sink.close("stop");
  }
  const log = begin({ move: true });
  await put(log, "d,again");
  assert.deepEqual(await files(), { [name(0)]: `${head}d,0\r\nd,again\r\n` });
  assert.deepEqual(await files(done), { [name(1)]: `${head}d,1\r\n`, [name(2)]: `${head}d,2\r\n` });
});

test("numbered files: of a log that is no more the last one is finished, by a reload or at the next start", async (t) => {
  const { begin, files, done, name, clock, folder } = await lab(t);
  const log = begin({ move: true });
  await put(log, "d,a");
  await log.sink.close("removed");
  assert.deepEqual(Object.keys(await files(done)), [name(0)]);
  assert.deepEqual(await readdir(path.join(folder, "data")), []);

  const other = begin({ move: true });
  await put(other, "d,b");
  await other.sink.close("stop");
  assert.deepEqual(await finishAbandoned(path.join(folder, "data"), new Set(), clock.now()), []);
  assert.deepEqual(Object.keys(await files(done)), [name(0), name(1)]);
  assert.deepEqual(await readdir(path.join(folder, "data")), []);
});

test("numbered files: what cannot be moved stays, is told once and tried again; nothing there is overwritten", async (t) => {
  const { begin, files, done, name, pass } = await lab(t);
  await mkdir(done, { recursive: true });
  const log = begin({ move: true, intervalMs: 300_000 });
  await put(log, "d,a");
  await writeFile(path.join(done, name(0)), "another");
  await pass(300_000, log);
  await put(log, "d,b");
  await pass(300_000, log);
  assert.deepEqual(Object.keys(await files()), [name(0)]);
  assert.deepEqual(await files(done), { [name(0)]: "another", [name(1)]: `${head}d,b\r\n` });
  assert.deepEqual(toldIn(log.events).length, 1);
  assert.match(toldIn(log.events)[0] ?? "", /^told: cannot move a finished file: .* exists already$/);
  await unlink(path.join(done, name(0)));
  await pass(hour, log);
  assert.deepEqual(Object.keys(await files(done)), [name(0), name(1)]);
});

test("numbered files: move-to on another volume is told in words, and mail's records go on", async (t) => {
  const { begin, files, name, pass } = await lab(t);
  const elsewhere = `/dev/shm/letterlock-${process.pid}`;
  const device = await stat("/dev/shm").catch(() => undefined);
  const log = begin({ moveTo: elsewhere, intervalMs: 300_000 });
  await put(log, "d,a");
  if (device === undefined || device.dev === (await stat(path.join("/", "tmp"))).dev)
    return t.skip("needs a second volume at /dev/shm");
  await pass(300_000, log);
  await put(log, "d,b");
  assert.deepEqual(Object.keys(await files()), [name(0), name(1)]);
  assert.match(
    toldIn(log.events).join("; "),
    /^told: finished files stay where they are: move-to .* is on another volume/,
  );
  await rmdir(elsewhere);
});

test("numbered files: a name that leads to somebody else's file is never opened", async (t) => {
  const { begin, files, pmta, folder, name } = await lab(t);
  await mkdir(pmta, { recursive: true });
  await writeFile(path.join(folder, "precious"), "precious");
  await link(path.join(folder, "precious"), path.join(pmta, name(0)));
  await put(begin(), "d,a");
  assert.deepEqual(await files(), { [name(0)]: "precious", [name(1)]: `${head}d,a\r\n` });
});

test("numbered files: a ledger that somebody damaged makes nothing ours, and the log goes on", async (t) => {
  const { begin, files, folder, name } = await lab(t);
  const log = begin();
  await put(log, "d,a");
  await log.sink.close("stop");
  const data = path.join(folder, "data");
  const [ledger = ""] = (await readdir(data)).filter((each) => each.startsWith("files-"));
  await writeFile(path.join(data, ledger), "{}");
  await put(begin(), "d,b");
  assert.deepEqual(await files(), { [name(0)]: `${head}d,a\r\n`, [name(1)]: `${head}d,b\r\n` });
});

const modules = (name: string): string => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);

/** Writes rows until it is killed. */
const childProgram = `
  import { createTarget } from ${modules("logs/sinks/create-target.ts")};
  import { LineSink } from ${modules("logs/sinks/line-sink.ts")};
  import { systemClock } from ${modules("mail/clock.ts")};
  const [base, folder, from] = process.argv.slice(1);
  const target = { kind: "numbered-files", path: base, maxBytes: 20_000, worldReadable: false, countMoved: false, sync: false };
  let number = Number(from);
  const sink = new LineSink({
    log: "acct", target: base, clock: systemClock, observe: (event) => console.error(event),
    onProgress: () => console.log(sink.doneUpTo === Infinity ? number - 1 : sink.doneUpTo),
    createTarget: (tools) => createTarget(target, "type,rcpt\\r\\n", { worker: 0, workers: 1, folder }, tools),
  });
  setInterval(() => { for (let count = 0; count < 100; count += 1) sink.write("d," + number + "\\r\\n", number++); }, 1);
`;

test("numbered files: kill -9 again and again: every row that was done is there, whole, each file under its head", async (t) => {
  const { pmta, folder } = await lab(t);
  let next = 0;
  for (let round = 0; round < 3; round += 1) {
    const args = [
      "--input-type=module-typescript",
      "-e",
      childProgram,
      path.join(pmta, "acct.csv"),
      path.join(folder, "data"),
      `${next}`,
    ];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let told = "";
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.toString();
    });
    await eventually(() => told.split("\n").length > 10, "ten batches");
    child.kill("SIGKILL");
    await once(child, "close");
    next = Number(told.split("\n").at(-2)) + 1;
  }
  const names = (await readdir(pmta)).sort();
  const texts = await Promise.all(names.map((name) => readFile(path.join(pmta, name), "utf8")));
  assert.ok(names.length > 3);
  // A process that dies between making a file and noting that it is its own leaves it empty.
  for (const text of texts) assert.match(text, /^(?:type,rcpt\r\n|$)/);
  const rows = texts
    .join("")
    .split("\r\n")
    .filter((row) => row !== "type,rcpt");
  assert.ok(
    rows.slice(0, -1).every((row) => /^d,\d+$/.test(row)),
    "no row is torn",
  );
  const found = new Set(rows);
  for (let number = 0; number < next; number += 1) assert.ok(found.has(`d,${number}`), `row ${number}`);
  assert.deepEqual(
    names.map((name) => Number(name.slice(-8, -4))),
    names.map((_, index) => index),
  );
});
