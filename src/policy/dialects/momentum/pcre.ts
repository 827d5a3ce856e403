/**
 * Regular expressions of Momentum (PCRE) as JavaScript's. What means the same in both is carried over or spelled anew;
 * anything else is an error and never a guess: a pattern that matches too little would leave a partner without TLS.
 */
import { safePattern, type Tester } from "../safe-pattern.ts";

export type Translated =
  | Readonly<{
      kind: "regex";
      regex: Tester;
      /** It starts at a label (`^`, `[.]`) and ends at the end of the name. */
      anchored: boolean;
      /** It holds capital letters, but is matched against names in lower case. */
      capitals: boolean;
    }>
  | Readonly<{ kind: "error"; text: string }>;

/** @param pattern without the slashes around it */
export function translatePcre(pattern: string): Translated {
  const reader = new PatternReader(pattern);
  const source = reader.read();
  if (source === undefined) return { kind: "error", text: reader.problem };
  const starts = /^(?:\(\??:?)?(?:\^|\\A|\[\.\]|\\\.)/.test(pattern);
  const ends = /(?:\$|\\z|\\Z)\)?$/.test(pattern);
  const safe = safePattern(source, reader.ignoresCase ? "i" : "");
  if (safe.kind === "bad") return { kind: "error", text: safe.problem };
  return {
    kind: "regex",
    regex: safe.tester,
    anchored: starts && ends,
    capitals: !reader.ignoresCase && /[A-Z]/.test(pattern.replace(/\\.|\[:\w+:\]|\(\?P?<\w+>|\(\?P[=>]\w+\)/g, "")),
  };
}

const posixClasses: ReadonlyMap<string, string> = new Map([
  ["alpha", "a-zA-Z"],
  ["digit", "0-9"],
  ["alnum", "a-zA-Z0-9"],
  ["lower", "a-z"],
  ["upper", "A-Z"],
  ["xdigit", "0-9a-fA-F"],
  ["word", "\\w"],
  ["space", "\\s"],
  ["punct", "!-\\/:-@\\[-`{-~"],
]);

/** Escapes of letters and digits that mean the same in both. */
const sameEscapes = /^[bBdDwWsSnrtfv0-9]$/;

class PatternReader {
  problem = "";
  ignoresCase = false;
  readonly #pattern: string;
  #at = 0;
  #out = "";

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** The pattern in JavaScript's terms; `undefined` with `problem` where it has none. */
  read(): string | undefined {
    if (this.#pattern.startsWith("(?i)")) {
      this.ignoresCase = true;
      this.#at = 4;
    }
    while (this.#at < this.#pattern.length && this.problem === "") this.#piece();
    return this.problem === "" ? this.#out : undefined;
  }

  #piece(): void {
    const char = this.#pattern[this.#at] ?? "";
    if (char === "\\") this.#escape();
    else if (char === "[") this.#class();
    else if (char === "(") this.#group();
    else if (char === "*" || char === "+" || char === "?" || char === "}") this.#quantifier(char);
    else this.#copy(char);
  }

  #copy(text: string, from = text): void {
    this.#out += text;
    this.#at += from.length;
  }

  #fail(what: string): void {
    this.problem = `${what} is PCRE's alone`;
  }

  #escape(): void {
    const letter = this.#pattern[this.#at + 1];
    if (letter === undefined) {
      this.problem = "\\ at the end of the pattern";
    } else if (letter === "A") this.#copy("^", "\\A");
    else if (letter === "z" || letter === "Z") this.#copy("$", "\\z");
    else if (letter === "x" && /^[0-9a-fA-F]{2}/.test(this.#pattern.slice(this.#at + 2))) this.#copy("\\x");
    else if (letter === "k" && this.#pattern[this.#at + 2] === "<") this.#copy("\\k");
    else if (/[a-zA-Z0-9]/.test(letter) && !sameEscapes.test(letter)) this.#fail(`\\${letter}`);
    else if (/[a-zA-Z0-9]/.test(letter)) this.#copy(`\\${letter}`);
    else this.#copy(/[\^$\\.*+?()[\]{}|/]/.test(letter) ? `\\${letter}` : letter, `\\${letter}`);
  }

  #class(): void {
    const rest = this.#pattern.slice(this.#at);
    // A ] that comes first is a member.
    const [whole, negated, inside] = /^\[(\^?)(\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*)\]/s.exec(rest) ?? [];
    if (whole === undefined || inside === undefined) {
      this.problem = "a character class is not closed";
      return;
    }
    let out = "";
    for (const [member] of inside.matchAll(/\[:\^?\w+:\]|\\.|[^\\]/gs)) out += this.#member(member);
    if (this.problem === "") this.#copy(`[${negated}${out}]`, whole);
  }

  #member(member: string): string {
    if (member.startsWith("[:")) {
      const range = posixClasses.get(member.slice(2, -2));
      if (range === undefined) this.#fail(member);
      return range ?? "";
    }
    if (/^\\[a-zA-Z]$/.test(member) && !/^\\[bdDwWsSnrtfv]$/.test(member)) this.#fail(member);
    return member === "]" || member === "[" ? `\\${member}` : member;
  }

  #group(): void {
    const rest = this.#pattern.slice(this.#at);
    const comment = /^\(\?#[^)]*\)/.exec(rest)?.[0];
    const named = /^\(\?P?<(\w+)>/.exec(rest);
    const reference = /^\(\?P=(\w+)\)/.exec(rest);
    if (comment !== undefined) this.#at += comment.length;
    else if (named !== null) this.#copy(`(?<${named[1]}>`, named[0]);
    else if (reference !== null) this.#copy(`\\k<${reference[1]}>`, reference[0]);
    else if (/^\((?:\?(?::|=|!|<=|<!))/.test(rest)) this.#copy(/^\(\?<?[:=!]/.exec(rest)?.[0] ?? "(");
    else if (rest.startsWith("(?") || rest.startsWith("(*")) this.#fail(rest.slice(0, 4));
    else this.#copy("(");
  }

  #quantifier(char: string): void {
    if (this.#pattern[this.#at + 1] === "+") this.#fail(`${char}+ (a possessive quantifier)`);
    else this.#copy(char);
  }
}
