/**
 * `<pattern-list>`: rules on sender, recipients and header fields that choose the virtual MTA; the first that fits ends the
 * search (reference, section 1.3). A rule may go on in another list, by name or in place.
 */
import type { SubmissionQuestion } from "../dialect.ts";
import type { Tester } from "../safe-pattern.ts";
import { checkDirective } from "./check-directive.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive, Place, PowerMtaNode } from "./parse.ts";
import { compilePattern } from "./pattern.ts";

type Subject =
  | Readonly<{ kind: "header"; name: string }>
  | Readonly<{ kind: "mail-from" }>
  | Readonly<{ kind: "rcpt-to" }>
  | Readonly<{ kind: "all" }>;

type Result =
  /** `undefined`: it only sets a priority. */
  | Readonly<{ kind: "virtual-mta"; name: string | undefined }>
  | Readonly<{ kind: "call"; name: string }>
  | Readonly<{ kind: "block"; list: PatternList }>;

export type PatternRule = Readonly<{ subject: Subject; expression: Tester | undefined; result: Result; place: Place }>;

export type PatternList = Readonly<{ name: string; rules: readonly PatternRule[]; place: Place }>;

const maxDepth = 50;

export function compilePatternList(
  name: string,
  node: Place & Readonly<{ children: readonly PowerMtaNode[] }>,
  notes: NoteList,
): PatternList {
  const rules: PatternRule[] = [];
  for (const child of node.children) {
    if (child.kind === "section")
      notes.error(child, `<${child.name}> cannot stand in <pattern-list>`, "write a rule before it");
    else if (checkDirective("pattern-list", child, notes) !== undefined) {
      const rule = compileRule(child, notes);
      if (rule !== undefined) rules.push(rule);
    }
  }
  const { in: context, line, column } = node;
  return { name, rules, place: { in: context, line, column } };
}

function compileRule(node: Directive, notes: NoteList): PatternRule | undefined {
  const [, header = "", rest = ""] =
    node.name === "header" ? (/^(\S+)\s*(.*)$/.exec(node.value) ?? []) : ["", "", node.value];
  const subject = subjectOf(node.name, header.toLowerCase());
  const [expression, tail] = subject.kind === "all" ? [undefined, rest] : splitPattern(rest);
  if (expression === undefined && subject.kind !== "all") {
    notes.error(node, `${node.name}: there is no /PATTERN/`, `write ${node.name} /PATTERN/ virtual-mta=NAME`);
    return undefined;
  }
  const compiled = expression === undefined ? undefined : compilePattern(expression);
  if (compiled?.kind === "bad") {
    notes.error(
      node,
      `${node.name} /${expression}/: ${compiled.problem}`,
      "write it with what PCRE and JavaScript share",
    );
    return undefined;
  }
  const result = node.block === undefined ? resultOf(node, tail, notes) : blockOf(node, tail, notes);
  return result === undefined ? undefined : { subject, expression: compiled?.tester, result, place: node };
}

function subjectOf(name: string, header: string): Subject {
  if (name === "header") return { kind: "header", name: header.replace(/:$/, "") };
  return { kind: name === "mail-from" ? "mail-from" : name === "rcpt-to" ? "rcpt-to" : "all" };
}

/** What stands between the slashes, and what follows them. */
function splitPattern(text: string): readonly [string | undefined, string] {
  if (!text.startsWith("/")) return [undefined, text];
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "/") return [text.slice(1, at), text.slice(at + 1).trim()];
  }
  return [undefined, text];
}

function blockOf(node: Directive, tail: string, notes: NoteList): Result | undefined {
  if (tail !== "") {
    notes.error(node, `${node.name}: "${tail}" stands before <pattern-list>`, "write a result or a list, not both");
    return undefined;
  }
  return { kind: "block", list: compilePatternList("", { ...node, children: node.block ?? [] }, notes) };
}

