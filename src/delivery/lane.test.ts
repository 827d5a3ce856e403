import assert from "node:assert/strict";
import { test } from "node:test";
import { Lane } from "./lane.ts";

test("Lane: slots follow one another at twice the pace of the line, none sooner than ten seconds", () => {
  const lane = new Lane("d");
  assert.deepEqual([lane.nextSlot(0, 1), lane.nextSlot(0, 1), lane.nextSlot(1000, 1)], [10_500, 11_000, 11_500]);
});

test("Lane: a slow line spreads them further, more connections closer", () => {
  const slow = new Lane("d");
  for (let times = 0; times < 100; times += 1) slow.took(60_000);
  const [first, second] = [slow.nextSlot(0, 20), slow.nextSlot(0, 20)];
  assert.ok(Math.abs(second - first - 1500) < 2, `${second - first}`);
});

test("Lane: nobody waits longer than ten minutes for a place", () => {
  const lane = new Lane("d");
  let last = 0;
  for (let times = 0; times < 5000; times += 1) last = lane.nextSlot(0, 1);
  assert.equal(last, 600_000);
});
