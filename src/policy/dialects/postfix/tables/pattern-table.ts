/**
 * regexp: and pcre: tables (regexp_table(5), pcre_table(5)): `/pattern/flags result`, `!/pattern/`, `if` and `endif`.
 * The whole key is searched, letter case does not count unless a flag says so.
 */
import { skipSpace, skipWord } from "../logical-lines.ts";
import { type CompiledPattern, compilePattern } from "./compile-pattern.ts";
import { whyUncertain } from "./pattern-captures.ts";
import { fillReplacement, parseReplacement, type Replacement } from "./replacement.ts";
import { closesBlock, openRules, opensBlock, type RuleProblem, type RuleReading } from "./rule-builder.ts";
import type { RuleLine } from "./rule-list.ts";
import type { LookupAnswer, OpenedTable, TableHit, TableRequest } from "./table.ts";

/** A pattern as it stands in the table; `end` is the offset behind its flags. */
type Written = Readonly<{ text: string; flags: string; negated: boolean; end: number }>;
type Search = Readonly<{ kind: "search"; compiled: CompiledPattern; negated: boolean; end: number }>;
type PatternType = "regexp" | "pcre";

export function openPatterns(request: TableRequest, type: PatternType): OpenedTable {
  const substitution = request.context.substitution !== false;
  return openRules<string>(
    request,
    (line) => readRule(line, type, substitution),
    (key) => key,
  );
}

function readRule(line: RuleLine, type: PatternType, substitution: boolean): RuleReading<string> {
  const { text } = line;
  if (opensBlock.test(text)) return readIf(text, type);
  if (closesBlock.test(text)) {
    return { kind: "endif", ...(text.length > "endif".length ? { warning: "extra text after ENDIF" } : {}) };
  }
  if (/^[0-9A-Za-z]/.test(text)) return { kind: "skip", why: "unrecognized request" };
  const first = readSearch(text, 0, type);
  if (first.kind !== "search") return first;
  // `/one/!/other/ result`: matches the one and not the other
  const second = type === "regexp" && text[first.end] === "!" ? readSearch(text, first.end, type) : undefined;
  if (second !== undefined && second.kind !== "search") return second;
  return readMatch(line, first, second, { longest: type === "regexp", substitution });
}

function readIf(text: string, type: PatternType): RuleReading<string> {
  const search = readSearch(text, "if".length, type);
  if (search.kind !== "search") return search;
  const extra = skipSpace(text, search.end) < text.length;
  return {
    kind: "if",
    test: testOf(search),
    tooLong: tooLongFor(search),
    ...(extra ? { warning: "extra text after IF statement" } : {}),
  };
}

function readSearch(text: string, from: number, type: PatternType): Search | RuleProblem {
  const written = readWritten(text, from, type);
  if ("kind" in written) return written;
  const compiled = compilePattern(type, written.text, written.flags);
  if ("kind" in compiled) return compiled;
  return { kind: "search", compiled, negated: written.negated, end: written.end };
}

/** `!` any number of times, a delimiter, the pattern up to the next one without a backslash before it, flags. */
function readWritten(text: string, from: number, type: PatternType): Written | RuleProblem {
  let negated = false;
  let at = skipSpace(text, from);
  for (; text[at] === "!" || skipSpace(text, at) > at; at += 1) if (text[at] === "!") negated = !negated;
  const delimiter = text[at];
  if (delimiter === undefined) return { kind: "skip", why: "no regexp" };
  const start = at + 1;
  let close = start;
  while (close < text.length && text[close] !== delimiter) close += text[close] === "\\" ? 2 : 1;
  if (close >= text.length) return { kind: "skip", why: `no closing regexp delimiter "${delimiter}"` };
  const word = skipWord(text, close + 1);
  const bang = type === "regexp" ? text.indexOf("!", close + 1) : -1;
  const end = bang >= 0 && bang < word ? bang : word;
  return { text: text.slice(start, close), flags: text.slice(close + 1, end), negated, end };
}

function testOf({ compiled, negated }: Search): (key: string) => boolean {
  return (key) => compiled.expression.test(key) !== negated;
}

/** Keys whose search may take too long. */
function tooLongFor(...searches: readonly Search[]): (key: string) => boolean {
  const longest = Math.min(...searches.map(({ compiled }) => compiled.longestKey));
  return (key) => key.length > longest;
}

function readMatch(
  { text, at }: RuleLine,
  first: Search,
  second: Search | undefined,
  rules: Readonly<{ longest: boolean; substitution: boolean }>,
): RuleReading<string> {
  const end = (second ?? first).end;
  const result = text.slice(skipSpace(text, end));
  const replacement = parseReplacement(result);
  if (typeof replacement === "string") return { kind: "skip", why: replacement };
  const problem = problemOf(replacement, first, rules);
  if (problem !== undefined) return problem;
  const shown = fillReplacement(replacement, (number) => `\${${number}}`);
  const hit: TableHit = { value: shown, from: { ...at, written: text } };
  const [one, other] = [testOf(first), second === undefined ? undefined : testOf(second)];
  return {
    kind: "match",
    rule: {
      op: "match",
      key: text.slice(0, end),
      hit,
      test: other === undefined ? one : (key) => one(key) && other(key),
      tooLong: second === undefined ? tooLongFor(first) : tooLongFor(first, second),
      answer: answerOf(replacement, first.compiled, hit),
    },
    ...(result === "" ? { warning: "no result: the empty string is an error when it is found" } : {}),
  };
}

function problemOf(
  { highest, parts }: Replacement,
  { compiled: { pattern }, negated }: Search,
  { longest, substitution }: Readonly<{ longest: boolean; substitution: boolean }>,
): RuleProblem | undefined {
  if (highest === 0) return undefined;
  if (!substitution) return { kind: "skip", why: "$number is not allowed in this table" };
  if (negated) return { kind: "skip", why: "$number found in negative match replacement text" };
  if (highest > pattern.captures) return { kind: "skip", why: `out of range replacement index "${highest}"` };
  for (const part of parts) {
    const why = typeof part === "number" ? whyUncertain(pattern, part, longest) : undefined;
    if (why !== undefined) return { kind: "refuse", why: `$${part} with ${why}` };
  }
  return undefined;
}

function answerOf(
  replacement: Replacement,
  { expression, indexes }: CompiledPattern,
  hit: TableHit,
): (key: string) => LookupAnswer {
  const fixed: LookupAnswer = { kind: "found", hit };
  if (replacement.highest === 0) return () => fixed;
  return (key) => {
    const found = expression.exec(key);
    const value = fillReplacement(replacement, (number) => found?.[indexes[number] ?? 0]);
    return { kind: "found", hit: { value, from: hit.from } };
  };
}
