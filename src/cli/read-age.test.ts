import assert from "node:assert/strict";
import { test } from "node:test";
import { readAge, readMoment } from "./read-age.ts";

const now = Date.UTC(2026, 10, 22, 12);
const moments: readonly [text: string, moment: number | undefined][] = [
  ["30m", now - 1_800_000],
  ["4h", now - 14_400_000],
  ["7d", now - 604_800_000],
  ["2w", now - 1_209_600_000],
  ["2026-11-01", Date.UTC(2026, 10, 1)],
  ["2026-11-01T06:30", Date.UTC(2026, 10, 1, 6, 30)],
  ["2026-11-01 06:30:15.5", Date.UTC(2026, 10, 1, 6, 30, 15, 500)],
  ["2026-11-01T06:30Z", Date.UTC(2026, 10, 1, 6, 30)],
  ["2026-11-01T06:30+02:00", Date.UTC(2026, 10, 1, 4, 30)],
  ["2026-11-31T25:00", undefined],
  ["7", undefined],
  ["7y", undefined],
  ["-7d", undefined],
  ["yesterday", undefined],
  ["", undefined],
];

for (const [text, moment] of moments) {
  test(`a moment: ${JSON.stringify(text)}`, () => assert.equal(readMoment(text, now), moment));
}

test("an age is a number and a unit", () => {
  assert.equal(readAge("90s"), 90_000);
  assert.equal(readAge("2026-11-01"), undefined);
});
