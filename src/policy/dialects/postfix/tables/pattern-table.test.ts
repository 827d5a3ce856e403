// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are results of Postfix
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Note } from "../../dialect.ts";
import { type LookupTable, openTable } from "../lookup-table.ts";

function opened(type: string, text: string, substitution = true): { table: LookupTable; notes: readonly Note[] } {
  return openTable(`${type}:/map`, {
    files: { read: () => ({ kind: "found", text }), list: () => undefined, modifiedAt: () => undefined },
    at: { file: "main.cf", line: 1, column: 1 },
    folder: "/",
    substitution,
  });
}

function ask(type: string, text: string, key: string): string {
  const answer = opened(type, text).table.lookup(key);
  return answer.kind === "found" ? answer.hit.value : `(${answer.kind})`;
}

const both: readonly [name: string, text: string, key: string, want: string][] = [
  ["the whole key is searched", "/b/ x", "abc", "x"],
  ["case does not count", "/A/ x", "a", "x"],
  ["unless flag i says so", "/A/i x", "a", "(none)"],
  ["a flag twice has no effect", "/A/ii x", "a", "x"],
  ["the first match is the answer", "/a/ x\n/a/ y", "a", "x"],
  ["any delimiter", "|^a/b$| x", "a/b", "x"],
  ["a delimiter behind a backslash", "/^a\\/b$/ x", "a/b", "x"],
  ["!: not", "!/a/ x", "b", "x"],
  ["! !: not not", "! !/a/ x", "a", "x"],
  ["KEY-14: $1", "/(.*)\\.test$/ verify match=mx.$1.test", "good.test", "verify match=mx.good.test"],
  ["KEY-14: ${1} and $(2)", "/(a)(b)?/ ${1}x$(2)y", "a", "axy"],
  ["$$", "/a/ $$1", "a", "$1"],
  ["KEY-11: a key that begins with a dot", "/^\\.test$/ encrypt", ".test", "encrypt"],
  ["a result keeps its inner white space", "/a/  x  y ", "a", "x  y"],
  ["a continued rule", "/a/ x\n   y", "a", "x   y"],
  ["no result: the empty string", "/a/", "a", ""],
  ["if: holds", "if /a/\n/b/ x\nendif\n/./ y", "ab", "x"],
  ["if: fails", "if /a/\n/b/ x\nendif\n/./ y", "b", "y"],
  ["if !", "if !/a/\n/b/ x\nendif\n/./ y", "b", "x"],
  ["if in if", "if /a/\nif /b/\n/c/ x\nendif\n/d/ y\nendif\n/./ z", "ad", "y"],
  ["if in if: the outer one fails", "if /a/\nif /b/\n/c/ x\nendif\n/d/ y\nendif\n/./ z", "bcd", "z"],
  ["if without endif", "if /a/\n/b/ x", "b", "(none)"],
  ["endif without if", "endif\n/b/ x", "b", "x"],
  ["a broken if lets the rules behind it hold alone", "if /(/\n/b/ x\nendif", "b", "x"],
  ["a broken pattern is left out", "/(/ x\n/./ y", "a", "y"],
  ["a result with a name is left out", "/a/ $foo\n/./ y", "a", "y"],
  ["a result with a group too many is left out", "/(a)/ $2\n/./ y", "a", "y"],
  ["$1 behind ! is left out", "!/(a)/ $1\n/./ y", "b", "y"],
  ["an unknown flag: left out", "/a/q x\n/./ y", "a", "y"],
  ["no delimiter at the end: left out", "/a x\n/./ y", "a", "y"],
  ["a rule that begins with a letter: left out", "abc x\n/./ y", "a", "y"],
  ["alternatives", "/^(one|two)\\.test$/ $1", "two.test", "two"],
  ["classes", "/^[[:alpha:]]+[[:digit:].]$/ x", "ab1", "x"],
  ["a domain and all below it", "/(^|\\.)example\\.com$/ x", "a.b.example.com", "x"],
  ["labels", "/^([a-z0-9-]+\\.)+example\\.com$/ x", "a-1.b.example.com", "x"],
];

