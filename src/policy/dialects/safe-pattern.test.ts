import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { safePattern } from "./safe-pattern.ts";

const atoms = fc.constantFrom(
  "a",
  "b",
  ".",
  "[ab]",
  "[^a]",
  "\\d",
  "\\.",
  "\\w",
  "\\x61",
  "^",
  "$",
  "\\b",
  "\\B",
  "(?=\\n?$)",
  "ab1",
  "1\\.a",
);
const quantifiers = fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,}", "{0,3}", "*?", "+?");

const pattern = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(atoms, quantifiers).map(([atom, times]) => (/^[\^$]|^\\[bB]|^\(\?=/.test(atom) ? atom : atom + times)),
    fc.tuple(tie("node"), tie("node")).map((both) => both.join("")),
    fc.tuple(tie("node"), tie("node")).map((both) => `(${both.join("|")})`),
    fc.tuple(fc.constantFrom("(", "(?:", "(?<n>"), tie("node"), quantifiers).map(([head, inner, times]) => {
      return `${head}${head === "(?<n>" ? inner.replaceAll("(?<n>", "(") : inner.replaceAll("(?<n>", "(?:")})${times}`;
    }),
  ),
})).node;

const text = fc.string({ unit: fc.constantFrom("a", "b", "1", ".", "\n", "é", "ab1", "AB1", "1.a"), maxLength: 10 });

test("safe pattern: the answer of JavaScript's own engine, for every pattern and text", () => {
  fc.assert(
    fc.property(
      pattern,
      fc.constantFrom("" as const, "i" as const),
      fc.array(text, { maxLength: 8 }),
      (source, flags, texts) => {
        const made = safePattern(source, flags);
        if (made.kind === "bad") return;
        const native = new RegExp(source, flags);
        for (const one of texts)
          assert.equal(made.tester.test(one), native.test(one), `/${source}/${flags} ${JSON.stringify(one)}`);
      },
    ),
    { numRuns: 3000 },
  );
});

const endless = [
  "^(a+)+$",
  "^(a|a)*$",
  "^(a|aa)+$",
  "(.*)*x",
  "^([a-z0-9]+[.-]?)*example[.]com$",
  ".*.*.*.*.*.*.*.*x",
  "^(a?){60}a{60}$",
  "(a*)*b",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
];
for (const source of endless) {
  test(`safe pattern: /${source}/ is read in time proportional to the text`, () => {
    const made = safePattern(source, "");
    assert.ok(made.kind === "pattern");
    const before = process.cpuUsage();
    for (const length of [255, 5000]) assert.equal(made.tester.test(`${"a".repeat(length)}!`), false);
    const { user } = process.cpuUsage(before);
    assert.ok(user < 3_000_000, `${user} µs`);
  });
}

const refused: readonly (readonly [source: string, problem: RegExp])[] = [
  ["(a+)\\1+$", /a reference to a group beside several repetitions/],
  ["^(?=(a+)+$)a*b", /looking around beside several repetitions/],
  ["(a{1000}){1000}", /too large/],
  ["(".repeat(300) + ")".repeat(300), /nested deeper/],
  ["a".repeat(40_000), /longer than/],
  ["(", /[Uu]nterminated/],
];
for (const [source, problem] of refused) {
  test(`safe pattern: /${source.slice(0, 30)}/ is refused`, () => {
    const made = safePattern(source, "");
    assert.ok(made.kind === "bad");
    assert.match(made.problem, problem);
  });
}

test("safe pattern: looking around and references are taken where there is nothing to try", () => {
  for (const source of ["^(?!x[.])[a-z.]+$", "^(a|b)\\1$"]) assert.equal(safePattern(source, "").kind, "pattern");
});

test("safe pattern: a text without a word that it must have is not read at all", () => {
  const made = safePattern("(user|mailbox) +(\\S+@\\S+ +)?(not known|unknown)", "i");
  assert.ok(made.kind === "pattern");
  const before = process.cpuUsage();
  for (let round = 0; round < 2000; round += 1) assert.equal(made.tester.test("message ".repeat(64)), false);
  assert.ok(process.cpuUsage(before).user < 500_000);
  assert.equal(made.tester.test("550 User bob@example.net NOT KNOWN"), true);
});
