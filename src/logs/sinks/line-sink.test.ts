import assert from "node:assert/strict";
import { test } from "node:test";
import type { systemClock } from "../../mail/clock.ts";
import type { LetterlockEvent } from "../../observe/events.ts";
import { LineSink } from "./line-sink.ts";
import type { LineTarget, TargetTools } from "./line-target.ts";

/** Takes what it is told to take. */
class Box implements LineTarget {
  readonly batchSize = 100;
  readonly taken: string[] = [];
  appends = 0;
  takes: "all" | "one" | "nothing" | "hangs" = "all";
  opens = true;
  closed: string | undefined;
  #release: ((error: Error) => void) | undefined;

  async open(): Promise<void> {
    if (!this.opens) throw new Error("cannot open");
  }

  async append(lines: readonly string[]): Promise<number> {
    this.appends += 1;
    if (this.takes === "nothing") throw new Error("full");
    if (this.takes === "hangs") await new Promise((_, reject) => (this.#release = reject));
    const whole = this.takes === "one" ? lines.slice(0, 1) : lines;
    this.taken.push(...whole);
    return whole.length;
  }

  retryMs = (failures: number): number => failures;
  reopen = async (): Promise<void> => undefined;

  async close(why: string): Promise<void> {
    this.closed = why;
    this.#release?.(new Error("closed"));
  }
}

/** Timers run when asked, all at once. */
function handTimers(): Readonly<{ clock: typeof systemClock; run: () => void; waits: number[] }> {
  let due: (() => void)[] = [];
  const waits: number[] = [];
  return {
    waits,
    run: () => {
      for (const one of due.splice(0)) one();
    },
    clock: {
      now: () => 0,
      after(ms, run) {
        waits.push(ms);
        due.push(run);
        return {
          cancel: () => {
            due = due.filter((other) => other !== run);
          },
        };
      },
    },
  };
}

function sinkInto(box: Box) {
  const events: LetterlockEvent[] = [];
  const timers = handTimers();
  let tools: TargetTools | undefined;
  let progress = 0;
  const sink = new LineSink({
    log: "logs.a",
    target: "the box",
    clock: timers.clock,
    observe: (event) => events.push(event),
    onProgress: () => {
      progress += 1;
    },
    createTarget: (given) => {
      tools = given;
      return box;
    },
  });
  return { sink, events, ...timers, tools: () => tools, progress: () => progress };
}

test("sink: lines gather until the timer and go out in order, in batches", async () => {
  const box = new Box();
  const { sink, run } = sinkInto(box);
  for (const number of [1, 2, 3]) sink.write(`${"x".repeat(60)}${number}\n`, number);
  assert.equal(sink.doneUpTo, 0);
  assert.equal(box.appends, 0);
  run();
  assert.equal(await sink.flush(), 0);
  assert.deepEqual(
    box.taken.map((line) => line.slice(-2, -1)),
    ["1", "2", "3"],
  );
  assert.equal(box.appends, 3);
  assert.equal(sink.doneUpTo, Number.POSITIVE_INFINITY);
});

test("sink: what is taken in part goes on where it stopped; the mark follows", async () => {
  const box = new Box();
  box.takes = "one";
  const { sink, progress } = sinkInto(box);
  for (const number of [1, 1, 2]) sink.write(`${number}\n`, number);
  assert.equal(await sink.flush(), 0);
  assert.deepEqual(box.taken, ["1\n", "1\n", "2\n"]);
  assert.equal(progress(), 3);
});

test("sink: trouble is told once and its end once; lines keep their order; each try waits as the target says", async () => {
  const box = new Box();
  box.takes = "nothing";
  const { sink, events, run, waits } = sinkInto(box);
  sink.write("1\n", 1);
  assert.equal(await sink.flush(), 1);
  sink.write("2\n", 2);
  run();
  assert.equal(await sink.flush(), 2);
  assert.equal(sink.doneUpTo, 0);
  assert.deepEqual(waits, [50, 1, 2, 3]);
  box.takes = "all";
  run();
  assert.equal(await sink.flush(), 0);
  assert.deepEqual(box.taken, ["1\n", "2\n"]);
  assert.deepEqual(events, [
    { kind: "log-trouble", log: "logs.a", target: "the box", error: "full" },
    { kind: "log-recovered", log: "logs.a", target: "the box", lost: 0 },
  ]);
});

test("sink: a target that fails between lines is opened again, whether or not a line waits", async () => {
  const box = new Box();
  const { sink, events, run, tools } = sinkInto(box);
  assert.equal(await sink.open(), undefined);
  tools()?.failed(new Error("gone"));
  run();
  await sink.flush();
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["log-trouble", "log-recovered"],
  );
  box.opens = false;
  assert.match(String(await sink.open()), /cannot open/);
});

const megabyte = `${"x".repeat(1024 * 1024 - 1)}\n`;

test("sink: a burst of 20 MB into a target that takes it loses nothing", async () => {
  const box = new Box();
  const { sink, events } = sinkInto(box);
  for (let mark = 1; mark <= 20; mark += 1) sink.write(megabyte, mark);
  assert.equal(await sink.flush(), 0);
  assert.equal(box.taken.length, 20);
  assert.deepEqual(events, []);
});

test("sink: beyond 16 MiB the newest lines are dropped, counted and told; the mark stands still for good", async () => {
  const box = new Box();
  box.takes = "nothing";
  const { sink, events, run } = sinkInto(box);
  sink.write(megabyte, 1);
  run();
  assert.equal(await sink.flush(), 1);
  for (let mark = 2; mark <= 20; mark += 1) sink.write(megabyte, mark);
  assert.equal(await sink.flush(), 16);
  box.takes = "all";
  assert.equal(await sink.flush(), 0);
  assert.equal(box.taken.length, 16);
  assert.equal(sink.doneUpTo, 16);
  assert.deepEqual(
    events.map((event) => [event.kind, event.kind === "log-lines-lost" ? event.lines : ""]),
    [
      ["log-trouble", ""],
      ["log-lines-lost", 1],
      ["log-lines-lost", 3],
      ["log-recovered", ""],
    ],
  );
  assert.deepEqual(events.at(-1), { kind: "log-recovered", log: "logs.a", target: "the box", lost: 4 });
});

test("sink: closing waits some seconds for a target that hangs, then counts what it never took", async () => {
  const box = new Box();
  box.takes = "hangs";
  const { sink, events, run } = sinkInto(box);
  sink.write("1\n", 1);
  run();
  await new Promise((resolve) => setImmediate(resolve));
  sink.write("2\n", 2);
  const closing = sink.close("removed");
  await new Promise((resolve) => setImmediate(resolve));
  run();
  await closing;
  assert.equal(box.closed, "removed");
  assert.deepEqual(events[0], { kind: "log-lines-lost", log: "logs.a", lines: 2 });
  assert.equal(sink.doneUpTo, 0);
});
