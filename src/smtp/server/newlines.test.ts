import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NewlineCheck } from "./newlines.ts";

/** What is kept of the pieces; undefined when they are refused. */
function check(policy: "reject" | "normalize", pieces: readonly string[]): string | undefined {
  const newlines = new NewlineCheck(policy);
  let kept = "";
  for (const piece of pieces) {
    const clean = newlines.check(Buffer.from(piece, "latin1"));
    if (clean === undefined) return undefined;
    kept += clean.toString("latin1");
  }
  return newlines.endsInCr ? undefined : kept;
}

const pieces = fc.array(fc.string({ unit: fc.constantFrom("\r\n", "\r\n", "\r", "\n", "a", "\0"), maxLength: 6 }), {
  maxLength: 6,
});

test("LN-1, LN-3: reject keeps clean data as it is, and nothing else, wherever reads cut", () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const whole = parts.join("");
      const bare = /[\r\n]/.test(whole.replaceAll("\r\n", ""));
      assert.equal(check("reject", parts), bare ? undefined : whole);
    }),
    { numRuns: 3000 },
  );
});

test("LN-3: normalize makes each bare LF a CR LF, and refuses a bare CR", () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const lines = parts.join("").split(/\r?\n/);
      const bareCr = lines.some((line) => line.includes("\r"));
      assert.equal(check("normalize", parts), bareCr ? undefined : lines.join("\r\n"));
    }),
    { numRuns: 3000 },
  );
});
