import assert from "node:assert/strict";
import { test } from "node:test";
import { ProjectionMark } from "./projection-mark.ts";

const rows: readonly [name: string, committed: readonly string[], projected: readonly string[], want: number][] = [
  ["nothing happened: where it was", [], [], 5],
  ["a record is out: before it", ["a"], [], 5],
  ["all projected: the last one", ["a", "b"], ["b", "a"], 7],
  ["a gap: before the first that is out", ["a", "b", "c"], ["a", "c"], 6],
  ["unknown ids mean nothing", ["a"], ["x"], 5],
];

for (const [name, committed, projected, want] of rows) {
  test(`projection mark: ${name}`, () => {
    const mark = new ProjectionMark(5, 5);
    mark.committed(committed, 6);
    mark.projected(projected);
    assert.equal(mark.value(), want);
  });
}

test("projection mark: leftovers hold it until they were given out and projected, whatever came since", () => {
  const mark = new ProjectionMark(2, 5);
  mark.committed(["new"], 6);
  mark.projected(["new"]);
  assert.deepEqual([mark.value(), mark.leftovers()], [2, { after: 2, upTo: 5 }]);
  mark.gaveOut([
    { id: "c", seq: 3 },
    { id: "d", seq: 4 },
  ]);
  mark.projected(["d"]);
  assert.deepEqual([mark.value(), mark.leftovers()], [2, { after: 4, upTo: 5 }]);
  mark.projected(["c"]);
  assert.equal(mark.value(), 4);
  mark.gaveOut([{ id: "e", seq: 5 }]);
  mark.gaveOut([]);
  assert.equal(mark.value(), 4);
  mark.projected(["e"]);
  assert.equal(mark.value(), 6);
});

test("projection mark: with nobody projecting it stands still and takes no more memory", () => {
  const mark = new ProjectionMark(0, 0);
  const ids = Array.from({ length: 100_001 }, (_, index) => `r${index}`);
  mark.committed(ids, 1);
  mark.projected(ids);
  assert.equal(mark.value(), 100_000); // the one that was not noted is given out again
});
