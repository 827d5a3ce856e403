/** Times in Postfix's notation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSeconds } from "./delays.ts";

const rows: readonly [ms: number, text: string][] = [
  [0, "0"],
  [-3, "0"],
  [Number.NaN, "0"],
  [4, "0"],
  [5, "0.01"],
  [14, "0.01"],
  [15, "0.02"],
  [100, "0.1"],
  [250, "0.25"],
  [994, "0.99"],
  [996, "1"],
  [1049, "1"],
  [1050, "1.1"],
  [9940, "9.9"],
  [9960, "10"],
  [10_499, "10"],
  [10_500, "11"],
  [86_400_400, "86400"],
];

for (const [ms, text] of rows) {
  test(`${ms} ms are ${text} s to Postfix`, () => assert.equal(formatSeconds(ms), text));
}
