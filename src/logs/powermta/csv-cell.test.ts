/** Cells held against a reader of CSV that others wrote, and against what spreadsheets take for formulas. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { writeAddress, writeCell, writeForeign } from "./csv-cell.ts";

function readBack(row: string): string[] {
  return parse(`${row}\r\n`, { record_delimiter: "\r\n" }).flat();
}

const text = fc.string({ unit: "binary", maxLength: 60 });

test("any text comes back from CSV as it was, but for control characters", () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (cells) => {
      const visible = cells.map((cell) => cell.replace(/\p{Cc}|\u2028|\u2029/gu, ""));
      assert.deepEqual(readBack(["d", ...visible.map(writeCell)].join(",")), ["d", ...visible]);
    }),
  );
});

test("RFC 4180: quoted only where a comma or a quote asks for it, quotes doubled", () => {
  assert.equal(writeCell("smtp;250 2.0.0 (ok) it's fine"), "smtp;250 2.0.0 (ok) it's fine");
  assert.equal(writeCell("a,b"), '"a,b"');
  assert.equal(writeCell('two inches: 2"'), '"two inches: 2"""');
  assert.equal(writeCell("bücher.de/vmta29"), "bücher.de/vmta29");
  assert.equal(writeCell(""), "");
});

test("AT-28: a cell is one line, and nothing in it speaks to a terminal", () => {
  assert.equal(writeCell("a\r\nb\x1b[2J\0\x7f\x9b\u2028c"), "a\\x0d\\x0ab\\x1b[2J\\x00\\x7f\\x9b\\u{2028}c");
  fc.assert(fc.property(text, (raw) => assert.doesNotMatch(writeCell(raw), /\p{Cc}|\u2028|\u2029/u)));
});

const formulas: readonly [raw: string, cell: string][] = [
  ["=1+1", "'=1+1"],
  ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
  ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ["+491234", "'+491234"],
  ["-1", "'-1"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\t=1", "\\x09=1"],
  ["\r=1", "\\x0d=1"],
  ["a=1", "a=1"],
];
for (const [raw, cell] of formulas) {
  test(`AT-28: no cell from outside is a formula: ${JSON.stringify(raw)}`, () => assert.equal(writeForeign(raw), cell));
}

test("AT-28: an address that looks like a formula is the same mailbox, its local part quoted", () => {
  assert.equal(writeAddress("=1+1@example.net"), '"""=1+1""@example.net"');
  assert.deepEqual(readBack(writeAddress("+tag@example.net")), ['"+tag"@example.net']);
  assert.equal(writeAddress("@"), "'@");
  assert.equal(writeAddress("bob+tag@example.net"), "bob+tag@example.net");
  assert.equal(writeAddress(""), "");
});

test("AT-28: whatever comes from outside, no cell begins a formula once it is read", () => {
  fc.assert(
    fc.property(text, (raw) => {
      for (const write of [writeForeign, writeAddress])
        assert.doesNotMatch(readBack(`d,${write(raw)}`)[1] ?? "", /^[=+\-@\t\r]/);
    }),
  );
});
