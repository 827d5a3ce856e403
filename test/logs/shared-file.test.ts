/**
 * One file that many processes append to, and every way in which it can be taken from them.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { Clock } from "../../src/mail/clock.ts";
import type { LogTarget } from "../../src/mail/log-definition.ts";
import { HandClock } from "../dns/hand-clock.ts";
import { type SampleSink, sampleFolder, sinkTo, toldIn } from "./sink-lab.ts";

type FileTarget = Extract<LogTarget, Readonly<{ kind: "file" }>>;

type Change = Partial<FileTarget> & Readonly<{ clock?: Clock }>;

async function open(t: TestContext, { clock, ...change }: Change = {}) {
  const folder = await sampleFolder(t);
  const file = change.path ?? path.join(folder, "logs", "mail.log");
  await mkdir(path.dirname(file), { recursive: true });
  const more = clock === undefined ? {} : { clock };
  const begin = (): SampleSink => {
    const target: FileTarget = { kind: "file", mode: 0o640, maxBytes: 0, keepFiles: 10, ...change, path: file };
    const log = sinkTo(target, { folder: path.join(folder, "data") }, more);
    t.after(() => log.sink.close("stop"));
    return log;
  };
  return { file, folder: path.dirname(file), begin };
}

async function linesIn(file: string): Promise<string[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  assert.equal(lines.pop(), "");
  return lines;
}

async function linesInFolder(folder: string): Promise<string[]> {
  const files = await readdir(folder);
  return (await Promise.all(files.map((name) => linesIn(path.join(folder, name))))).flat();
}

async function put({ sink }: SampleSink, ...lines: readonly string[]): Promise<void> {
  for (const line of lines) sink.write(`${line}\n`, 1);
  assert.equal(await sink.flush(), 0);
}

test("log file: made with its folder and with the permissions asked for, whatever the umask", async (t) => {
  const { file, begin } = await open(t, { mode: 0o664 });
  await rm(path.dirname(file), { recursive: true });
  const umask = process.umask(0o077);
  const log = begin();
  await put(log, "a").finally(() => process.umask(umask));
  assert.deepEqual(await linesIn(file), ["a"]);
  assert.equal((await stat(file)).mode & 0o777, 0o664);
  await log.sink.close("stop");
});

test("log file: after a move and SIGUSR1, lines go to a new file", async (t) => {
  const { file, begin } = await open(t);
  const log = begin();
  await put(log, "a");
  await rename(file, `${file}.1`);
  log.sink.write("b\n", 2);
  await log.sink.reopen();
  assert.deepEqual([await linesIn(`${file}.1`), await linesIn(file)], [["a"], ["b"]]);
  assert.deepEqual(toldIn(log.events), []);
});

test("log file: after a move without SIGUSR1 the batch under way is in the moved file, the next in a new one", async (t) => {
  const { file, begin } = await open(t);
  const log = begin();
  await put(log, "a");
  await rename(file, `${file}.1`);
  await put(log, "b");
  await put(log, "c");
  assert.deepEqual([await linesIn(`${file}.1`), await linesIn(file)], [["a", "b"], ["c"]]);
});

test("log file: logrotate's `create` and `copytruncate` lose nothing", async (t) => {
  const { file, begin } = await open(t);
  const log = begin();
  await put(log, "a");
  await rename(file, `${file}.1`);
  await writeFile(file, "", { mode: 0o600 });
  await put(log, "b");
  await put(log, "c");
  await truncate(file, 0);
  await put(log, "d");
  assert.deepEqual([await linesIn(`${file}.1`), await linesIn(file)], [["a", "b"], ["d"]]);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test("log file: a deleted file takes no lines with it, nor does a deleted folder", async (t) => {
  const { file, folder, begin } = await open(t);
  const log = begin();
  await put(log, "a");
  await unlink(file);
  await put(log, "b");
  assert.deepEqual(await linesIn(file), ["b"]);
  await rm(folder, { recursive: true });
  await put(log, "c");
  assert.deepEqual(await linesIn(file), ["c"]);
  assert.deepEqual(toldIn(log.events), []);
});

test("log file: while nothing can be made at its path lines wait, told once; then they are all there", async (t) => {
  const { file, folder, begin } = await open(t);
  const log = begin();
  await put(log, "a");
  await rm(folder, { recursive: true });
  await writeFile(folder, "in the way");
  log.sink.write("b\n", 2);
  assert.equal(await log.sink.flush(), 1);
  log.sink.write("c\n", 3);
  assert.equal(await log.sink.flush(), 2);
  await unlink(folder);
  assert.equal(await log.sink.flush(), 0);
  assert.deepEqual(await linesIn(file), ["b", "c"]);
  assert.match(toldIn(log.events).join("; "), /^trouble: (EEXIST|ENOTDIR)[^;]*; recovered, lost 0$/);
});

test("log file: after a process that was killed in the middle of a line, the next line is whole", async (t) => {
  const { file, begin } = await open(t);
  await writeFile(file, "half a li");
  await put(begin(), "b");
  assert.deepEqual(await linesIn(file), ["half a li", "b"]);
});

test("log file: rotation by size keeps as many files as asked, the newest", async (t) => {
  const { file, folder, begin } = await open(t, { maxBytes: 1, keepFiles: 2, clock: new HandClock() });
  const log = begin();
  for (const line of ["1", "2", "3", "4"]) await put(log, line);
  assert.equal((await readdir(folder)).length, 3);
  assert.deepEqual((await linesInFolder(folder)).sort(), ["3", "4"]);
  assert.equal(await readFile(file, "utf8"), "");
});

test("log file: a link to another folder stays, and that folder keeps what is rotated", async (t) => {
  const { file, folder, begin } = await open(t, { maxBytes: 1, keepFiles: 2 });
  const volume = path.join(await sampleFolder(t), "volume");
  await mkdir(volume);
  await symlink(path.join(volume, "mail.log"), file);
  const log = begin();
  for (const line of ["a", "b", "c", "d"]) await put(log, line);
  assert.deepEqual(await readdir(folder), ["mail.log"]);
  assert.deepEqual((await linesInFolder(volume)).sort(), ["c", "d"]);
});

const rootOnly = process.getuid?.() === 0 ? false : "only root can give a link away";

test("log file: a link that another user made is not followed, and told", { skip: rootOnly }, async (t) => {
  const { file, folder, begin } = await open(t);
  const precious = path.join(folder, "users.yaml");
  await writeFile(precious, "");
  await symlink(precious, file);
  await lchown(file, 12_345, 12_345);
  const { sink, events } = begin();
  sink.write("a\n", 1);
  assert.equal(await sink.flush(), 1);
  assert.match(toldIn(events).join(), /^trouble: .*mail\.log is a symbolic link of another user \(12345\)/);
  assert.equal(await readFile(precious, "utf8"), "");
  await lchown(file, 0, 0);
  assert.equal(await sink.flush(), 0);
  assert.deepEqual(await linesIn(precious), ["a"]);
});

test("log file: a device that is full is told once, nothing is lost, and the end is told too", async (t) => {
  const { file, begin } = await open(t);
  await symlink("/dev/full", file);
  const log = begin();
  log.sink.write("a\n", 1);
  assert.equal(await log.sink.flush(), 1);
  log.sink.write("b\n", 2);
  assert.equal(await log.sink.flush(), 2);
  await unlink(file);
  await log.sink.reopen();
  assert.deepEqual(await linesIn(file), ["a", "b"]);
  assert.match(toldIn(log.events).join("; "), /^trouble: ENOSPC[^;]*; recovered, lost 0$/);
});

test("log file: a disk that is full and has room again", async (t) => {
  const disk = await mkdtemp(path.join(tmpdir(), "logs-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).status === 0;
  if (!mounted) return t.skip("needs to be allowed to mount a filesystem");
  try {
    const { file, begin } = await open(t, { path: path.join(disk, "mail.log") });
    const log = begin();
    const lines = Array.from({ length: 200 }, (_, number) => `${number} ${"x".repeat(1000)}`);
    for (const [index, line] of lines.entries()) log.sink.write(`${line}\n`, index + 1);
    const left = await log.sink.flush();
    assert.ok(left > 100 && left < 200, `${left} wait`);
    assert.equal(log.sink.doneUpTo, 200 - left);
    execFileSync("mount", ["-o", "remount,size=1m", disk]);
    assert.equal(await log.sink.flush(), 0);
    assert.deepEqual(
      (await linesIn(file)).filter((line) => line.length > 1000),
      lines,
    );
    assert.match(toldIn(log.events).join("; "), /^trouble: ENOSPC[^;]*; recovered, lost 0$/);
    await log.sink.close("stop");
  } finally {
    execFileSync("umount", [disk]);
    await rmdir(disk);
  }
});

test("log file: a pipe by name whose reader is slow gets whole lines in order", async (t) => {
  const { file, begin } = await open(t);
  execFileSync("mkfifo", [file]);
  const log = begin();
  const count = 3000;
  for (let number = 0; number < count; number += 1) log.sink.write(`${number} ${"x".repeat(100)}\n`, number);
  const reader = spawn("sh", ["-c", 'sleep 0.2; head -n "$1" "$0"', file, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  reader.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const closed = once(reader, "close");
  assert.equal(await log.sink.flush(), 0);
  await closed;
  const read = Buffer.concat(chunks).toString().trimEnd().split("\n");
  assert.deepEqual([read.length, read[0]?.split(" ")[0], read.at(-1)?.split(" ")[0]], [count, "0", `${count - 1}`]);
  assert.deepEqual(toldIn(log.events), []);
});

const modules = (name: string): string => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);

/** A child that writes `count` lines as one relay worker would. */
const childProgram = `
  import { createTarget } from ${modules("logs/sinks/create-target.ts")};
  import { LineSink } from ${modules("logs/sinks/line-sink.ts")};
  import { systemClock } from ${modules("mail/clock.ts")};
  const [path, folder, name, count, maxBytes] = process.argv.slice(1);
  const target = { kind: "file", path, mode: 0o640, maxBytes: Number(maxBytes), keepFiles: 10_000 };
  const place = { worker: 0, workers: 1, folder };
  const said = [];
  setInterval(() => undefined, 1000); // timers of a clock keep no process
  const sink = new LineSink({
    log: "logs.child", target: path, clock: systemClock,
    observe: (event) => said.push(event),
    createTarget: (tools) => createTarget(target, undefined, place, tools),
  });
`;

