/**
 * `$name` in values (Postfix: CF-6 to CF-9): what it stands for is expanded again, at use. What Postfix would stop on is
 * a problem, and the text is then worthless; only the branch that is taken counts. Never throws.
 *
 *     value      = *( text / "$$" / "$" name / "${" inner "}" / "$(" inner ")" )
 *     inner      = ( name / function braced / comparison ) [ choice ]
 *     comparison = braced operator ["level"] braced
 *     choice     = "?" part [ ":" part ] / ":" part       a second part only behind a braced one
 *     part       = braced / text
 */
import { parseDomain } from "../../../mail/domain.ts";
import { closingOffset } from "./braces.ts";
import { skipSpace } from "./logical-lines.ts";

export type Expanded = Readonly<{ text: string; problem: string | undefined }>;

/** `undefined`: nobody defines it; it is empty then, which a `condition` may well be made for. */
type Lookup = (name: string, as: "value" | "condition") => string | undefined;

const maxDepth = 100;
/** UTF-16 units. Names that name each other twice double the text at every step. */
const maxLength = 1_000_000;
/** A value may be long without text: `${a}${a}` where `a` holds no text but twice `${b}` ... */
const maxSteps = 100_000;

export function expandValue(raw: string, lookup: Lookup): Expanded {
  const expansion = new Expansion(lookup);
  const text = expansion.expand(raw, 0);
  return { text: expansion.problem === undefined ? text : "", problem: expansion.problem };
}

class Expansion {
  problem: string | undefined;
  readonly #lookup: Lookup;
  #steps = 0;
  #length = 0;

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  expand(raw: string, depth: number): string {
    const parts: string[] = [];
    for (let at = 0; at < raw.length && this.problem === undefined; ) {
      const dollar = raw.indexOf("$", at);
      const end = dollar < 0 ? raw.length : dollar;
      if (end > at) parts.push(this.#literal(raw.slice(at, end)));
      at = end;
      if (dollar < 0) break;
      if (raw[at + 1] === "$") {
        parts.push(this.#literal("$"));
        at += 2;
      } else {
        const reference = readReference(raw, at + 1);
        if (reference.kind === "wrong") return this.#fail(reference.problem);
        parts.push(this.#evaluate(reference.inner, depth));
        at = reference.end;
      }
    }
    return parts.join("");
  }

  #literal(text: string): string {
    this.#length += text.length;
    return this.#length > maxLength ? this.#fail("the value is too long") : text;
  }

  #evaluate(inner: string, depth: number): string {
    this.#steps += 1;
    if (depth > maxDepth || this.#steps > maxSteps) return this.#fail(`unreasonable macro call nesting: "${inner}"`);
    const start = skipSpace(inner, 0);
    if (inner[start] === "{") return this.#compare(inner, start, depth);
    const end = nameEnd(inner, start);
    const name = inner.slice(start, end);
    const after = skipSpace(inner, end);
    if (after < inner.length && !"?:".includes(inner.charAt(after))) {
      if (name === "domain_to_ascii" && inner[end] === "{") return this.#toAscii(inner, end, depth);
      return this.#fail(`attribute name syntax error at: "...${name}>>>${inner.slice(end)}"`);
    }
    const value = this.#lookup(name, after < inner.length ? "condition" : "value");
    if (after >= inner.length) return value === undefined ? "" : this.expand(value, depth + 1);
    return this.#choose(inner, after, value !== undefined && value !== "", depth);
  }

  /** Since 3.11. A name that has no A-label form stays as it is. */
  #toAscii(inner: string, at: number, depth: number): string {
    const argument = this.#braced(inner, at);
    if (argument === undefined) return "";
    if (skipSpace(inner, argument.end) < inner.length) return this.#fail(unexpected(inner, argument.end));
    const text = this.expand(argument.text, depth + 1);
    return parseDomain(text) ?? text;
  }

  #compare(inner: string, start: number, depth: number): string {
    const left = this.#braced(inner, start);
    if (left === undefined) return "";
    const at = skipSpace(inner, left.end);
    const [operator = "", symbol = "", suffix = ""] = /^([-<>=!?+*/~&|%]+)([A-Za-z]*)/.exec(inner.slice(at)) ?? [];
    if (!operators.has(symbol))
      return this.#fail(`a comparison (== != < <= >= >) is expected at: "${inner.slice(at)}"`);
    if (suffix !== "" && suffix !== "level") return this.#fail(`bad operator suffix at: "...${symbol}>>>${suffix}"`);
    const right = this.#braced(inner, skipSpace(inner, at + operator.length));
    if (right === undefined) return "";
    const one = this.expand(left.text, depth + 1);
    const other = this.expand(right.text, depth + 1);
    const order = suffix === "level" ? this.#orderOfLevels(one, other) : this.#order(one, other);
    if (this.problem !== undefined) return "";
    const holds = operators.get(symbol)?.(order) ?? false;
    const after = skipSpace(inner, right.end);
    if (after >= inner.length) return holds ? "true" : "";
    return this.#choose(inner, after, holds, depth);
  }

