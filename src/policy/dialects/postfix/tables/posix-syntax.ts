/**
 * Regular expressions of regexp_table(5): POSIX extended ones, or basic ones where the table's flag `x` says so, as the
 * GNU C library reads them in the C locale (its `\w`, `\b`, `\<` too).
 */
import {
  type CharSet,
  charOf,
  charSet,
  complement,
  newline,
  posixClasses,
  spaceChars,
  union,
  wordChars,
} from "./char-set.ts";
import {
  assertion,
  atEnd,
  atLineEnd,
  atLineStart,
  atStart,
  charsNotOf,
  charsOf,
  choice,
  literal,
  PatternScanner,
  sequence,
} from "./pattern-scanner.ts";
import { maxRepeat, type PatternNode, type PatternReading } from "./pattern-tree.ts";

export type PosixFlags = Readonly<{ ignoreCase: boolean; basic: boolean; lines: boolean }>;

export function parsePosixPattern(text: string, flags: PosixFlags): PatternReading {
  const reader = new PosixReader(text, flags);
  const root = reader.read();
  return reader.problem ?? { kind: "pattern", pattern: { root, captures: reader.captures } };
}

const maxDepth = 100;
const word = "[0-9A-Za-z_]";

const escapes: ReadonlyMap<string, PatternNode> = new Map([
  ["w", { kind: "chars", set: wordChars }],
  ["W", { kind: "chars", set: complement(wordChars) }],
  ["s", { kind: "chars", set: spaceChars }],
  ["S", { kind: "chars", set: complement(spaceChars) }],
  ["b", assertion(`(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`)],
  ["B", assertion(`(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`)],
  ["<", assertion(`(?<!${word})(?=${word})`)],
  [">", assertion(`(?<=${word})(?!${word})`)],
  ["`", atStart],
  ["'", atEnd],
]);

class PosixReader extends PatternScanner {
  readonly #flags: PosixFlags;
  readonly #closed = new Set<number>();
  #depth = 0;

  constructor(text: string, flags: PosixFlags) {
    super(text);
    this.#flags = flags;
  }

  read(): PatternNode {
    return this.#alternatives();
  }