function resultOf(node: Directive, text: string, notes: NoteList): Result | undefined {
  let virtualMta: string | undefined;
  let call: string | undefined;
  const parts = text.split(",").map((part) => part.trim());
  for (const part of parts) {
    const [, key = "", value = ""] = /^(virtual-mta|recipient-priority|call-to)\s*[=:]\s*(\S+)$/i.exec(part) ?? [];
    if (key === "") {
      notes.error(
        node,
        `${node.name}: "${part}" is no result`,
        "write virtual-mta=NAME, recipient-priority=N or call-to:NAME",
      );
      return undefined;
    }
    if (key.toLowerCase() === "virtual-mta") virtualMta = value;
    if (key.toLowerCase() === "call-to") call = value;
  }
  return call === undefined ? { kind: "virtual-mta", name: virtualMta } : { kind: "call", name: call };
}

/** Lists that call each other in a circle or too deep, and calls of lists that are not there. */
export function checkCalls(lists: ReadonlyMap<string, PatternList>, notes: NoteList): void {
  const heights = new Map<PatternList, number>();
  /** @returns how many lists deep it goes, itself included */
  const visit = (list: PatternList, open: readonly string[]): number => {
    const known = heights.get(list);
    if (known !== undefined) return known;
    let height = 1;
    for (const { result, place } of list.rules) {
      const inner = called(result, place, open);
      if (inner === undefined) continue;
      const below = open.length < maxDepth ? visit(inner.list, inner.open) : maxDepth;
      if (open.length + below > maxDepth) {
        notes.error(place, `pattern lists go on in each other deeper than ${maxDepth}`, "join some of them");
        break;
      }
      height = Math.max(height, below + 1);
    }
    heights.set(list, height);
    return height;
  };
  const called = (result: Result, place: Place, open: readonly string[]) => {
    if (result.kind === "block") return { list: result.list, open: [...open, ""] };
    if (result.kind !== "call") return undefined;
    const list = lists.get(result.name);
    if (list === undefined)
      notes.error(place, `there is no pattern-list ${result.name}`, `write <pattern-list ${result.name}>`);
    else if (!open.includes(result.name)) return { list, open: [...open, result.name] };
    else {
      const circle = [...open, result.name].filter((name) => name !== "").join(" > ");
      notes.error(place, `pattern lists call each other: ${circle}`, "take one call out");
    }
    return undefined;
  };
  for (const [name, list] of lists) visit(list, [name]);
}

/** Header fields that a list may look at, those of lists it calls included. */
export function headersOf(list: PatternList, lists: ReadonlyMap<string, PatternList>): ReadonlySet<string> {
  const headers = new Set<string>();
  const seen = new Set<PatternList>();
  const visit = (one: PatternList | undefined): void => {
    if (one === undefined || seen.has(one)) return;
    seen.add(one);
    for (const { subject, result } of one.rules) {
      if (subject.kind === "header") headers.add(subject.name);
      if (result.kind === "block") visit(result.list);
      if (result.kind === "call") visit(lists.get(result.name));
    }
  };
  visit(list);
  return headers;
}

/**
 * @returns the virtual MTA that the first fitting rule names; `undefined` where none fits or it names none. Of several
 *   recipients one that fits is enough, and counts for the message.
 */
export function virtualMtaByPattern(
  list: PatternList,
  lists: ReadonlyMap<string, PatternList>,
  question: SubmissionQuestion,
  depth = 0,
): string | undefined {
  const rule = list.rules.find((one) => fits(one, question));
  if (rule === undefined) return undefined;
  const { result } = rule;
  if (result.kind === "virtual-mta") return result.name;
  const next = result.kind === "block" ? result.list : lists.get(result.name);
  return next === undefined || depth >= maxDepth ? undefined : virtualMtaByPattern(next, lists, question, depth + 1);
}

function fits({ subject, expression }: PatternRule, { sender, recipients, header }: SubmissionQuestion): boolean {
  switch (subject.kind) {
    case "header": {
      const value = header(subject.name);
      return value !== undefined && (expression?.test(value) ?? false);
    }
    case "mail-from":
      return expression?.test(sender?.text ?? "") ?? false;
    case "rcpt-to":
      return recipients.some(({ text }) => expression?.test(text) ?? false);
    case "all":
      return true;
  }
}
