/**
 * Tables of rules, asked from the top: the first that matches is the answer. `if` leads over the rules up to its `endif`
 * where its own test fails. Shared by regexp, pcre and cidr tables, whose rules stand in a file or in braces.
 */
import path from "node:path";
import { splitOutsideBraces, unbrace } from "../braces.ts";
import { type Place, placeIn, readLogicalLines } from "../logical-lines.ts";
import { type LookupAnswer, type LookupTable, notFound, type TableHit, type TableRequest } from "./table.ts";

/** `subject` is the key as the table's kind takes it apart. */
export type Rule<Subject> =
  | Readonly<{
      op: "match";
      key: string;
      hit: TableHit;
      test: Test<Subject>;
      tooLong?: Test<Subject>;
      answer(subject: Subject): LookupAnswer;
    }>
  /** Without `endif` all the rest depends on it. */
  | {
      readonly op: "if";
      readonly test: Test<Subject>;
      readonly tooLong: Test<Subject> | undefined;
      end: number | undefined;
    }
  /** What is written here means something that is not understood: nobody knows what would have been found. */
  | Readonly<{ op: "unknown"; answer: LookupAnswer }>;

type Test<Subject> = (subject: Subject) => boolean;

/** @param subjectOf `undefined`: such a key is never found */
export function ruleTable<Subject>(
  { spec, type }: TableRequest,
  rules: readonly Rule<Subject>[],
  subjectOf: (key: string) => Subject | undefined,
): LookupTable {
  return {
    spec,
    type,
    kind: "pattern",
    lookup(key) {
      const subject = subjectOf(key);
      return subject === undefined ? notFound : firstAnswer(rules, subject);
    },
    entries: () => rules.flatMap((rule) => (rule.op === "match" ? [{ key: rule.key, hit: rule.hit }] : [])),
  };
}

/** Whether the rule matches would take too long to find out, so nobody knows what would have been found. */
const tooLong: LookupAnswer = { kind: "error", text: "the key is too long for a pattern with so many repetitions" };

function firstAnswer<Subject>(rules: readonly Rule<Subject>[], subject: Subject): LookupAnswer {
  for (let index = 0; index < rules.length; index += 1) {
    const rule = rules[index];
    if (rule === undefined) break;
    if (rule.op === "unknown") return rule.answer;
    if (rule.tooLong?.(subject) === true) return tooLong;
    const matches = rule.test(subject);
    if (rule.op === "match" && matches) return rule.answer(subject);
    if (rule.op === "if" && !matches) index = (rule.end ?? rules.length) - 1;
  }
  return notFound;
}

/** A logical line of the table; `text` without white space at its ends. */
export type RuleLine = Readonly<{ text: string; at: Place }>;

export type RuleLines =
  | Readonly<{ kind: "lines"; lines: readonly RuleLine[]; indented: readonly RuleLine[] }>
  | Readonly<{ kind: "wrong"; problem: string; remedy: string }>;

export function readRuleLines(request: TableRequest): RuleLines {
  return request.name.startsWith("{") ? readBraced(request) : readFile(request);
}

/** `regexp:{ {/pattern/ result}, ... }` (Postfix 3.7 and later) */
function readBraced({ type, name, context: { at } }: TableRequest): RuleLines {
  const remedy = `write "${type}:{ {rule}, {rule} }"`;
  const inside = unbrace(name);
  if (inside.kind === "wrong") return { kind: "wrong", problem: inside.problem, remedy };
  const lines: RuleLine[] = [];
  for (const { text } of splitOutsideBraces(inside.text)) {
    const item = unbrace(text);
    if (item.kind === "wrong") return { kind: "wrong", problem: item.problem, remedy };
    if (item.text !== "" && !item.text.startsWith("#")) lines.push({ text: item.text, at });
  }
  return { kind: "lines", lines, indented: [] };
}

function readFile({ name, context }: TableRequest): RuleLines {
  const file = path.posix.resolve(context.folder, name);
  const answer = context.files.read(file);
  const remedy = "give a file that can be read";
  if (answer.kind === "failed") return { kind: "wrong", problem: `${file} cannot be read: ${answer.reason}`, remedy };
  const lines: RuleLine[] = [];
  const indented: RuleLine[] = [];
  readLogicalLines(answer.text, {
    line: (logical) => lines.push({ text: logical.text.trimEnd(), at: placeIn(file, logical, 0) }),
    // It stands where a delimiter should: the first rule is said to be wrong.
    byteOrderMark: () => undefined,
    indented: (line, text) => indented.push({ text, at: { file, line, column: 1 } }),
  });
  return { kind: "lines", lines, indented };
}
