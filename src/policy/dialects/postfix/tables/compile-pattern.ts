/**
 * A pattern with its flags, as a JavaScript expression that finds the same in the same keys, or the reason why there is
 * none. A flag toggles, so one that stands twice has no effect; case is ignored unless `i` stands there.
 */
import { refersToMissing } from "./pattern-captures.ts";
import { longestKeyInTime, mayExplode } from "./pattern-cost.ts";
import { type Pattern, type PatternReading, printPattern } from "./pattern-tree.ts";
import { parsePcrePattern } from "./pcre-syntax.ts";
import { parsePosixPattern } from "./posix-syntax.ts";
import type { RuleProblem } from "./rule-builder.ts";

/** `indexes[n]`: the group of `expression` that holds what `$n` means. */
export type CompiledPattern = Readonly<{
  expression: RegExp;
  indexes: readonly number[];
  pattern: Pattern;
  /** UTF-16 units. Longer keys may take too long. */
  longestKey: number;
}>;

/** UTF-16 units. */
const maxLength = 10_000;

export function compilePattern(type: "regexp" | "pcre", text: string, flags: string): CompiledPattern | RuleProblem {
  const unknown = (type === "regexp" ? /[^imx]/ : /[^imsxAEUX]/).exec(flags);
  if (unknown !== null) return { kind: "skip", why: `unknown regexp option "${unknown[0]}"` };
  if (text.length > maxLength) return { kind: "refuse", why: `a pattern of more than ${maxLength} characters` };
  const reading = type === "regexp" ? readPosix(text, flags) : readPcre(text, flags);
  if (reading.kind !== "pattern") return { kind: reading.kind === "invalid" ? "skip" : "refuse", why: reading.text };
  const { pattern } = reading;
  if (refersToMissing(pattern)) return { kind: "refuse", why: "a reference to a group that may be left out" };
  if (mayExplode(pattern)) return { kind: "refuse", why: "repeated repetitions, which take endless time on some keys" };
  return translate(pattern);
}

function translate(pattern: Pattern): CompiledPattern | RuleProblem {
  const { source, indexes } = printPattern(pattern);
  try {
    return { expression: new RegExp(source), indexes, pattern, longestKey: longestKeyInTime(pattern) };
  } catch {
    return { kind: "refuse", why: "a pattern too large" };
  }
}

function readPosix(text: string, flags: string): PatternReading {
  return parsePosixPattern(text, {
    ignoreCase: !toggled(flags, "i"),
    basic: toggled(flags, "x"),
    lines: toggled(flags, "m"),
  });
}

function readPcre(text: string, flags: string): PatternReading {
  const reading = parsePcrePattern(text, {
    ignoreCase: !toggled(flags, "i"),
    lines: toggled(flags, "m"),
    dotAll: !toggled(flags, "s"),
    extended: toggled(flags, "x"),
    ungreedy: toggled(flags, "U"),
  });
  return toggled(flags, "A") && reading.kind === "pattern" ? anchored(reading.pattern) : reading;
}

function anchored({ root, captures }: Pattern): PatternReading {
  const items = [{ kind: "assertion", script: "^" } as const, root];
  return { kind: "pattern", pattern: { root: { kind: "sequence", items }, captures } };
}

function toggled(flags: string, letter: string): boolean {
  return flags.split(letter).length % 2 === 0;
}
