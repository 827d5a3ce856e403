import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Problems } from "./problem.ts";
import { thinRepeatedEntries } from "./repeated-entries.ts";
import { parseYamlTree } from "./yaml-tree.ts";

/** The tree and problems, once thinned from the first repeat on and once parsed as a whole. */
function bothWays(text: string): readonly [thinned: unknown, whole: unknown] {
  const [thinned, whole] = [1, Number.POSITIVE_INFINITY].map((thinFrom) => {
    const problems = new Problems("x");
    return { tree: parseYamlTree(text, problems, thinFrom), problems: problems.sorted() };
  });
  return [thinned, whole];
}

test("repeated entries: equal values of one map are parsed once", () => {
  const text = [
    "tls:",
    "  domains:",
    "    a.example: { level: secure }",
    "    b.example: { level: secure }",
    "    c.example:",
    "      level: may",
    "    d.example:",
    "      level: may",
    "bindings:",
    "    e.example: { level: secure }",
  ].join("\n");
  const thinned = thinRepeatedEntries(text, 1);
  assert.deepEqual(thinned?.text.split("\n"), [
    "tls:",
    "  domains:",
    "    a.example: { level: secure }",
    "    c.example:",
    "      level: may",
    "bindings:",
    "    e.example: { level: secure }",
  ]);
  const [left, right] = bothWays(text);
  assert.deepEqual(left, right);
});

const traps: readonly (readonly [name: string, text: string])[] = [
  ["inside a quoted text", 'reason: "\n  x:\n    a.example: x\n    b.example: x\n  "\n'],
  ["inside a block text", "reason: |\n  a.example: x\n  b.example: x\nz: 1\n"],
  ["in braces over several lines", "d: {\n  a.example: { l: m },\n  b.example: { l: m },\n}\n"],
  ["braces left open", "d:\n  a.example: { l: m\n  b.example: { l: m\n  c.example: 1 }\n"],
  ["duplicates", "d:\n  a.example: { l: m }\n  b.example: { l: m }\n  b.example: { l: m }\n  a.example: 1\n"],
  ["duplicates within a repeated value", "d:\n  a.example: { l: m, l: m }\n  b.example: { l: m, l: m }\n"],
  ["anchors", "d:\n  a.example: &a { l: m }\n  b.example: &a { l: m }\n  c.example: *a\n"],
  ["an anchor around", "d: &d\n  a.example: { l: m }\n  b.example: { l: m }\ne: *d\nf:\n  a.example: { l: m }\n"],
  ["comments between", "d:\n  a.example: { l: m }\n# c\n  b.example: { l: m } # c\n  c.example: { l: m }\n"],
  ["empty values", "d:\n  a.example:\n  b.example:\n  c.example: ~\n"],
  [
    "keys of unequal length",
    "d:\n  a.example: { l: m,\n    n: o }\n  long.name.example: { l: m,\n    n: o }\n  b.example: x\n  cc.example: x\n",
  ],
  ["empty values under keys of unequal length", "d:\n  a.example:\n  long.name.example:\n"],
  ["lists as values", "d:\n  a.example:\n    - x\n  b.example:\n    - x\n  c.example:\n  - x\n"],
  [
    "hosts within domains",
    "d:\n  a.example:\n    h:\n      m.example: 1\n      n.example: 1\n  b.example:\n    h:\n      m.example: 1\n      n.example: 1\n",
  ],
  ["a plain text over two lines", "d:\n  a.example: x\n    y\n  b.example: x\n    y\n"],
  ["two documents", "d:\n  a.example: 1\n  b.example: 1\n---\nd:\n  a.example: 1\n"],
  ["quoted values", "d:\n  a.example: \"[x]:25\"\n  b.example: \"[x]:25\"\n  c.example: '*'\n  d.example: '*'\n"],
  [
    "quotes that only seem to close",
    "d:\n  a.example: {a: b'c, d: 'e}\n  b.example: {a: b'c, d: 'e}\n  c.example: '}\n",
  ],
  ["CR LF", "d:\r\n  a.example: 1\r\n  b.example: 1\r\n"],
];

for (const [name, text] of traps) {
  test(`repeated entries: the tree is that of the whole text: ${name}`, () => {
    const [left, right] = bothWays(text);
    assert.deepEqual(left, right);
  });
}

test("repeated entries: the tree is that of the whole text, whatever it is", () => {
  const line = fc.tuple(
    fc.constantFrom("", "  ", "    ", "      "),
    fc.constantFrom(
      "a.example:",
      "b.example:",
      ".c.example:",
      "d.e.example:",
      "domains:",
      "- ",
      "# x",
      '"',
      "}",
      "",
      "text",
    ),
    fc.constantFrom(
      "",
      " x",
      " { level: may }",
      " { level: may",
      " [a, b]",
      ' "',
      " |",
      " >",
      " &a x",
      " *a",
      " # c",
      " 'q'",
      ' "q"',
      " {a: b'c, d: 'e}",
      " }",
    ),
  );
  const text = fc.array(line, { maxLength: 14 }).map((lines) => lines.map((parts) => parts.join("")).join("\n"));
  fc.assert(
    fc.property(text, (sample) => {
      const [left, right] = bothWays(sample);
      assert.deepEqual(left, right);
    }),
    { numRuns: 1500 },
  );
});
