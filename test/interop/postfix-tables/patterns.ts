/**
 * Regular expressions in the two syntaxes of Postfix's pattern tables, by their grammar, over the letters of the keys.
 */
import fc from "fast-check";

const plain = fc.constantFrom("a", "b", "A", "\\.", "1", "-", ".", "\\-");
const brackets = fc.constantFrom(
  "[ab]",
  "[^a]",
  "[a-b1]",
  "[]a]",
  "[[:alpha:]]",
  "[^[:digit:].]",
  "[.-]",
  "[A]",
  "[[:upper:]]",
);
const counts = fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{1,}", "{1,2}");

function pattern(
  atoms: fc.Arbitrary<string>,
  counted: fc.Arbitrary<string>,
  groups: fc.Arbitrary<readonly [string, string]>,
  alone: fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const { whole } = fc.letrec<{ whole: string; branch: string; atom: string }>((tie) => ({
    whole: fc.array(tie("branch"), { minLength: 1, maxLength: 2 }).map((branches) => branches.join("|")),
    branch: fc.array(tie("atom"), { minLength: 1, maxLength: 3 }).map((items) => items.join("")),
    atom: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      { weight: 6, arbitrary: fc.tuple(fc.oneof(plain, atoms), counted).map((parts) => parts.join("")) },
      { weight: 1, arbitrary: alone },
      {
        weight: 4,
        arbitrary: fc
          .tuple(groups, tie("whole"), fc.constantFrom("?", "?", "*", "", "", "", "", "", "", ""))
          .map(([[open, close], inside, count]) => `${open}${inside}${close}${count}`),
      },
    ),
  }));
  return fc
    .tuple(
      fc.constantFrom("", "^"),
      whole,
      fc.constantFrom("", "$", "$"),
      fc.constantFrom("", "", "", "", "", "(", "*", "[", "{"),
    )
    .map((parts) => parts.join(""));
}

export const posixPattern = pattern(
  fc.oneof(brackets, fc.constantFrom("\\w", "\\<", "\\>", "[[.a.]]", "[[=b=]]", "[a\\]")),
  counts,
  fc.constant(["(", ")"] as const),
  fc.constantFrom("^", "$", "a"),
);

export const pcrePattern = pattern(
  fc.oneof(
    brackets,
    fc.constantFrom(
      "\\d",
      "\\W",
      "\\b",
      "\\x61",
      "\\x{62}",
      "\\Qa.\\E",
      "[\\w.]",
      "\\061",

      "[^\\d]",
    ),
  ),
  fc.oneof(counts, fc.constantFrom("*?", "+?", "??", "++", "*+", "{1,2}?", "{2}+")),
  fc.constantFrom(
    ["(", ")"],
    ["(", ")"],
    ["(?:", ")"],
    ["(?>", ")"],
    ["(?=", ")"],
    ["(?!", ")"],
    ["(?<n>", ")"],
    ["(?-i:", ")"],
  ),
  fc.constantFrom("(?-i)", "(?i)", "(?#x)", "^", "$"),
);