  #token(extended: string): string {
    return this.#flags.basic ? `\\${extended}` : extended;
  }

  #alternatives(): PatternNode {
    const branches = [this.#branch()];
    while (this.take(this.#token("|"))) branches.push(this.#branch());
    return choice(branches);
  }

  #branch(): PatternNode {
    const items: PatternNode[] = [];
    while (!this.done && !this.looksAt(this.#token("|")) && !(this.#depth > 0 && this.looksAt(this.#token(")")))) {
      const first = items.length === 0 || (items.length === 1 && items[0]?.kind === "assertion");
      const atom = this.#atom(first);
      if (atom !== undefined) items.push(this.#repeated(atom, first));
    }
    return sequence(items);
  }

  #atom(first: boolean): PatternNode | undefined {
    if (this.take(this.#token("("))) return this.#group();
    const { basic, lines, ignoreCase } = this.#flags;
    const char = this.next();
    if (char === "^" && (!basic || first)) return lines ? atLineStart : atStart;
    if (char === "$" && (!basic || this.#endsBranch())) return lines ? atLineEnd : atEnd;
    if (char === ".") return { kind: "chars", set: complement(lines ? newline : []) };
    if (char === "[") return this.#bracket();
    if (char === "\\") return this.#escape();
    if (basic ? char === "*" && !first : "*+?{".includes(char)) return this.invalid(`"${char}" follows nothing`);
    return literal(char, ignoreCase);
  }

  #endsBranch(): boolean {
    return this.done || this.looksAt("\\)") || this.looksAt("\\|");
  }

  #group(): PatternNode | undefined {
    if (this.#depth >= maxDepth) return this.unsupported("groups within groups within groups");
    this.captures += 1;
    const number = this.captures;
    this.#depth += 1;
    const body = this.#alternatives();
    this.#depth -= 1;
    if (!this.take(this.#token(")"))) return this.invalid(`unmatched "${this.#token("(")}"`);
    this.#closed.add(number);
    return { kind: "capture", number, body };
  }

  #escape(): PatternNode | undefined {
    if (this.done) return this.invalid("a backslash at the end");
    const char = this.next();
    if (/[1-9]/.test(char)) return this.#back(Number(char));
    return escapes.get(char) ?? literal(char, this.#flags.ignoreCase);
  }

  #back(number: number): PatternNode | undefined {
    if (!this.#closed.has(number)) return this.invalid(`"\\${number}" before the end of group ${number}`);
    return { kind: "back", number, ignoreCase: this.#flags.ignoreCase };
  }

  #repeated(atom: PatternNode, first: boolean): PatternNode {
    let body = atom;
    for (let range = this.#range(atom, first); range !== undefined; range = this.#range(atom, first)) {
      if (body.kind === "repeat") body = sequence([body]);
      body = { kind: "repeat", body, min: range[0], max: range[1], lazy: false };
    }
    return body;
  }

  #range(atom: PatternNode, first: boolean): readonly [number, number] | undefined {
    const infinite = Number.POSITIVE_INFINITY;
    const { basic } = this.#flags;
    const start = this.at;
    const range = this.take("*")
      ? ([0, infinite] as const)
      : this.take(this.#token("+"))
        ? ([1, infinite] as const)
        : this.take(this.#token("?"))
          ? ([0, 1] as const)
          : this.take(this.#token("{"))
            ? this.#interval()
            : undefined;
    if (range === undefined || atom.kind !== "assertion") return range;
    if (!basic) return this.invalid("a repetition behind an anchor");
    if (!first || this.text[start] !== "*") return this.unsupported("a repetition behind an anchor");
    this.at = start;
    return undefined;
  }

  #interval(): readonly [number, number] | undefined {
    const found = this.match(/(\d*)(,?)(\d*)(\\?)\}/y);
    const [, from = "", comma = "", to = "", backslash = ""] = found ?? [];
    if (found === undefined || (from === "" && comma === "") || (backslash !== "") !== this.#flags.basic) {
      return this.invalid("a wrong number of repetitions");
    }
    const min = Number(from);
    const max = comma === "" ? min : to === "" ? Number.POSITIVE_INFINITY : Number(to);
    if (max < min) return this.invalid("a wrong number of repetitions");
    const most = max === Number.POSITIVE_INFINITY ? min : max;
    return most > maxRepeat ? this.unsupported(`more than ${maxRepeat} repetitions`) : [min, max];
  }

  #bracket(): PatternNode | undefined {
    const negated = this.take("^");
    const sets: CharSet[] = [];
    for (let first = true; first || !this.looksAt("]"); first = false) {
      if (this.done) return this.invalid('unmatched "["');
      const set = this.#bracketItem();
      if (set !== undefined) sets.push(set);
    }
    this.at += 1;
    const { ignoreCase, lines } = this.#flags;
    const set = union(...sets);
    return negated ? charsNotOf(lines ? union(set, newline) : set, ignoreCase) : charsOf(set, ignoreCase);
  }

  #bracketItem(): CharSet | undefined {
    const named = this.match(/\[:([^:\]]*):\]/y);
    if (named !== undefined) {
      const known = posixClasses.get(named[1] ?? "");
      const isRange = this.looksAt("-") && this.text[this.at + 1] !== "]";
      return known === undefined || isRange ? this.invalid(`wrong character class "${named[0]}"`) : known;
    }
    const from = this.#bracketChar();
    if (from === undefined) return undefined;
    if (!this.looksAt("-") || this.text[this.at + 1] === "]" || this.at + 1 >= this.text.length) return charOf(from);
    this.at += 1;
    const to = this.#bracketChar();
    if (to === undefined || to < from) return this.invalid("a range that ends before it begins");
    const goesOn = this.looksAt("-") && this.text[this.at + 1] !== "]";
    return goesOn ? this.invalid("a range behind a range") : charSet([from, to]);
  }

  /** One character; `[.x.]` and `[=x=]` stand for one in the C locale. */
  #bracketChar(): number | undefined {
    if (this.looksAt("[:")) return this.invalid("a range that ends in a class");
    if (this.looksAt("[.") || this.looksAt("[=")) {
      const found = this.match(/\[([.=])(.)\1\]/y);
      return found === undefined ? this.unsupported("a collating symbol by name") : found[2]?.charCodeAt(0);
    }
    return this.next().charCodeAt(0);
  }
}
