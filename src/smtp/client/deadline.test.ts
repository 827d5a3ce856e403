import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../mail/clock.ts";
import { Deadline } from "./deadline.ts";

function countingClock(): Clock & { started: number; advance(ms: number): void } {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    started: 0,
    now: () => now,
    after(ms, run) {
      this.started += 1;
      const timer = { at: now + ms, run };
      timers.push(timer);
      return {
        cancel: () => {
          timers = timers.filter((other) => other !== timer);
        },
      };
    },
    advance(ms) {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { run } of due) run();
    },
  };
}

function watch(): { clock: ReturnType<typeof countingClock>; deadline: Deadline; expired: () => number } {
  const clock = countingClock();
  let count = 0;
  const deadline = new Deadline(clock, () => {
    count += 1;
  });
  return { clock, deadline, expired: () => count };
}

test("deadline: expires at its time, once", () => {
  const { clock, deadline, expired } = watch();
  deadline.arm(100);
  clock.advance(99);
  assert.equal(expired(), 0);
  clock.advance(1);
  assert.equal(expired(), 1);
  clock.advance(1000);
  assert.equal(expired(), 1);
});

test("deadline: moved forward while its timer runs", () => {
  const { clock, deadline, expired } = watch();
  deadline.arm(100);
  clock.advance(60);
  deadline.arm(100);
  clock.advance(99);
  assert.equal(expired(), 0);
  clock.advance(1);
  assert.equal(expired(), 1);
});

test("deadline: a shorter wait after a longer one", () => {
  const { clock, deadline, expired } = watch();
  deadline.arm(1000);
  deadline.arm(10);
  clock.advance(10);
  assert.equal(expired(), 1);
});

test("deadline: disarmed and closed, nothing expires", () => {
  const { clock, deadline, expired } = watch();
  deadline.arm(10);
  deadline.disarm();
  clock.advance(100);
  deadline.arm(10);
  deadline.close();
  clock.advance(100);
  assert.equal(expired(), 0);
});

test("deadline: CL-6 no wait goes past the total limit", () => {
  const { clock, deadline, expired } = watch();
  deadline.limitTotal(150);
  deadline.arm(100);
  clock.advance(90);
  deadline.arm(100);
  clock.advance(60);
  assert.equal(expired(), 1);
});

test("deadline: a thousand messages within a minute need two timers", () => {
  const { clock, deadline } = watch();
  for (let message = 0; message < 1000; message++) {
    deadline.limitTotal(3_600_000);
    for (const ms of [300_000, 300_000, 120_000, 600_000]) deadline.arm(ms);
    deadline.disarm();
    clock.advance(50);
  }
  assert.equal(clock.started, 2);
});
