import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prepareQuery, prepareStored } from "./saslprep.ts";

/** The first five are the examples of RFC 4013 §3. */
const rows: readonly (readonly [name: string, text: string, want: string | undefined])[] = [
  ["a soft hyphen goes", "I\u00adX", "IX"],
  ["plain text stays", "user", "user"],
  ["letter case stays", "USER", "USER"],
  ["compatibility characters become plain ones", "\u00aa", "a"],
  ["a roman numeral becomes letters", "\u2168", "IX"],
  ["a control character is prohibited", "\u0007", undefined],
  ["writing directions are not mixed", "\u0627\u0031", undefined],
  ["a no-break space becomes a space", "a\u00a0b", "a b"],
  ["both spellings of an accent are one", "e\u0301", "\u00e9"],
  ["nothing at all", "", undefined],
  ["what becomes nothing", "\u00ad", undefined],
  ["a lone surrogate", "\ud800", undefined],
  ["too long", "x".repeat(1025), undefined],
];

for (const [name, text, want] of rows) {
  test(`AU-9 SASLprep: ${name}`, () => {
    assert.equal(prepareStored(text), want);
    assert.equal(prepareQuery(text), want);
  });
}

test("AU-9 what is newer than Unicode 3.2 is not stored, but may be asked for", () => {
  assert.equal(prepareStored("pass\u{1f600}"), undefined);
  assert.equal(prepareQuery("pass\u{1f600}"), "pass\u{1f600}");
});

test("AU-9 prepared text is prepared already", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const once = prepareStored(text);
      if (once !== undefined) assert.equal(prepareStored(once), once);
    }),
  );
});