for (const type of ["regexp", "pcre"]) {
  for (const [name, text, key, want] of both) {
    test(`Postfix ${type}: ${name}`, () => assert.equal(ask(type, `${text}\n`, key), want));
  }
}

const only: readonly [type: string, name: string, text: string, key: string, want: string][] = [
  ["regexp", "/one/!/other/", "/a/!/b/ x", "a", "x"],
  ["regexp", "/one/!/other/: the other is there, too", "/a/!/b/ x", "ab", "(none)"],
  ["regexp", "basic expressions", "/^\\(a\\|b\\)\\{2\\}$/x <\\1>", "ab", "<\\1>"],
  ["regexp", "basic: what is special in extended ones is not", "/^a+(b)$/x y", "a+(b)", "y"],
  ["regexp", "GNU: words", "/\\<b\\>/ x", "a.b.c", "x"],
  ["regexp", "\\d is the letter d", "/^\\d$/ x", "d", "x"],
  ["regexp", "a backslash in brackets is itself", "/^[\\]$/ x", "\\", "x"],
  ["pcre", "\\d is a digit", "/^\\d+$/ x", "12", "x"],
  ["pcre", "flag x", "/a b # c/x x", "ab", "x"],
  ["pcre", "flag A", "/b/A x", "ab", "(none)"],
  ["pcre", "(?-i)", "/a(?-i)b/ x", "AB", "(none)"],
  ["pcre", "(?i) to the end of its group", "/^(?:(?i)a)b$/i x", "Ab", "x"],
  ["pcre", "(?i) to the end of its group, not further", "/^(?:(?i)a)b$/i x", "AB", "(none)"],
  ["pcre", "named groups", "/^(?P<n>a|b)(?P=n)(?<m>c)\\k<m>$/ $1$2", "bbcc", "bc"],
  ["pcre", "possessive", "/^a++a/ x", "aaa", "(none)"],
  ["pcre", "atomic, and the groups behind it", "/^(?>a|ab)(c|b)$/ $1", "ab", "b"],
  ["pcre", "\\Q...\\E", "/^\\Qa.b\\E$/ x", "a.b", "x"],
  ["pcre", "\\Q...\\E: a dot is a dot", "/^\\Qa.b\\E$/ x", "acb", "(none)"],
  ["pcre", "\\A and \\z", "/\\Aa\\z/ x", "a", "x"],
  ["pcre", "lazy", "/^(a+?)(a*)$/ $1-$2", "aaa", "a-aa"],
  ["pcre", "flag U", "/^(a+)(a*)$/U $1-$2", "aaa", "a-aa"],
  ["pcre", "look-behind", "/(?<=a)b/ x", "ab", "x"],
  ["pcre", "hexadecimal", "/^\\x61\\x{62}$/ x", "ab", "x"],
  ["pcre", "a comment", "/a(?#no)b/ x", "ab", "x"],
];

for (const [type, name, text, key, want] of only) {
  test(`Postfix ${type}: ${name}`, () => assert.equal(ask(type, `${text}\n`, key), want));
}

const refused: readonly [type: string, pattern: string, why: RegExp][] = [
  ["pcre", "/(?1)(a)/ x", /a group "\(\?1"/],
  ["pcre", "/(?|a|b)/ x", /a group/],
  ["pcre", "/(?(1)a)/ x", /a group/],
  ["pcre", "/(*UTF8)a/ x", /a verb/],
  ["pcre", "/\\p{L}/ x", /"\\p"/],
  ["pcre", "/a\\Kb/ x", /"\\K"/],
  ["pcre", "/a{,3}/ x", /older releases/],
  ["pcre", "/(?J)a/ x", /the flag "J"/],
  ["pcre", "/(?:(a)|b)+/ $1", /may leave out/],
  ["pcre", "/(?:(a)|b)\\1/ x", /may be left out/],
  ["regexp", "/(a|ab)(c|bcd)/ $1", /the beginning of another/],
  ["regexp", "/[[.hyphen.]]/ x", /collating/],
  ["pcre", "/^(a+)+$/ x", /endless time/],
  ["regexp", "/^(a|a)*$/ x", /endless time/],
  ["regexp", "/^(.*\\.)*x$/ x", /endless time/],
  ["pcre", "/^(a?b?)*c/ x", /endless time/],
];

