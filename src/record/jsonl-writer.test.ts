import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { AttemptRecord } from "../mail/attempt.ts";
import { sampleAttempt } from "../mail/attempt-sample.ts";
import { type Clock, systemClock } from "../mail/clock.ts";
import type { LetterlockEvent } from "../observe/events.ts";
import { openRecordWriter, type RecordWriterOptions } from "./jsonl-writer.ts";

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), "records-"));
  t.after(() => rm(made, { recursive: true }));
  return made;
}

function numbered(number: number): AttemptRecord {
  return { ...sampleAttempt, id: `M.${number}.1` };
}

function options(file: string, change: Partial<RecordWriterOptions> = {}): RecordWriterOptions {
  return { file, maxBytes: 0, keepFiles: 10, clock: systemClock, observe: () => {}, ...change };
}

/** A clock that stands still; `run` fires what is due. */
function handClock(): Clock & { run(): void } {
  let due: (() => void)[] = [];
  return {
    now: () => Date.UTC(2026, 10, 21),
    after(_ms, run) {
      due.push(run);
      return {
        cancel() {
          due = due.filter((other) => other !== run);
        },
      };
    },
    run() {
      for (const run of due.splice(0)) run();
    },
  };
}

async function idsIn(file: string): Promise<string[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  assert.equal(lines.pop(), "");
  return lines.map((line) => (JSON.parse(line) as AttemptRecord).id);
}

async function idsInFolder(place: string): Promise<string[]> {
  const files = await readdir(place);
  return (await Promise.all(files.map((name) => idsIn(path.join(place, name))))).flat();
}

test("records: lines gather until the timer and are appended in order", async (t) => {
  const file = path.join(await folder(t), "deeper", "deliveries.jsonl");
  const clock = handClock();
  await using writer = await openRecordWriter(options(file, { clock }));
  for (const number of [1, 2, 3]) writer.write(numbered(number));
  assert.equal(await readFile(file, "utf8"), "");
  clock.run();
  assert.equal(await writer.flush(), 0);
  assert.deepEqual(await idsIn(file), ["M.1.1", "M.2.1", "M.3.1"]);
});

test("records: disposing writes what still waits", async (t) => {
  const file = path.join(await folder(t), "deliveries.jsonl");
  {
    await using writer = await openRecordWriter(options(file, { clock: handClock() }));
    writer.write(numbered(1));
  }
  assert.deepEqual(await idsIn(file), ["M.1.1"]);
});

test("records: after a move and reopen, lines go to a new file", async (t) => {
  const place = await folder(t);
  const file = path.join(place, "deliveries.jsonl");
  await using writer = await openRecordWriter(options(file));
  writer.write(numbered(1));
  await writer.flush();
  await rename(file, `${file}.1`);
  writer.write(numbered(2));
  await writer.reopen();
  assert.deepEqual(await idsIn(`${file}.1`), ["M.1.1"]);
  assert.deepEqual(await idsIn(file), ["M.2.1"]);
});

test("records: a deleted file takes no lines with it", async (t) => {
  const file = path.join(await folder(t), "deliveries.jsonl");
  await using writer = await openRecordWriter(options(file));
  await unlink(file);
  writer.write(numbered(1));
  await writer.flush();
  assert.deepEqual(await idsIn(file), ["M.1.1"]);
});

test("records: after a process that was killed in the middle of a line, the next line is whole", async (t) => {
  const file = path.join(await folder(t), "deliveries.jsonl");
  await writeFile(file, '{"id":"M.1.1","ti');
  await using writer = await openRecordWriter(options(file));
  writer.write(numbered(2));
  await writer.flush();
  const [fragment, line = "", end] = (await readFile(file, "utf8")).split("\n");
  assert.equal(fragment, '{"id":"M.1.1","ti');
  assert.equal((JSON.parse(line) as AttemptRecord).id, "M.2.1");
  assert.equal(end, "");
});

test("records: rotation by size keeps as many files as asked, the newest", async (t) => {
  const place = await folder(t);
  const file = path.join(place, "deliveries.jsonl");
  await using writer = await openRecordWriter(options(file, { maxBytes: 1, keepFiles: 2, clock: handClock() }));
  for (const number of [1, 2, 3, 4]) {
    writer.write(numbered(number));
    await writer.flush();
  }
  assert.equal((await readdir(place)).length, 3);
  assert.deepEqual((await idsInFolder(place)).sort(), ["M.3.1", "M.4.1"]);
  assert.equal(await readFile(file, "utf8"), "");
});

test("records: a full disk is reported once, nothing is lost, and the end is reported too", async (t) => {
  const place = await folder(t);
  const file = path.join(place, "deliveries.jsonl");
  await symlink("/dev/full", file);
  const seen: LetterlockEvent[] = [];
  const clock = handClock();
  await using writer = await openRecordWriter(options(file, { clock, observe: (event) => seen.push(event) }));
  writer.write(numbered(1));
  assert.equal(await writer.flush(), 1);
  writer.write(numbered(2));
  clock.run();
  assert.equal(await writer.flush(), 2);
  await unlink(file);
  await writer.reopen();
  assert.deepEqual(await idsIn(file), ["M.1.1", "M.2.1"]);
  const said = seen.map((event) => (event.kind === "trouble" ? event.error : event.kind));
  assert.equal(said.length, 2, said.join("\n"));
  assert.match(said[0] ?? "", /^cannot write, trying again: ENOSPC/);
  assert.equal(said[1], "written again, nothing lost");
});

