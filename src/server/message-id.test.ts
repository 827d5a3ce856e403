import assert from "node:assert/strict";
import { test } from "node:test";
import { createIdMaker } from "./message-id.ts";

test("message ids: fixed length, in order of time, never twice within a worker, whatever the clock does", () => {
  let now = Date.UTC(2026, 0, 1);
  const newId = createIdMaker(
    3,
    () => now,
    () => 0.999999,
  );
  const ids: string[] = [];
  for (let number = 0; number < 5000; number += 1) {
    if (number === 2500) now -= 60_000;
    ids.push(newId());
  }
  assert.ok(ids.every((id) => /^[0-9A-HJKMNP-TV-Z]{9}0003\d{3}$/.test(id)));
  assert.equal(new Set(ids).size, 5000);
  const times = ids.map((id) => id.slice(0, 9));
  assert.deepEqual(times, times.toSorted());
});

test("message ids: two workers in the same millisecond with the same dice", () => {
  const [one, two] = [1, 2].map((worker) =>
    createIdMaker(
      worker,
      () => 0,
      () => 0,
    )(),
  );
  assert.notEqual(one, two);
});
