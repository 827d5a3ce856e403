import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineLengths } from "./line-lengths.ts";

function fits(cap: number, pieces: readonly string[]): boolean {
  const lines = new LineLengths(cap);
  return pieces.every((piece) => lines.fits(Buffer.from(piece)));
}

test("LN-10, LN-11: a line of the cap with its LF fits, one octet more does not", () => {
  assert.equal(fits(1000, [`${"a".repeat(998)}\r\n`.repeat(3)]), true);
  assert.equal(fits(1000, [`b\r\n${"a".repeat(999)}\r\nb\r\n`]), false);
  assert.equal(fits(1000, ["a".repeat(1000), "\n"]), false);
});

test("LN-11: the same answer as looking at each line, wherever reads cut", () => {
  const pieces = fc.array(fc.string({ unit: fc.constantFrom("\n", "a", "aaa", "aaaaaa"), maxLength: 8 }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 12 }), (parts, cap) => {
      const longest = Math.max(...(parts.join("").match(/[^\n]*\n|[^\n]+$/g) ?? [""]).map((line) => line.length));
      assert.equal(fits(cap, parts), longest <= cap);
    }),
    { numRuns: 3000 },
  );
});