test("records: beyond 16 MiB of waiting lines the rest is counted and reported", async (t) => {
  const place = await folder(t);
  const file = path.join(place, "deliveries.jsonl");
  await symlink("/dev/full", file);
  const seen: string[] = [];
  const observe = (event: LetterlockEvent) => seen.push(event.kind === "trouble" ? event.error : event.kind);
  await using writer = await openRecordWriter(options(file, { clock: handClock(), observe }));
  const long = { ...sampleAttempt, error: "x".repeat(1024 * 1024) };
  writer.write(long);
  await writer.flush();
  for (let count = 0; count < 20; count += 1) writer.write(long);
  await unlink(file);
  await writer.reopen();
  const kept = (await idsIn(file)).length;
  assert.equal(kept, 15);
  assert.equal(seen.at(-1), `written again, ${21 - kept} records are in the store only`);
});

/** A child that writes `count` records as one relay worker would. */
const childProgram = `
  import { openRecordWriter } from ${JSON.stringify(new URL("./jsonl-writer.ts", import.meta.url).href)};
  import { systemClock } from ${JSON.stringify(new URL("../mail/clock.ts", import.meta.url).href)};
  import { sampleAttempt } from ${JSON.stringify(new URL("../mail/attempt-sample.ts", import.meta.url).href)};
  const [file, name, count, maxBytes] = process.argv.slice(1);
  const observe = (event) => { throw new Error(JSON.stringify(event)); };
  await using writer = await openRecordWriter({ file, maxBytes: Number(maxBytes), keepFiles: 10_000, clock: systemClock, observe });
  for (let number = 0; number < Number(count); number += 1) {
    writer.write({ ...sampleAttempt, id: name + "." + number, error: "e".repeat(number % 3000) });
    if (number % 7 === 0) await writer.flush();
  }
`;

async function runChild(args: readonly string[], stdout: "inherit" | "pipe"): Promise<string> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", childProgram, ...args], {
    stdio: ["ignore", stdout, "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  return Buffer.concat(chunks).toString();
}

test("records: four processes share and rotate one file; every line is whole and there once", async (t) => {
  const place = await folder(t);
  const file = path.join(place, "deliveries.jsonl");
  const names = ["a", "b", "c", "d"];
  await Promise.all(names.map((name) => runChild([file, name, "500", "100000"], "inherit")));
  const found = await idsInFolder(place);
  assert.equal(found.length, 2000);
  assert.equal(new Set(found).size, 2000);
  assert.ok((await readdir(place)).length > 10);
});

test("records: - is standard output", async () => {
  const lines = (await runChild(["-", "a", "100", "0"], "pipe")).trimEnd().split("\n");
  assert.equal(lines.length, 100);
  assert.equal((JSON.parse(lines.at(-1) ?? "") as AttemptRecord).id, "a.99");
});

test("records: a write that the disk takes only in part counts the whole lines, no line twice", async (t) => {
  const file = path.join(await folder(t), "deliveries.jsonl");
  const program = `
    ${childProgram.slice(0, childProgram.indexOf("const [file"))}
    const file = process.argv[1];
    const said = [];
    const observe = (event) => said.push(event.error);
    const writer = await openRecordWriter({ file, maxBytes: 0, keepFiles: 1, clock: systemClock, observe });
    for (let number = 0; number < 100; number += 1) writer.write({ ...sampleAttempt, id: "a." + number });
    console.log(JSON.stringify({ left: await writer.flush(), said }));
    process.exit(0);
  `;
  // A limit on file size cuts the one append short at 16 KiB; the signal that comes with it is ignored.
  const script = 'trap "" XFSZ; ulimit -f 32; exec "$0" --input-type=module-typescript -e "$1" "$2"';
  const child = spawn("sh", ["-c", script, process.execPath, program, file], { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  const { left, said } = JSON.parse(Buffer.concat(chunks).toString()) as { left: number; said: string[] };
  const whole = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  assert.equal((await readFile(file)).length, 16_384);
  assert.equal(whole.length + left, 100);
  assert.deepEqual(
    whole.map((line) => (JSON.parse(line) as AttemptRecord).id),
    Array.from({ length: whole.length }, (_, number) => `a.${number}`),
  );
  assert.match(said.join(), /^cannot write, trying again: EFBIG/);

  await using writer = await openRecordWriter(options(file));
  writer.write(numbered(1));
  await writer.flush();
  const last = (await readFile(file, "utf8")).trimEnd().split("\n").at(-1) ?? "";
  assert.equal((JSON.parse(last) as AttemptRecord).id, "M.1.1");
});
