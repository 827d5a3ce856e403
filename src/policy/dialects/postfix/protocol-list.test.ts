import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseProtocolList, printProtocolRange } from "./protocol-list.ts";

const rows: readonly [list: string, want: string][] = [
  ["", "TLSv1.2:TLSv1.3"],
  [">=TLSv1", "TLSv1.2:TLSv1.3"],
  ["!SSLv2, !SSLv3", "TLSv1.2:TLSv1.3"],
  ["!sslv2:!SSLV3:!tlsv1:!TLSv1.1", "TLSv1.2:TLSv1.3"],
  ["TLSv1.2", "TLSv1.2"],
  ["tlsv1.3", "TLSv1.3"],
  ["TLSv1.1:TLSv1.2", "TLSv1.2"],
  ["!TLSv1.3", "TLSv1.2"],
  [">=TLSv1.3", "TLSv1.3"],
  [">=0x0304", "TLSv1.3"],
  [">=TLSv1.2, <=0303", "TLSv1.2"],
  ["TLSv1 TLSv1.1", "!TLSv1.2:!TLSv1.3"],
  ["!TLSv1.3:!TLSv1.2", "!TLSv1.2:!TLSv1.3"],
  ["<=TLSv1.1", "!TLSv1.2:!TLSv1.3"],
  ["TLSv1.2 !TLSv1.2", "!TLSv1.2:!TLSv1.3"],
  ["TLSv9", "invalid TLSv9"],
  ["TLSv1.2:!TLS1.1", "invalid !TLS1.1"],
  [">TLSv1.2", "invalid >TLSv1.2"],
  [">=", "invalid >="],
];

for (const [list, want] of rows) {
  test(`postfix protocol list: ${JSON.stringify(list)}`, () => {
    const read = parseProtocolList(list);
    assert.equal(read.kind === "range" ? printProtocolRange(read.range) : `invalid ${read.word}`, want);
  });
}

test("postfix protocol list: with nothing left no handshake can succeed, and it says so", () => {
  const read = parseProtocolList("TLSv1.1");
  assert.deepEqual(read.kind === "range" && [read.none, read.oldTls, read.range], [
    true,
    true,
    { min: "TLSv1.3", max: "TLSv1.2" },
  ]);
});

test("postfix protocol list: printed and parsed again it is the same; no text throws", () => {
  const word = fc.constantFrom("!", ">=", "<=", "TLSv1.2", "TLSv1.3", "SSLv3", "0304", ":", ",", " ", "x");
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const read = parseProtocolList(words.join(""));
      if (read.kind === "invalid") return;
      const again = parseProtocolList(printProtocolRange(read.range));
      assert.deepEqual(again.kind === "range" && again.range, read.range);
    }),
  );
});
