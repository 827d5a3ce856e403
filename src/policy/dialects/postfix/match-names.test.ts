import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseParameterMatch, parseTableMatch, printMatchNames } from "./match-names.ts";

const rows: readonly [values: readonly string[], want: string, unusable: string][] = [
  [["mx.good.test"], "mx.good.test", ""],
  [["hostname:nexthop"], "hostname:nexthop", ""],
  [["HOSTNAME", "Dot-Nexthop"], "hostname:dot-nexthop", ""],
  [["a.b:.C.d", "e.f"], "a.b:.c.d:e.f", ""],
  [["*.good.test"], "", 'write ".good.test"'],
  [["mx.good.test|other"], "", 'write "mx.good.test:other"'],
  [["."], "", "write a name that the certificate holds"],
  [["good.test."], "", 'write "good.test"'],
  [["192.0.2.1"], "", 'write "nexthop" or names of the certificate alone'],
  // Postfix demands both: a certificate with the name alone must not pass.
  [["192.0.2.1:mx.good.test"], "", 'write "nexthop" or names of the certificate alone'],
  [["bücher.example"], "xn--bcher-kva.example", ""],
];

for (const [values, want, remedy] of rows) {
  test(`postfix match names: ${values.join(" ")} (MAT-2 to MAT-7)`, () => {
    const { patterns, unusable } = parseTableMatch(values);
    assert.equal(printMatchNames(patterns), want);
    assert.equal(unusable.map((one) => one.remedy).join(), remedy);
  });
}

test("postfix match names: in main.cf comma and blank separate too (MAT-6)", () => {
  assert.equal(
    printMatchNames(parseParameterMatch("nexthop, dot-nexthop a.b:c.d").patterns),
    "nexthop:dot-nexthop:a.b:c.d",
  );
});

test("postfix match names: printed and parsed again they are the same; no text throws", () => {
  const piece = fc.constantFrom("hostname", "nexthop", ":", ".", "a.test", "*", "|", " ", "x");
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 9 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (value) => {
      const { patterns } = parseTableMatch([value]);
      assert.deepEqual(parseTableMatch([printMatchNames(patterns)]).patterns, patterns);
    }),
  );
});
