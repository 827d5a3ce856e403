/**
 * Regular expressions of pcre_table(5), as far as JavaScript can carry them. What it cannot (recursion, conditions, verbs,
 * Unicode properties, branch resets, `\K`) is told by name, and so is what differs between releases of PCRE.
 */
import {
  type CharSet,
  charOf,
  charSet,
  complement,
  digitChars,
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
import { childrenOf, maxRepeat, type PatternNode, type PatternReading } from "./pattern-tree.ts";

/** In the letters of PCRE: `i` ignore case, `m` lines, `s` the dot takes line ends, `x` blanks are left out, `U` lazy. */
export type PcreFlags = Readonly<{
  ignoreCase: boolean;
  lines: boolean;
  dotAll: boolean;
  extended: boolean;
  ungreedy: boolean;
}>;

export function parsePcrePattern(text: string, flags: PcreFlags): PatternReading {
  const reader = new PcreReader(text);
  const root = reader.read(flags);
  return reader.problem ?? { kind: "pattern", pattern: { root, captures: reader.captures } };
}

const maxDepth = 100;
const word = "[0-9A-Za-z_]";
const flagNames: Readonly<Record<string, keyof PcreFlags>> = {
  i: "ignoreCase",
  m: "lines",
  s: "dotAll",
  x: "extended",
  U: "ungreedy",
};
const blankChars = charSet([9, 9], [32, 32], [0xa0, 0xa0]);
const verticalChars = charSet([10, 13], [0x85, 0x85], [0x2028, 0x2029]);

/** Escapes that stand for a set; the capital letter for all that is not in it. */
const setEscapes: ReadonlyMap<string, CharSet> = new Map([
  ["d", digitChars],
  ["w", wordChars],
  ["s", spaceChars],
  ["h", blankChars],
  ["v", verticalChars],
  ["D", complement(digitChars)],
  ["W", complement(wordChars)],
  ["S", complement(spaceChars)],
  ["H", complement(blankChars)],
  ["V", complement(verticalChars)],
]);
const controlEscapes: ReadonlyMap<string, number> = new Map([
  ["n", 10],
  ["r", 13],
  ["t", 9],
  ["f", 12],
  ["e", 27],
  ["a", 7],
]);
const assertions: ReadonlyMap<string, PatternNode> = new Map([
  ["b", assertion(`(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`)],
  ["B", assertion(`(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`)],
  ["A", atStart],
  ["G", atStart],
  ["Z", atEnd],
  ["z", atEnd],
]);
const looks = [
  ["(?=", "="],
  ["(?!", "!"],
  ["(?<=", "<="],
  ["(?<!", "<!"],
] as const;

class PcreReader extends PatternScanner {
  readonly #names = new Map<string, number>();
  readonly #closed = new Set<number>();
  #depth = 0;

  read(flags: PcreFlags): PatternNode {
    const root = this.#alternatives(flags);
    if (!this.done) this.invalid("unmatched closing parenthesis");
    return root;
  }

  /** `(?i)` in the middle holds to the end of the group, also in the branches after it. */
  #alternatives(outer: PcreFlags): PatternNode {
    const branches: PatternNode[] = [];
    let flags = outer;
    let items: PatternNode[] = [];
    while (!this.done && !this.looksAt(")")) {
      const changed = this.#flagsAlone(flags);
      if (changed !== undefined) {
        flags = changed;
        this.#refuseRepetition();
      } else if (this.take("|")) {
        branches.push(sequence(items));
        items = [];
      } else if (this.take("\\Q")) {
        items.push(...this.#quoted(flags));
      } else {
        const atom = this.#atom(flags);
        if (atom !== undefined) items.push(this.#repeated(atom, flags));
      }
    }
    branches.push(sequence(items));
    return choice(branches);
  }

  #flagsAlone(flags: PcreFlags): PcreFlags | undefined {
    const found = this.match(/\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?\)/y);
    return found === undefined ? undefined : this.#changed(flags, found[1] ?? "", found[2] ?? "");
  }

  /** Of what stands before a `(?i)` or a comment, or of nothing: PCRE has its own mind about it. */
  #refuseRepetition(): undefined {
    if (this.match(/[*+?]|\{\d+,?\d*\}/y) !== undefined) this.unsupported("a repetition behind flags or a comment");
  }

  #changed(flags: PcreFlags, on: string, off: string): PcreFlags {
    const changes: Partial<Record<keyof PcreFlags, boolean>> = {};
    for (const [letters, value] of [
      [on, true],
      [off, false],
    ] as const) {
      for (const letter of letters) {
        const name = flagNames[letter];
        if (name === undefined) this.unsupported(`the flag "${letter}" in "(?${letter})"`);
        else changes[name] = value;
      }
    }
    return { ...flags, ...changes };
  }

  #atom(flags: PcreFlags): PatternNode | undefined {
    if (flags.extended && this.match(/(?:[\t-\r ]+|#[^\n]*\n?)+/y) !== undefined) return undefined;
    if (this.match(/\(\?#[^)]*\)/y) !== undefined) return this.#refuseRepetition();
    if (this.looksAt("(")) return this.#group(flags);
    if (
      this.looksAt("*") ||
      this.looksAt("+") ||
      this.looksAt("?") ||
      /^\{\d+(?:,\d*)?\}/.test(this.text.slice(this.at))
    ) {
      return this.invalid("quantifier does not follow a repeatable item");
    }
    const char = this.next();
    if (char === "^") return flags.lines ? atLineStart : atStart;
    if (char === "$") return flags.lines ? atLineEnd : atEnd;
    if (char === ".") return { kind: "chars", set: complement(flags.dotAll ? [] : newline) };
    if (char === "[") return this.#bracket(flags);
    if (char === "\\") return this.#escape(flags);
    return literal(char, flags.ignoreCase);
  }

  #group(flags: PcreFlags): PatternNode | undefined {
    if (this.#depth >= maxDepth) return this.unsupported("groups within groups within groups");
    if (this.looksAt("(*")) return this.unsupported('a verb "(*...)"');
    for (const [start, how] of looks) {
      if (!this.take(start)) continue;
      const body = this.#body(flags);
      if (how.startsWith("<") && hasBack(body)) return this.unsupported("a reference in a look-behind");
      if (how.startsWith("<") && !isBounded(body)) return this.invalid("length of lookbehind assertion is not limited");
      return { kind: "look", how, body };
    }
    if (this.take("(?>")) return { kind: "atomic", body: this.#body(flags) };
    const named = this.match(/\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/y);
    if (named !== undefined) return this.#capture(flags, named[1] ?? named[2]);
    const flagged = this.match(/\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?:/y);
    if (flagged !== undefined) return this.#body(this.#changed(flags, flagged[1] ?? "", flagged[2] ?? ""));
    const back = this.match(/\(\?P=(\w+)\)/y);
    if (back !== undefined) return this.#backByName(back[1] ?? "", flags);
    if (this.looksAt("(?")) return this.unsupported(`a group "${this.text.slice(this.at, this.at + 3)}"`);
    this.at += 1;
    return this.#capture(flags, undefined);
  }

  #body(flags: PcreFlags): PatternNode {
    this.#depth += 1;
    const body = this.#alternatives(flags);
    this.#depth -= 1;
    if (!this.take(")")) this.invalid("missing closing parenthesis");
    return body.kind === "repeat" ? { kind: "sequence", items: [body] } : body;
  }

  #capture(flags: PcreFlags, name: string | undefined): PatternNode | undefined {
    this.captures += 1;
    const number = this.captures;
    if (name !== undefined && this.#names.has(name)) return this.invalid(`two groups have the name "${name}"`);
    if (name !== undefined) this.#names.set(name, number);
    const body = this.#body(flags);
    this.#closed.add(number);
    return { kind: "capture", number, body };
  }

  #repeated(atom: PatternNode, flags: PcreFlags): PatternNode {
    if (flags.extended) this.match(/[\t-\r ]+/y);
    const range = this.#range();
    if (range === undefined) return atom;
    if (atom.kind === "assertion") this.invalid("quantifier does not follow a repeatable item");
    const possessive = this.take("+");
    const lazy = !possessive && this.take("?") !== flags.ungreedy;
    const [min, max] = range;
    const repeat: PatternNode = { kind: "repeat", body: atom, min, max, lazy };
    return possessive ? { kind: "atomic", body: repeat } : repeat;
  }

  #range(): readonly [number, number] | undefined {
    const infinite = Number.POSITIVE_INFINITY;
    if (this.take("*")) return [0, infinite];
    if (this.take("+")) return [1, infinite];
    if (this.take("?")) return [0, 1];
    const found = this.match(/\{(\d{1,6})(,?)(\d{0,6})\}/y);
    if (found === undefined) {
      const newer = this.match(/\{\s*\d*\s*,?\s*\d*\s*\}/y);
      return newer !== undefined && /\d/.test(newer[0])
        ? this.unsupported(`"${newer[0]}", which older releases take as text`)
        : undefined;
    }
    const [, from = "", comma = "", to = ""] = found;
    const min = Number(from);
    const max = comma === "" ? min : to === "" ? infinite : Number(to);
    if (max < min) return this.invalid("numbers out of order in {} quantifier");
    const most = max === infinite ? min : max;
    return most > maxRepeat ? this.unsupported(`more than ${maxRepeat} repetitions`) : [min, max];
  }

  #escape(flags: PcreFlags): PatternNode | undefined {
    const char = this.text.charAt(this.at);
    const set = setEscapes.get(char);
    if (set !== undefined) {
      this.at += 1;
      return { kind: "chars", set };
    }
    const known = assertions.get(char);
    if (known !== undefined) {
      this.at += 1;
      return known;
    }
    if (this.take("N") && !this.looksAt("{")) return { kind: "chars", set: complement(newline) };
    const back = this.match(/([1-9])(?!\d)|g(?:(\d+)|\{(\d+)\})|k(?:\{(\w+)\}|<(\w+)>|'(\w+)')|g\{([A-Za-z_]\w*)\}/y);
    if (back !== undefined) return this.#backReference(back, flags);
    const unit = this.#charEscape();
    return unit === undefined ? undefined : charsOf(charOf(unit), flags.ignoreCase);
  }

  /** A repetition behind it repeats its last character. */
  #quoted(flags: PcreFlags): readonly PatternNode[] {
    const end = this.text.indexOf("\\E", this.at);
    const text = this.text.slice(this.at, end < 0 ? undefined : end);
    this.at = end < 0 ? this.text.length : end + 2;
    const chars = text.split("").map((char) => literal(char, flags.ignoreCase));
    const last = chars.pop();
    return last === undefined ? [] : [...chars, this.#repeated(last, flags)];
  }

  #backReference(found: RegExpExecArray, flags: PcreFlags): PatternNode | undefined {
    const [, single, plain, braced, ...names] = found;
    const digits = single ?? plain ?? braced;
    if (digits !== undefined) return this.#back(Number(digits), flags);
    return this.#backByName(names.find((name) => name !== undefined) ?? "", flags);
  }

  #backByName(name: string, flags: PcreFlags): PatternNode | undefined {
    const number = this.#names.get(name);
    return number === undefined ? this.unsupported(`a reference to "${name}" before it`) : this.#back(number, flags);
  }

  #back(number: number, { ignoreCase }: PcreFlags): PatternNode | undefined {
    if (!this.#closed.has(number)) return this.unsupported(`a reference to group ${number} before its end`);
    return { kind: "back", number, ignoreCase };
  }

  /** An escape that stands for one character, here or in brackets. */
  #charEscape(): number | undefined {
    const hex = this.match(/x(?:\{([0-9A-Fa-f]{1,4})\}|([0-9A-Fa-f]{0,2}))/y);
    if (hex !== undefined) return Number.parseInt(hex[1] ?? (hex[2] || "0"), 16);
    const octal = this.match(/o\{([0-7]{1,5})\}|(0[0-7]{0,2}|[1-3][0-7]{2})/y);
    if (octal !== undefined) return Number.parseInt(octal[1] ?? octal[2] ?? "0", 8);
    const control = this.match(/c([\x20-\x7e])/y);
    if (control !== undefined) return (control[1] ?? "").toUpperCase().charCodeAt(0) ^ 64;
    const char = this.next();
    const known = controlEscapes.get(char);
    if (known !== undefined) return known;
    if (char === "") return this.invalid("\\ at end of pattern");
    return /[A-Za-z0-9]/.test(char) ? this.unsupported(`"\\${char}"`) : char.charCodeAt(0);
  }

  #bracket(flags: PcreFlags): PatternNode | undefined {
    const negated = this.take("^");
    const sets: CharSet[] = [];
    for (let first = true; first || !this.looksAt("]"); first = false) {
      if (this.done) return this.invalid("missing terminating ] for character class");
      const set = this.#bracketItem();
      if (set !== undefined) sets.push(set);
    }
    this.at += 1;
    return negated ? charsNotOf(union(...sets), flags.ignoreCase) : charsOf(union(...sets), flags.ignoreCase);
  }

  #bracketItem(): CharSet | undefined {
    const from = this.#bracketAtom();
    if (from === undefined || typeof from === "number") {
      if (from === undefined) return undefined;
      if (!this.looksAt("-") || this.text[this.at + 1] === "]" || this.at + 1 >= this.text.length) return charOf(from);
      this.at += 1;
      const to = this.#bracketAtom();
      if (typeof to !== "number") return this.invalid("invalid range in character class");
      return to < from ? this.invalid("range out of order in character class") : charSet([from, to]);
    }
    const isRange = this.looksAt("-") && this.text[this.at + 1] !== "]";
    return isRange ? this.invalid("invalid range in character class") : from;
  }

  #bracketAtom(): CharSet | number | undefined {
    const named = this.match(/\[:(\^?)([a-z]*):\]/y);
    if (named !== undefined) {
      const known = named[2] === "word" ? wordChars : posixClasses.get(named[2] ?? "");
      if (known === undefined) return this.invalid(`unknown POSIX class name "${named[0]}"`);
      return named[1] === "^" ? complement(known) : known;
    }
    if (this.looksAt("[.") || this.looksAt("[=")) return this.unsupported("a POSIX collating element");
    const char = this.next();
    if (char !== "\\") return char.charCodeAt(0);
    const set = setEscapes.get(this.text.charAt(this.at));
    if (set !== undefined) {
      this.at += 1;
      return set;
    }
    if (this.take("b")) return 8;
    return this.looksAt("Q") || this.looksAt("E") ? this.unsupported("\\Q in brackets") : this.#charEscape();
  }
}

function hasBack(node: PatternNode): boolean {
  return node.kind === "back" || childrenOf(node).some(hasBack);
}

function isBounded(node: PatternNode): boolean {
  return !(node.kind === "repeat" && node.max === Number.POSITIVE_INFINITY) && childrenOf(node).every(isBounded);
}
