/**
 * The words of a Momentum configuration file, one at a time, without copies: ten megabytes take a fraction of a second.
 * Line comments (`#`), block comments (no nesting) and white space are passed over. Only double quotes quote.
 *
 * What a word is depends on what stands before it: after `domain` and `host`, `/` opens a regular expression, so the
 * parser says when one may come.
 */
import type { Place } from "./syntax.ts";

export type TokenKind = "end" | "bare" | "quoted" | "{" | "}" | "[" | "]" | "(" | ")" | "=" | "," | "broken";

const tab = 9;
const newline = 10;
const quote = 34;
const hash = 35;
const star = 42;
const comma = 44;
const slash = 47;
const backslash = 92;

const punctuation = new Map<number, TokenKind>([
  [123, "{"],
  [125, "}"],
  [91, "["],
  [93, "]"],
  [40, "("],
  [41, ")"],
  [61, "="],
]);

/** 1: white space; 2: ends a bare word; 0: part of one. */
const classes = new Uint8Array(128);
for (const code of [tab, newline, 11, 12, 13, 32, 0]) classes[code] = 1;
for (const code of [hash, quote, ...punctuation.keys()]) classes[code] = 2;

function isSpace(code: number): boolean {
  return code < 128 ? classes[code] === 1 : code === 0xfeff;
}

export class Lexer {
  kind: TokenKind = "end";
  /** Of a bare or quoted word: its text; of a broken one: what is wrong. */
  text = "";
  line = 1;
  column = 1;
  readonly #source: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get place(): Place {
    return { line: this.line, column: this.column };
  }

  /** @param expect where a regular expression may stand bare, and where commas separate */
  next(expect: "word" | "regex" | "list" = "word"): TokenKind {
    if (!this.#skipBlank()) return this.#broken("a comment is opened by /* and never closed");
    this.#mark();
    const source = this.#source;
    if (this.#at >= source.length) return this.#become("end", "");
    const code = source.charCodeAt(this.#at);
    if (code === quote) return this.#quoted();
    const mark = punctuation.get(code);
    if (mark !== undefined) {
      this.#at += 1;
      return this.#become(mark, mark);
    }
    if (code === comma && expect === "list") {
      this.#at += 1;
      return this.#become(",", ",");
    }
    return code === slash && expect === "regex" ? this.#regex() : this.#bare(expect === "list");
  }

  #become(kind: TokenKind, text: string): TokenKind {
    this.kind = kind;
    this.text = text;
    return kind;
  }

  #broken(text: string): TokenKind {
    this.#at = this.#source.length;
    return this.#become("broken", text);
  }

  #mark(): void {
    this.line = this.#line;
    this.column = this.#at - this.#lineStart + 1;
  }

  #newLine(): void {
    this.#line += 1;
    this.#lineStart = this.#at + 1;
  }

  /** False where a block comment is not closed; the position is then that of its opening. */
  #skipBlank(): boolean {
    const source = this.#source;
    while (this.#at < source.length) {
      const code = source.charCodeAt(this.#at);
      if (code === newline) this.#newLine();
      if (isSpace(code)) this.#at += 1;
      else if (code === hash) {
        const end = source.indexOf("\n", this.#at);
        this.#at = end < 0 ? source.length : end;
      } else if (code === slash && source.charCodeAt(this.#at + 1) === star) {
        if (!this.#skipBlock()) return false;
      } else return true;
    }
    return true;
  }

  #skipBlock(): boolean {
    this.#mark();
    const end = this.#source.indexOf("*/", this.#at + 2);
    if (end < 0) return false;
    this.#countLines(end);
    this.#at = end + 2;
    return true;
  }

  /** Moves to `end`, counting the lines between. */
  #countLines(end: number): void {
    const source = this.#source;
    for (let at = source.indexOf("\n", this.#at); at >= 0 && at < end; at = source.indexOf("\n", at + 1)) {
      this.#at = at;
      this.#newLine();
    }
    this.#at = end;
  }

  #quoted(): TokenKind {
    const source = this.#source;
    const start = this.#at + 1;
    let at = start;
    for (; at < source.length; at += 1) {
      const code = source.charCodeAt(at);
      if (code === quote) break;
      if (code === backslash) at += 1;
    }
    if (at >= source.length) return this.#broken("a text is opened by a double quote and never closed");
    this.#countLines(at);
    this.#at = at + 1;
    return this.#become("quoted", source.slice(start, at));
  }

  #bare(inList: boolean): TokenKind {
    const source = this.#source;
    const start = this.#at;
    let at = start;
    for (; at < source.length; at += 1) {
      const code = source.charCodeAt(at);
      if (code < 128 ? classes[code] !== 0 : code === 0xfeff) break;
      if (inList && code === comma) break;
    }
    this.#at = at;
    return this.#become("bare", source.slice(start, at));
  }

  /** `/…/` up to the slash before a brace or white space on the same line; `\/` is part of it. */
  #regex(): TokenKind {
    const source = this.#source;
    const start = this.#at;
    for (let at = start + 1; at < source.length; at += 1) {
      const code = source.charCodeAt(at);
      if (code === newline) break;
      if (code === backslash) at += 1;
      else if (code === slash && endsRegex(source, at + 1)) {
        this.#at = at + 1;
        return this.#become("bare", source.slice(start, at + 1));
      }
    }
    return this.#broken("a regular expression is opened by / and not closed on its line");
  }
}

function endsRegex(source: string, at: number): boolean {
  if (at >= source.length) return true;
  const code = source.charCodeAt(at);
  return isSpace(code) || code === 123 || code === 61;
}
