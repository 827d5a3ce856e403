import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseMainCf, printMainCf } from "./main-cf.ts";

function values(text: string): readonly (readonly [string, string])[] {
  return parseMainCf(text, "main.cf").entries.map(([name, { value }]) => [name, value]);
}

function notes(text: string): readonly string[] {
  return parseMainCf(text, "main.cf").notes.map(({ kind, line, text: what }) => `${line} ${kind}: ${what}`);
}

const rows: readonly [name: string, text: string, want: readonly (readonly [string, string])[]][] = [
  ["CF-1: name = value", "a = b\n", [["a", "b"]]],
  [
    "CF-1: blanks around = are optional, those at the end are cut",
    "a=b  \nc\t =\td e \t\n",
    [
      ["a", "b"],
      ["c", "d e"],
    ],
  ],
  [
    "CF-1: CR LF line ends",
    "a = b\r\nc = d\r\n",
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  ["CF-1: no line end at the end", "a = b", [["a", "b"]]],
  [
    "CF-1: an empty value",
    "a =\nb = \n",
    [
      ["a", ""],
      ["b", ""],
    ],
  ],
  ["CF-1: a value may hold =", "a = b = c\n", [["a", "b = c"]]],
  ["CF-2: white space continues", "a = b\n  c\n\td\n", [["a", "b  c\td"]]],
  [
    "CF-2: comments and empty lines in the middle of a value",
    "a = b\n# x\n\n   # y\n \n  c\nd = e\n",
    [
      ["a", "b  c"],
      ["d", "e"],
    ],
  ],
  ["CF-2: a value may begin on a later line", "a =\n# x\n  v\n", [["a", "v"]]],
  ["CF-2: empty text", "", []],
  ["CF-2: nothing but comments", "# a\n\n  # b\n", []],
  ["CF-3: white space before the first line", "\n  a = b\nc = d\n", [["c", "d"]]],
  ["CF-3: no =", "a b\nc = d\n", [["c", "d"]]],
  [
    "CF-5: no quoting, no comment behind a value, no escapes",
    'a = "b" # c\nd = e\\\n  f\n',
    [
      ["a", '"b" # c'],
      ["d", "e\\  f"],
    ],
  ],
  ["CF-10: a name of one's own", "maps_d_dir = /etc/maps\n", [["maps_d_dir", "/etc/maps"]]],
];

for (const [name, text, want] of rows) test(`main.cf ${name}`, () => assert.deepEqual(values(text), want));

test("main.cf CF-3: told with the line, as Postfix tells it", () => {
  assert.deepEqual(notes("\n  a = b\nc d\n=x\n"), [
    '2 warning: logical line must not start with whitespace: "a = b"',
    "3 error: missing '=' after attribute name: \"c d\"",
    '4 error: missing attribute name: "=x"',
  ]);
});

test("main.cf CF-4: the same name twice, the last one counts", () => {
  const text = "a = 1\nb = 2\na = 3\n";
  assert.equal(new Map(values(text)).get("a"), "3");
  assert.deepEqual(notes(text), ["3 warning: overriding earlier entry: a=1"]);
});

test("main.cf: each value knows its place, a continued one too", () => {
  const { entries } = parseMainCf("# x\na = b\nlong =\n# y\n   value\nnone =\n", "f");
  assert.deepEqual(
    entries.map(([, { file, line, column }]) => [file, line, column]),
    [
      ["f", 2, 5],
      ["f", 5, 4],
      ["f", 6, 1],
    ],
  );
});

const name = fc.stringMatching(/^[A-Za-z_$][\w${}]{0,9}$/);
const value = fc.stringMatching(/^(?:[!-~](?:[ -~é]{0,20}[!-~])?)?$/);

test("main.cf: what is printed parses to the same", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          name,
          value.map((text) => ({ value: text })),
        ),
      ),
      (entries) => {
        assert.deepEqual(
          values(printMainCf(entries)),
          entries.map(([one, { value: text }]) => [one, text]),
        );
      },
    ),
  );
});

test("main.cf: any text is read to its end, and what was read prints to the same", () => {
  const line = fc.oneof(fc.string(), fc.constantFrom("a = b", "  c", "# d", "", "a", "=", "\r", " \v", "a=\0"));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const { entries } = parseMainCf(lines.join("\n"), "f");
      assert.deepEqual(
        values(printMainCf(entries)),
        entries.map(([one, entry]) => [one, entry.value]),
      );
    }),
  );
});

test("main.cf: a value over a hundred thousand lines takes no longer than its length", () => {
  const { entries } = parseMainCf(`a =\n${"  word,\n".repeat(100_000)}`, "f");
  assert.equal(entries[0]?.[1].value.length, 8 * 100_000 - 100_000 - 2);
});
