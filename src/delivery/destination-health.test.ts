import assert from "node:assert/strict";
import { test } from "node:test";
import { DestinationHealth } from "./destination-health.ts";

const minute = 60_000;

/** Fails at these times; when it is suspended until, seen at `now`. */
function until(failures: readonly number[], now: number, random = 0.5): number | undefined {
  const health = new DestinationHealth(() => random);
  for (const at of failures) health.failed("d", at, "4.4.1", "refused");
  return health.suspendedUntil("d", now)?.until;
}

const rows: readonly [name: string, failures: readonly number[], now: number, want: number | undefined][] = [
  ["never failed", [], 0, undefined],
  ["QU-5 twice is not enough", [0, 1], 2, undefined],
  ["three times: a minute", [0, 1, 2], 3, 2 + minute],
  ["over when the time has come", [0, 1, 2], 2 + minute, undefined],
  ["failures while suspended count once", [0, 1, 2, 3, 4, 5], 6, 2 + minute],
  ["again after it: twice as long", [0, 1, 2, 2 * minute], 2 * minute, 2 * minute + 2 * minute],
  [
    "never longer than half an hour",
    Array.from({ length: 20 }, (_, index) => index * 100 * minute),
    1900 * minute,
    1930 * minute,
  ],
];
for (const [name, failures, now, want] of rows) {
  test(`DestinationHealth: ${name}`, () => assert.equal(until(failures, now), want));
}

test("DestinationHealth: QU-6 jitter of a fifth either way", () => {
  assert.deepEqual([until([0, 0, 0], 1, 0), until([0, 0, 0], 1, 1)], [0.8 * minute, 1.2 * minute]);
});

test("DestinationHealth: one success clears, and so does the operator", () => {
  const health = new DestinationHealth(() => 0.5);
  const fail = (): void => {
    for (let times = 0; times < 3; times += 1) health.failed("d", 0, "4.4.1", "refused");
  };
  fail();
  health.succeeded("d");
  assert.equal(health.suspendedUntil("d", 1), undefined);
  fail();
  health.clear();
  assert.deepEqual([health.suspendedUntil("d", 1), health.isEmpty], [undefined, true]);
});

test("DestinationHealth: a flood of names pushes the oldest out", () => {
  const health = new DestinationHealth(() => 0.5);
  for (let times = 0; times < 3; times += 1) health.failed("first", 0, "4.4.1", "refused");
  for (let number = 0; number < 50_000; number += 1) health.failed(`d${number}`, 0, "4.4.1", "refused");
  assert.equal(health.suspendedUntil("first", 1), undefined);
});
