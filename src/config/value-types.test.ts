import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration, parseSize } from "./value-types.ts";

const durations: readonly (readonly [text: string, want: number | string])[] = [
  ["30s", 30_000],
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["5d", 432_000_000],
  ["1w", 604_800_000],
  ["500ms", 500],
  ["1.5h", 5_400_000],
  ["1h 30m", 5_400_000],
  ["1h30m", 5_400_000],
  ["5 m", 300_000],
  ["5", '"5" has no unit'],
  ["", '"" is no duration'],
  ["-5m", '"-5m" is no duration'],
  ["5M", '"5M" is no duration'],
  ["5m x", '"5m x" is no duration'],
  ["99999999999s", '"99999999999s" is no duration'],
];

for (const [text, want] of durations) {
  test(`duration ${JSON.stringify(text)}`, () => {
    const read = parseDuration(text);
    assert.equal(typeof read === "number" ? read : read.wrong, want);
  });
}

const sizes: readonly (readonly [text: string, want: number | string])[] = [
  ["50 MB", 50_000_000],
  ["64 KiB", 65_536],
  ["64KiB", 65_536],
  ["1.5 GiB", 1_610_612_736],
  ["10 gb", 10_000_000_000],
  ["1000 B", 1000],
  ["50", '"50" has no unit'],
  ["50 M", '"50 M" is no size'],
  ["MB", '"MB" is no size'],
  ["-1 MB", '"-1 MB" is no size'],
];

for (const [text, want] of sizes) {
  test(`size ${JSON.stringify(text)}`, () => {
    const read = parseSize(text);
    assert.equal(typeof read === "number" ? read : read.wrong, want);
  });
}
