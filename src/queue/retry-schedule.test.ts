import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextTry, type RetryQuestion } from "./retry-schedule.ts";

const minute = 60_000;

function question(change: Partial<RetryQuestion>): RetryQuestion {
  return {
    attempts: 1,
    arrivedAt: 0,
    now: 10 * minute,
    schedule: [5 * minute, 30 * minute, 120 * minute],
    jitter: 0,
    random: () => 0.5,
    expiresAt: 7200 * minute,
    ...change,
  };
}

const rows: readonly [name: string, change: Partial<RetryQuestion>, minutes: number | "expired"][] = [
  ["after the first attempt the first wait (QU-2)", {}, 15],
  ["after the second the second", { attempts: 2 }, 40],
  ["the last wait repeats (QU-3)", { attempts: 9 }, 130],
  ["chance takes up to its share (QU-6)", { jitter: 0.2, random: () => 0 }, 14],
  ["chance adds up to its share (QU-6)", { jitter: 0.2, random: () => 1 }, 16],
  ["never beyond the lifetime: the last try is at its end (QU-4)", { expiresAt: 12 * minute }, 12],
  ["a failure at the end of the lifetime is the last (QU-4)", { now: 7200 * minute }, "expired"],
  ["a failure after it, too", { now: 7201 * minute }, "expired"],
  ["a clock set back does not bring tries before the arrival (AT-37)", { arrivedAt: 60 * minute }, 65],
];

for (const [name, change, want] of rows) {
  test(`nextTry: ${name}`, () => {
    const next = nextTry(question(change));
    assert.equal(next.kind === "at" ? next.time / minute : next.kind, want);
  });
}

test("nextTry: always later than now, never after the lifetime, whatever chance says (QU-2, QU-6)", () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      chance,
      chance,
      fc.nat(7200 * minute - 1),
      (attempts, jitter, roll, now) => {
        const next = nextTry(question({ attempts, jitter, random: () => roll, now }));
        assert.ok(next.kind === "at" && next.time > now && next.time <= 7200 * minute);
      },
    ),
  );
});