for (const [type, pattern, why] of refused) {
  test(`Postfix ${type}: ${pattern} is refused: who comes as far gets an error`, () => {
    const { table, notes } = opened(type, `/^first$/ y\n${pattern}\n/./ z\n`);
    assert.deepEqual([notes.length, notes[0]?.kind, notes[0]?.line], [1, "error", 2]);
    assert.match(notes[0]?.text ?? "", why);
    assert.equal(table.lookup("first").kind, "found");
    const answer = table.lookup("other");
    assert.ok(answer.kind === "error");
    assert.match(answer.text, /\/map:2 /);
  });
}

test("Postfix pcre: an if that is refused takes what depends on it with it", () => {
  const { table, notes } = opened("pcre", "if /\\p{L}/\n/a/ x\nendif\n/./ y\n");
  assert.equal(table.lookup("a").kind, "error");
  assert.equal(notes.length, 1);
});

const harmless = [
  "/^([a-z0-9-]+\\.)+example\\.com$/ x",
  "/^([a-z0-9]+[-.])*mail\\.example$/ x",
  "/^(.+\\.)?example\\.(com|net|org)$/ x",
  "/^[^@]+@(.*\\.)?(a|b)\\.test$/ x",
  "/^(a|b)+$/ x",
];

for (const pattern of harmless) {
  test(`Postfix pcre: ${pattern} is taken`, () => assert.deepEqual(opened("pcre", `${pattern}\n`).notes, []));
}

test("Postfix TR-2: where $1 is not allowed the rule is left out", () => {
  const { table, notes } = opened("regexp", "/(a)/ $1\n/./ y\n", false);
  assert.equal(table.entries().length, 1);
  assert.deepEqual(
    notes.map(({ kind, line }) => `${line} ${kind}`),
    ["1 warning"],
  );
});

test("Postfix: each rule that is left out or cut short is told with its line", () => {
  const text = "  indented\n/(/ x\nif /a/ junk\n/b/\nendif junk\nendif\nif /c/\n";
  assert.deepEqual(
    opened("regexp", text).notes.map(({ kind, line }) => `${line} ${kind}`),
    ["1 warning", "2 warning", "3 warning", "4 warning", "5 warning", "6 warning", "7 warning"],
  );
});

test("Postfix: entries stand in the order of the file, patterns as written", () => {
  const { table } = opened("pcre", "if /x/\n!/a b/ one\nendif\n/(c)/i two $1\n");
  assert.deepEqual(
    table.entries().map(({ key, hit }) => [key, hit.value, hit.from.line, hit.from.written]),
    [
      ["!/a b/", "one", 2, "!/a b/ one"],
      ["/(c)/i", "two ${1}", 4, "/(c)/i two $1"],
    ],
  );
});

test("Postfix: a key longer than any address is searched by no pattern, and an error", () => {
  assert.equal(ask("pcre", "/a/ x\n", "a".repeat(1025)), "(error)");
});

test("Postfix patterns: a key that would take endless time is an error for whoever comes as far, at once", () => {
  const slow = "/^good\\.test$/ may\n/(.*)(.*)(.*)(.*)(.*)x$/ none\n/./ encrypt\n";
  const { table } = opened("pcre", slow);
  const before = performance.now();
  assert.equal(table.lookup("a".repeat(253)).kind, "error");
  assert.ok(performance.now() - before < 100);
  assert.equal(table.lookup("good.test").kind, "found");
  assert.equal(table.lookup("b.test").kind, "found");
  const usual = opened("pcre", "/^(.+)\\.(.+)\\.([a-z]+)$/ verify\n/@(.*\\.)?example\\.(com|net|org)$/ may\n").table;
  assert.equal(usual.lookup(`${"a.".repeat(126)}b`).kind, "found");
});

for (const pattern of ["^(?:a?){50}a{50}$", "^(?:(?:a|b|)){2,}x"]) {
  test(`Postfix patterns: /${pattern}/ may take endless time, and is refused`, () => {
    assert.equal(opened("pcre", `/${pattern}/ may\n`).table.lookup("aaa").kind, "error");
  });
}