const writing = `${childProgram}
  for (let number = 0; number < Number(count); number += 1) {
    sink.write(name + " " + number + " " + "x".repeat(number % 3000) + "\\n", number);
    if (number % 7 === 0) await sink.flush();
  }
  await sink.close("stop");
  if (said.length > 0) throw new Error(JSON.stringify(said));
  process.exit(0);
`;

type Child = Readonly<{ program?: string; args: readonly string[]; stdout?: "inherit" | "pipe" }>;

async function runChild({ program = writing, args, stdout = "inherit" }: Child): Promise<string> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program, ...args], {
    stdio: ["ignore", stdout, "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  return Buffer.concat(chunks).toString();
}

test("log file: four processes share and rotate one: every line whole and there once", async (t) => {
  const { file, folder } = await open(t);
  const names = ["a", "b", "c", "d"];
  const data = path.join(path.dirname(folder), "data");
  await Promise.all(names.map((name) => runChild({ args: [file, data, name, "500", "20000"] })));
  const files = await readdir(folder);
  const found = (await Promise.all(files.map((name) => linesIn(path.join(folder, name))))).flat();
  assert.equal(found.length, 2000);
  assert.equal(new Set(found.map((line) => line.split(" ", 2).join(" "))).size, 2000);
  assert.ok(found.every((line) => /^[a-d] \d+ x*$/.test(line)));
  assert.ok(files.length > 10);
});

test("log file: - is standard output", async (t) => {
  const { folder } = await open(t);
  const text = await runChild({ args: ["-", folder, "a", "100", "0"], stdout: "pipe" });
  const lines = text.trimEnd().split("\n");
  assert.deepEqual([lines.length, lines[0]?.split(" ")[1], lines.at(-1)?.split(" ")[1]], [100, "0", "99"]);
});

test("log file: a write that the disk takes only in part counts the whole lines, no line twice", async (t) => {
  const { file, folder, begin } = await open(t);
  const program = `${childProgram}
    for (let number = 0; number < 100; number += 1) sink.write(number + " " + "x".repeat(1000) + "\\n", number);
    console.log(JSON.stringify({ left: await sink.flush(), said }));
    process.exit(0);
  `;
  // A limit on file size cuts the one append short at 16 KiB; the signal that comes with it is ignored.
  const script = 'trap "" XFSZ; ulimit -f 32; exec "$0" --input-type=module-typescript -e "$@"';
  const child = spawn("sh", ["-c", script, process.execPath, program, file, folder, "a", "0", "0", ""], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  const { left, said } = JSON.parse(Buffer.concat(chunks).toString()) as { left: number; said: SampleSink["events"] };
  const whole = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  assert.equal((await readFile(file)).length, 16_384);
  assert.equal(whole.length + left, 100);
  assert.deepEqual(
    whole.map((line) => line.split(" ")[0]),
    Array.from({ length: whole.length }, (_, number) => `${number}`),
  );
  assert.match(toldIn(said).join("; "), /^trouble: EFBIG/);
  await put(begin(), "next");
  assert.equal((await linesIn(file)).at(-1), "next");
});
