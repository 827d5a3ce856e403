import assert from "node:assert/strict";
import { test } from "node:test";
import { remember } from "./remember.ts";

test("what was met last is not made again, what was met long ago is", () => {
  const made: string[] = [];
  const upper = remember(2, (text) => {
    made.push(text);
    return text.toUpperCase();
  });
  assert.deepEqual(["a", "b", "a", "c", "a", "b"].map(upper), ["A", "B", "A", "C", "A", "B"]);
  assert.deepEqual(made, ["a", "b", "c", "b"]);
});
