/**
 * Tables of rules, read line by line: the notes about them, and the nesting of `if` and `endif`. A rule that Postfix leaves
 * out is left out, with a warning; so is its `if`, and the rules behind it then hold without it. In tables of TLS policies
 * nothing is left out: who comes as far as such a rule gets an error, since nobody knows what it was to ask for.
 */
import type { Note } from "../../dialect.ts";
import { type Rule, type RuleLine, readRuleLines, ruleTable } from "./rule-list.ts";
import { note, type OpenedTable, type TableRequest, unusable } from "./table.ts";

/** What a line says; `warning` where something about it is ignored. */
export type RuleReading<Subject> =
  | Readonly<{ kind: "match"; rule: Rule<Subject>; warning?: string }>
  | Readonly<{
      kind: "if";
      test: (subject: Subject) => boolean;
      tooLong?: (subject: Subject) => boolean;
      warning?: string;
    }>
  | Readonly<{ kind: "endif"; warning?: string }>
  | RuleProblem;

/**
 * - `skip`: Postfix leaves it out. So do we, except where a rule of a TLS policy may have asked for security.
 * - `refuse`: Postfix takes it, we cannot: who comes as far as this rule gets an error.
 */
export type RuleProblem = Readonly<{ kind: "skip" | "refuse"; why: string }>;

/** @param readRule what a line of the table says
 * @param subjectOf what a key is held against; `undefined`: such a key is never found
 */
export function openRules<Subject>(
  request: TableRequest,
  readRule: (line: RuleLine) => RuleReading<Subject>,
  subjectOf: (key: string) => Subject | undefined,
): OpenedTable {
  const lines = readRuleLines(request);
  if (lines.kind === "wrong") return unusable(request, lines.problem, lines.remedy);
  const builder = new RuleBuilder<Subject>(request);
  for (const line of lines.indented) builder.warn(line, "logical line must not start with whitespace; it is not used");
  for (const line of lines.lines) builder.add(line, readRule(line));
  builder.finish();
  return { table: ruleTable(request, builder.rules, subjectOf), notes: builder.notes };
}

class RuleBuilder<Subject> {
  readonly rules: Rule<Subject>[] = [];
  readonly notes: Note[] = [];
  readonly #spec: string;
  readonly #strict: boolean;
  readonly #open: Readonly<{ rule: Extract<Rule<Subject>, { op: "if" }> | undefined; line: RuleLine }>[] = [];

  constructor({ spec, context }: TableRequest) {
    this.#spec = spec;
    this.#strict = context.strict === true;
  }

  add(line: RuleLine, reading: RuleReading<Subject>): void {
    if ("why" in reading) {
      if (reading.kind === "skip") this.#skip(line, reading.why);
      else this.#refuse(line, reading.why);
      return;
    }
    if (reading.warning !== undefined) this.warn(line, reading.warning);
    if (reading.kind === "match") this.rules.push(reading.rule);
    else if (reading.kind === "if") this.#openIf(line, reading);
    else this.#closeIf(line);
  }

  warn({ at, text }: RuleLine, what: string): void {
    this.notes.push(note("warning", at, `${what}: "${text}"`, "correct this rule"));
  }

  /** After the last line. */
  finish(): void {
    for (const { line } of this.#open) this.warn(line, "IF has no matching ENDIF");
  }

  #skip(line: RuleLine, why: string): void {
    if (!this.#strict) {
      this.warn(line, `${why}; Postfix leaves this rule out`);
      return;
    }
    const opens = opensBlock.test(line.text);
    const there = opens ? "takes the rules behind it without a condition" : "leaves this rule out";
    this.warn(line, `${why}; Postfix ${there}, here mail waits whose look-up comes as far`);
    this.#cannotTell(line, `cannot be used: ${why}`);
  }

  /** Who comes as far as this line gets an error. */
  #cannotTell(line: RuleLine, what: string): void {
    const text = `${this.#spec}: ${line.at.file}:${line.at.line} ${what}`;
    this.rules.push({ op: "unknown", answer: { kind: "error", text } });
    if (opensBlock.test(line.text)) this.#open.push({ rule: undefined, line });
  }

  #refuse(line: RuleLine, why: string): void {
    const remedy = "write it without; until then no mail is sent that depends on this rule";
    this.notes.push(note("error", line.at, `not understood here: ${why}: "${line.text}"`, remedy));
    this.#cannotTell(line, `is not understood here: ${why}`);
  }

  #openIf(line: RuleLine, { test, tooLong }: Extract<RuleReading<Subject>, { kind: "if" }>): void {
    const rule: Rule<Subject> = { op: "if", test, tooLong, end: undefined };
    this.rules.push(rule);
    this.#open.push({ rule, line });
  }

  #closeIf(line: RuleLine): void {
    const open = this.#open.pop();
    if (open === undefined) this.warn(line, "ENDIF without matching IF; Postfix passes over it");
    else if (open.rule !== undefined) open.rule.end = this.rules.length;
  }
}

export const opensBlock = /^if(?![0-9A-Za-z])/i;
export const closesBlock = /^endif(?![0-9A-Za-z])/i;
