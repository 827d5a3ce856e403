import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeUtf8Address, decodeXtext, encodeUtf8Address, encodeXtext } from "./xtext.ts";

const rows: readonly [plain: string, xtext: string][] = [
  ["bob@example.com", "bob@example.com"],
  ["a+b=c@example.com", "a+2Bb+3Dc@example.com"],
  ["two words", "two+20words"],
  ["", ""],
  ["line\r\nbreak", "line+0D+0Abreak"],
];

for (const [plain, xtext] of rows) {
  test(`xtext: ${xtext || "(empty)"}`, () => {
    assert.equal(encodeXtext(plain), xtext);
    assert.equal(decodeXtext(xtext), plain);
  });
}

for (const wrong of ["a b", "a=b", "a+", "a+2", "a+GG", "a\r\nb", "caf\u00e9", "\x7f"]) {
  test(`xtext: ${JSON.stringify(wrong)} is none`, () => assert.equal(decodeXtext(wrong), undefined));
}

test("xtext: what is encoded comes back octet by octet", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const octets = decodeXtext(encodeXtext(text));
      assert.equal(Buffer.from(octets ?? "?", "latin1").toString("utf8"), Buffer.from(text, "utf8").toString("utf8"));
    }),
  );
});

test("RFC 6533: UTF-8 addresses in seven bits and back (EX-15)", () => {
  const address = "d\u00f6rte+x@\u4f8b\u3048.example";
  assert.equal(encodeUtf8Address(address), "d\\x{F6}rte\\x{2B}x@\\x{4F8B}\\x{3048}.example");
  assert.equal(decodeUtf8Address(encodeUtf8Address(address)), address);
  assert.equal(decodeUtf8Address("a\\x{D800}\\x{110000}"), "a\\x{D800}\\x{110000}");
});
