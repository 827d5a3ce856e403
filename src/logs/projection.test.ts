import assert from "node:assert/strict";
import { test } from "node:test";
import { Projection } from "./projection.ts";

test("projection: done is what all files have, each record once and in order", () => {
  const done: string[] = [];
  const projection = new Projection((ids) => done.push(...ids));
  const one = { doneUpTo: 0 };
  const other = { doneUpTo: Number.POSITIVE_INFINITY };
  projection.setFiles([one, other]);
  for (const id of ["a", "b", "c"]) projection.add(id);
  projection.settle();
  assert.equal(done.length, 0);
  one.doneUpTo = 2;
  projection.settle();
  projection.settle();
  assert.equal(done.join(), "a,b");
  assert.equal(projection.add("d"), 4);
  one.doneUpTo = Number.POSITIVE_INFINITY;
  projection.settle();
  assert.equal(done.join(), "a,b,c,d");
});

test("projection: a file that dropped a line holds the mark for good, without taking more and more memory", () => {
  const done: string[] = [];
  const projection = new Projection((ids) => done.push(...ids));
  const broken = { doneUpTo: 1 };
  projection.setFiles([broken]);
  for (let number = 1; number <= 150_000; number += 1) projection.add(`r${number}`);
  projection.settle();
  assert.ok(done.length <= 1);
  broken.doneUpTo = Number.POSITIVE_INFINITY;
  projection.settle();
  assert.ok(done.length <= 1);
  assert.equal(projection.mark, 150_000);
});
