import assert from "node:assert/strict";
import { test } from "node:test";
import { countedName, highestNumber, localDay, nextMidnight, numberedName } from "./numbered-name.ts";

test("numbered names: day, number, and the records of a moved file", () => {
  assert.equal(numberedName("/var/log/pmta/acct.csv", "2026-11-22", 7), "acct-2026-11-22-0007.csv");
  assert.equal(numberedName("/var/log/pmta/acct", "2026-11-22", 12_345), "acct-2026-11-22-12345");
  assert.equal(countedName("acct-2026-11-22-0007.csv", 1234), "acct-2026-11-22-0007-1234.csv");
});

const rows: readonly [name: string, names: readonly string[], want: number][] = [
  ["none", [], -1],
  ["the highest, not the last", ["acct-2026-11-22-0003.csv", "acct-2026-11-22-0001.csv"], 3],
  ["also one that was moved with its records", ["acct-2026-11-22-0004-99.csv"], 4],
  ["of this day only", ["acct-2026-11-21-0009.csv"], -1],
  ["of this log only", ["bounce-acct-2026-11-22-0009.csv", "acct-2026-11-22-0009.csv.gz"], -1],
  ["other words", ["acct-2026-11-22-old.csv", "acct-2026-11-22-99999999999.csv"], -1],
];

for (const [name, names, want] of rows) {
  test(`numbered names: highest number: ${name}`, () => {
    assert.equal(highestNumber("/var/log/pmta/acct.csv", "2026-11-22", names), want);
  });
}

test("numbered names: days end at midnight of this machine's zone", () => {
  const noon = new Date(2026, 2, 28, 12).getTime();
  assert.equal(localDay(noon), "2026-03-28");
  assert.equal(localDay(nextMidnight(noon) - 1), "2026-03-28");
  assert.equal(localDay(nextMidnight(noon)), "2026-03-29");
  assert.equal(nextMidnight(nextMidnight(noon)) > nextMidnight(noon), true);
});
