import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSources, type SourceTexts } from "./compare-sources.ts";

const source = (name: string, texts: Readonly<Record<string, string>> = {}): SourceTexts => ({
  name,
  texts: new Map(Object.entries(texts)),
});

const rows: readonly (readonly [
  name: string,
  before: readonly SourceTexts[],
  after: readonly SourceTexts[],
  want: readonly string[],
])[] = [
  ["nothing", [source("a", { "/f": "1\n" })], [source("a", { "/f": "1\n" })], []],
  ["added and removed", [source("a")], [source("b")], ["b added", "a removed"]],
  [
    "lines of one file",
    [source("a", { "/f": "1\n2\n3\n", "/g": "x" })],
    [source("a", { "/f": "1\n2\n4\n5\n", "/g": "x" })],
    ["a: /f: 2 lines added, 1 line removed"],
  ],
  ["a line twice", [source("a", { "/f": "1\n" })], [source("a", { "/f": "1\n1\n" })], ["a: /f: 1 line added"]],
  [
    "the order of lines",
    [source("a", { "/f": "1\n2\n" })],
    [source("a", { "/f": "2\n1\n" })],
    ["a: /f: lines in another order"],
  ],
  [
    "files",
    [source("a", { "/f": "1" })],
    [source("a", { "/g": "1" })],
    ["a: /g is read now", "a: /f is no longer read"],
  ],
  [
    "the order of sources",
    [source("a"), source("b"), source("c")],
    [source("b"), source("a")],
    ["c removed", "order of policy: changed"],
  ],
];

for (const [name, before, after, want] of rows) {
  test(`compare sources: ${name}`, () => assert.deepEqual(compareSources(before, after), want));
}
