/**
 * A JavaScript regular expression taken apart. For `safe-pattern.ts` alone, which has made sure that the source is valid.
 */

export type PatternNode =
  | Readonly<{ kind: "one"; atom: string }>
  | Readonly<{ kind: "at"; assertion: Assertion }>
  | Readonly<{ kind: "all"; parts: readonly PatternNode[] }>
  | Readonly<{ kind: "any"; branches: readonly PatternNode[] }>
  | Readonly<{ kind: "repeat"; body: PatternNode; min: number; max: number }>;

export type Assertion = "start" | "end" | "end-or-last-newline" | "boundary" | "no-boundary";

export type Shape =
  | Readonly<{
      kind: "shape";
      tree: PatternNode;
      /** Repetitions of more than one time. */
      repeats: number;
      repeatsGroups: boolean;
      /** What needs an engine that goes back, in words. */
      backtracks: string | undefined;
    }>
  | Readonly<{ kind: "bad"; problem: string }>;

/** Deeper than anybody nests groups. */
const maxDepth = 200;

const lastNewline = "(?=\\n?$)";

export function readShape(source: string): Shape {
  const reader = new ShapeReader(source);
  const tree = reader.read();
  if (reader.tooDeep) return { kind: "bad", problem: `groups are nested deeper than ${maxDepth}` };
  const { repeats, repeatsGroups, backtracks } = reader;
  return { kind: "shape", tree, repeats, repeatsGroups, backtracks };
}

class ShapeReader {
  repeats = 0;
  repeatsGroups = false;
  backtracks: string | undefined;
  tooDeep = false;
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end, or to the parenthesis that closes the group. */
  read(): PatternNode {
    const branches: PatternNode[] = [];
    let parts: PatternNode[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== ")") {
      if (this.#source[this.#at] !== "|") parts.push(this.#repeated(this.#piece()));
      else {
        this.#at += 1;
        branches.push({ kind: "all", parts });
        parts = [];
      }
    }
    branches.push({ kind: "all", parts });
    return { kind: "any", branches };
  }

  #take(length: number): string {
    const text = this.#source.slice(this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  #piece(): PatternNode {
    const char = this.#source[this.#at] ?? "";
    if (this.#source.startsWith(lastNewline, this.#at)) {
      this.#take(lastNewline.length);
      return { kind: "at", assertion: "end-or-last-newline" };
    }
    if (char === "(") return this.#group();
    if (char === "[") return { kind: "one", atom: this.#class() };
    if (char === "\\") return this.#escape();
    this.#at += 1;
    if (char === "^") return { kind: "at", assertion: "start" };
    if (char === "$") return { kind: "at", assertion: "end" };
    // Brackets that stand for themselves.
    return { kind: "one", atom: /[{}\]]/.test(char) ? `\\${char}` : char };
  }

  #group(): PatternNode {
    const [head = "("] =
      /^\((?:\?(?::|<?[=!]|<[A-Za-z_$][\w$]*>))?/.exec(this.#source.slice(this.#at, this.#at + 300)) ?? [];
    this.#at += head.length;
    if (/[=!]$/.test(head)) this.backtracks ??= "looking around";
    this.#depth += 1;
    if (this.#depth > maxDepth) {
      this.tooDeep = true;
      this.#at = this.#source.length;
      return { kind: "all", parts: [] };
    }
    const body = this.read();
    this.#depth -= 1;
    this.#at += 1;
    return body;
  }

  #class(): string {
    let end = this.#at + 1;
    while (end < this.#source.length && this.#source[end] !== "]") end += this.#source[end] === "\\" ? 2 : 1;
    return this.#take(end + 1 - this.#at);
  }

  #escape(): PatternNode {
    const letter = this.#source[this.#at + 1] ?? "";
    if (letter === "b" || letter === "B") {
      this.#at += 2;
      return { kind: "at", assertion: letter === "b" ? "boundary" : "no-boundary" };
    }
    if (/[1-9k]/.test(letter)) {
      this.backtracks ??= "a reference to a group";
      this.#take(2);
      if (letter === "k") this.#take(Math.max(0, this.#source.indexOf(">", this.#at) + 1 - this.#at));
      return { kind: "all", parts: [] };
    }
    const [whole = ""] =
      /^\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|0[0-7]{0,2}|.)/s.exec(
        this.#source.slice(this.#at, this.#at + 6),
      ) ?? [];
    this.#at += Math.max(1, whole.length);
    return { kind: "one", atom: whole };
  }

  #repeated(body: PatternNode): PatternNode {
    const times = this.#times();
    if (times === undefined) return body;
    if (this.#source[this.#at] === "?") this.#at += 1;
    if (times.max > 1) {
      this.repeats += 1;
      this.repeatsGroups ||= body.kind !== "one";
    }
    return { kind: "repeat", body, ...times };
  }

  #times(): Readonly<{ min: number; max: number }> | undefined {
    const char = this.#source[this.#at];
    const simple = char === "*" ? [0, Infinity] : char === "+" ? [1, Infinity] : char === "?" ? [0, 1] : undefined;
    if (simple !== undefined) {
      this.#at += 1;
      return { min: simple[0] ?? 0, max: simple[1] ?? 0 };
    }
    if (char !== "{") return undefined;
    const [whole, least, comma, most] =
      /^\{(\d{1,9})(,?)(\d{0,9})\}/.exec(this.#source.slice(this.#at, this.#at + 24)) ?? [];
    if (whole === undefined) return undefined;
    this.#at += whole.length;
    const min = Number(least);
    return { min, max: comma === "" ? min : most === "" ? Infinity : Number(most) };
  }
}
