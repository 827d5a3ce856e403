/**
 * Programs that read log lines: well behaved, slow, dying, hanging, missing.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { Clock } from "../../src/mail/clock.ts";
import { eventually, quickClock, type SampleSink, sampleFolder, sinkTo, toldIn } from "./sink-lab.ts";

type Change = Readonly<{ retryMs?: number; writeTimeoutMs?: number; head?: string; clock?: Clock }>;

/** @param command with `$OUT` for a file to write to */
async function run(t: TestContext, command: string, { retryMs = 50, writeTimeoutMs = 60_000, ...more }: Change = {}) {
  const folder = await sampleFolder(t);
  const out = path.join(folder, "out");
  const target = { kind: "program", command: command.replaceAll("$OUT", out), retryMs, writeTimeoutMs } as const;
  const log = sinkTo(target, { folder }, more);
  t.after(() => log.sink.close("stop"));
  const text = (): Promise<string> => readFile(out, "utf8").catch(() => "");
  return { ...log, folder, text };
}

function give({ sink }: Pick<SampleSink, "sink">, ...lines: readonly string[]): void {
  for (const line of lines) sink.write(`${line}\n`, 1);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("program: reads the head, then lines; its input ends when the relay stops, and it has time to finish", async (t) => {
  const { sink, text, events } = await run(t, "cat > $OUT; sleep 0.2; echo finished >> $OUT", { head: "type,rcpt\n" });
  await sink.open();
  give({ sink }, "d,a", "d,b");
  assert.equal(await sink.flush(), 0);
  await sink.close("stop");
  assert.equal(await text(), "type,rcpt\nd,a\nd,b\nfinished\n");
  assert.deepEqual(toldIn(events), []);
});

test("program: one that ends is told with its last words, and started again under a head; the lines since are not lost", async (t) => {
  const { sink, text, events } = await run(
    t,
    'if [ -e $OUT.first ]; then cat >> $OUT; else touch $OUT.first; read a; read b; echo "cannot \\033load $b" >&2; exit 3; fi',
    { head: "h\n" },
  );
  give({ sink }, "1");
  await sink.flush();
  await eventually(() => events.length > 0, "its end is told");
  give({ sink }, "2");
  await eventually(async () => (await text()) === "h\n2\n", "it runs again");
  assert.deepEqual(toldIn(events).slice(0, 2), [
    "trouble: the program ended with code 3: cannot \\x1bload 1",
    "recovered, lost 0",
  ]);
});

test("program: a command that does not exist is told once, however often it is tried", async (t) => {
  const { sink, events } = await run(t, "no-such-program --load", { retryMs: 10 });
  give({ sink }, "1");
  await sink.flush();
  await eventually(() => events.length > 0, "told");
  for (let tries = 0; tries < 3; tries += 1) await sink.flush();
  const troubles = toldIn(events).filter((one) => one.startsWith("trouble"));
  assert.match(troubles[0] ?? "", /^trouble: the program ended with code 127: .*no-such-program.*not found/);
});

test("program: one that takes nothing is ended after the write timeout, with all that it started; lines wait", async (t) => {
  const { sink, text, events } = await run(t, "sleep 1000 & echo $! > $OUT; wait", {
    writeTimeoutMs: 300,
    retryMs: 60_000,
  });
  const line = "x".repeat(1000);
  for (let count = 0; count < 1000; count += 1) give({ sink }, line);
  assert.ok((await sink.flush()) > 500);
  assert.match(toldIn(events)[0] ?? "", /^trouble: the program took nothing for 0.3 s and was ended/);
  const inner = Number(await text());
  await eventually(() => !isAlive(inner), "the inner process is gone");
});

test("program: one that ignores the end of its input and SIGTERM is killed when the relay stops", async (t) => {
  const { sink, text } = await run(t, "trap '' TERM; echo $$ > $OUT; while :; do sleep 0.05; done", {
    clock: quickClock,
  });
  await sink.open();
  await eventually(async () => (await text()).endsWith("\n"), "it runs");
  await sink.close("stop");
  assert.ok(!isAlive(Number(await text())));
});

test("program: a slow reader gets every line in order", async (t) => {
  const { sink, text, events } = await run(t, "sleep 0.3; cat > $OUT");
  const lines = Array.from({ length: 3000 }, (_, number) => `${number} ${"x".repeat(100)}`);
  give({ sink }, ...lines);
  assert.equal(await sink.flush(), 0);
  await sink.close("stop");
  assert.deepEqual((await text()).trimEnd().split("\n"), lines);
  assert.deepEqual(toldIn(events), []);
});

test("program: killing this process ends it, for its input ends", async (t) => {
  const folder = await sampleFolder(t);
  const out = path.join(folder, "out");
  const source = (name: string): string => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);
  const script = path.join(folder, "owner.ts");
  await writeFile(
    script,
    `import { Program } from ${source("logs/sinks/program.ts")};
     import { systemClock } from ${source("mail/clock.ts")};
     const command = "echo $$ > ${out}; cat > /dev/null";
     const program = new Program({ command, head: "", retryMs: 1000, writeTimeoutMs: 1000 }, { clock: systemClock });
     await program.open();`,
  );
  const owner = spawn(process.execPath, [script], { stdio: "ignore" });
  const pid = async (): Promise<number> => Number(await readFile(out, "utf8").catch(() => "0"));
  await eventually(async () => (await pid()) > 0, "it runs");
  owner.kill("SIGKILL");
  const inner = await pid();
  await eventually(() => !isAlive(inner), "it is gone");
});