  #choose(inner: string, at: number, holds: boolean, depth: number): string {
    const choice = this.#readChoice(inner, at);
    if (choice === undefined) return "";
    const taken = holds ? choice.yes : choice.no;
    return taken === undefined ? "" : this.expand(taken, depth + 1);
  }

  #readChoice(inner: string, at: number): Readonly<{ yes?: string; no?: string }> | undefined {
    if (inner[at] === ":") {
      const no = this.#part(inner, at + 1);
      if (no === undefined) return undefined;
      return no.end < inner.length ? this.#reject(unexpected(inner, no.end)) : { no: no.text };
    }
    if (inner[at] !== "?") return this.#reject(`"?" or ":" expected at: "${inner.slice(at)}"`);
    const yes = this.#part(inner, at + 1);
    if (yes === undefined || yes.end >= inner.length) return yes && { yes: yes.text };
    if (inner[yes.end] !== ":") return this.#reject(`":" expected at: "${inner.slice(yes.end)}"`);
    const no = this.#part(inner, yes.end + 1);
    if (no === undefined) return undefined;
    return no.end < inner.length ? this.#reject(unexpected(inner, no.end)) : { yes: yes.text, no: no.text };
  }

  /** Text in braces, or all the rest; `end` is behind it and behind white space. */
  #part(inner: string, from: number): Readonly<{ text: string; end: number }> | undefined {
    const at = skipSpace(inner, from);
    if (inner[at] !== "{") return { text: inner.slice(at), end: inner.length };
    const braced = this.#braced(inner, at);
    return braced && { text: braced.text, end: skipSpace(inner, braced.end) };
  }

  #braced(inner: string, at: number): Readonly<{ text: string; end: number }> | undefined {
    if (inner[at] !== "{") return this.#reject(`"{expression}" expected at: "${inner.slice(at)}"`);
    const close = closingOffset(inner, at);
    if (close < 0) return this.#reject(`unbalanced {} in attribute expression: "${inner.slice(at)}"`);
    return { text: inner.slice(at + 1, close), end: close + 1 };
  }

  /** As numbers where both are nothing but digits, else by characters. */
  #order(left: string, right: string): number {
    if (!digits.test(left) || !digits.test(right)) return left < right ? -1 : Number(left > right);
    const [one, other] = [BigInt(left.slice(0, maxDigits)), BigInt(right.slice(0, maxDigits))];
    if (one > maxNumber || other > maxNumber) this.#fail(`bad conversion: ${one > maxNumber ? left : right}`);
    return one < other ? -1 : Number(one > other);
  }

  #orderOfLevels(left: string, right: string): number {
    const [one, other] = [this.#level(left), this.#level(right)];
    for (const index of [0, 1, 2]) {
      const difference = (one[index] ?? 0) - (other[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #level(text: string): readonly number[] {
    const numbers = /^\d{1,7}(?:\.\d{1,7}){0,2}$/.test(text) ? text.split(".").map(Number) : [];
    const [first, second = 0, third = 0] = numbers;
    if (first !== undefined && first <= 2047 && second <= 1023 && third <= 1023) return numbers;
    this.#fail(`malformed compatibility level syntax: "${text}"`);
    return [];
  }

  #fail(problem: string): string {
    this.problem ??= problem;
    return "";
  }

  #reject(problem: string): undefined {
    this.problem ??= problem;
    return undefined;
  }
}

const digits = /^\d+$/;
/** A C `long`. */
const maxNumber = 9_223_372_036_854_775_807n;
const maxDigits = 400;

const operators: ReadonlyMap<string, (order: number) => boolean> = new Map([
  ["==", (order) => order === 0],
  ["!=", (order) => order !== 0],
  ["<", (order) => order < 0],
  ["<=", (order) => order <= 0],
  [">=", (order) => order >= 0],
  [">", (order) => order > 0],
]);

export type Reference = Readonly<{ kind: "reference"; inner: string; end: number }>;

/** What follows a `$`: a bare name, or anything in `{}` or `()`. Tables read `$1` with it, too. */
export function readReference(raw: string, at: number): Reference | Readonly<{ kind: "wrong"; problem: string }> {
  const bracketed = raw[at] === "{" || raw[at] === "(";
  const end = bracketed ? closingOffset(raw, at) : nameEnd(raw, at);
  if (end < 0) return { kind: "wrong", problem: `truncated macro reference: "${raw}"` };
  const inner = raw.slice(bracketed ? at + 1 : at, end);
  if (inner === "") return { kind: "wrong", problem: `empty macro name: "${raw}"` };
  return { kind: "reference", inner, end: bracketed ? end + 1 : end };
}

function nameEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\w/.test(text.charAt(at))) at += 1;
  return at;
}

function unexpected(inner: string, at: number): string {
  return `unexpected input at: "...${inner.slice(0, at)}>>>${inner.slice(at)}"`;
}
