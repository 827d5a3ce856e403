/**
 * From the text of a Momentum configuration file to its items. Linear time, nothing recursive, never throws.
 *
 *     item   := ("include" | "readonly_include") word | NAME [instance] ["="] "{" item* "}" | NAME "=" value | NAME dict
 *     value  := word | "(" word* ")" | "[" (word "=" word)* "]"
 *
 * Includes are not followed here (`read-files.ts`), names are not looked up (`scopes.ts`).
 */
import { Lexer } from "./lexer.ts";
import {
  type Item,
  type ParsedFile,
  type Place,
  type SyntaxProblem,
  takesRegex,
  type Value,
  type Word,
} from "./syntax.ts";

/** Deeper than any configuration; it bounds the recursion of whoever walks the tree. */
export const maxDepth = 64;

type Start = Place & Readonly<{ name: string }>;

type OpenScope = Place & { name: string; instance: Word | undefined; items: Item[] };

export function parseMomentum(text: string): ParsedFile {
  const { items, problem } = new Parser(text).parse();
  return { items, problem: problem ?? loneReturn(text) };
}

/** Lines that end in a carriage return alone are one line, and a comment in the first of them hides the rest. */
function loneReturn(text: string): SyntaxProblem | undefined {
  const at = text.search(/\r(?![\r\n]|$)/);
  if (at < 0) return undefined;
  const before = text.slice(0, at).split("\n");
  const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  return { ...place, text: "a carriage return that ends no line", remedy: "end lines with a line feed" };
}

/** Thrown and caught in this file alone. */
class Stop {
  readonly problem: SyntaxProblem;
  constructor(problem: SyntaxProblem) {
    this.problem = problem;
  }
}

class Parser {
  readonly #lexer: Lexer;
  readonly #root: Item[] = [];
  readonly #open: OpenScope[] = [];

  constructor(text: string) {
    this.#lexer = new Lexer(text);
  }

  parse(): ParsedFile {
    try {
      this.#items();
      return { items: this.#root, problem: undefined };
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      return { items: this.#root, problem: error.problem };
    }
  }

  #items(): void {
    const lexer = this.#lexer;
    lexer.next();
    while (lexer.kind !== "end") {
      if (lexer.kind === "}") this.#close();
      else if (lexer.kind === "bare") this.#item();
      else this.#fail("write the name of an option or scope");
    }
    const left = this.#open.at(-1);
    if (left === undefined) return;
    throw new Stop({
      line: left.line,
      column: left.column,
      text: `the scope ${left.name} is opened by { and never closed`,
      remedy: "add the missing }, or restore the rest of the file",
    });
  }

  /** Adds to the innermost open scope. */
  #add(item: Item): void {
    (this.#open.at(-1)?.items ?? this.#root).push(item);
  }

  #close(): void {
    const scope = this.#open.pop();
    if (scope === undefined) this.#fail("remove this }, or add the { that is missing before it");
    else this.#add({ kind: "scope", ...scope });
    this.#lexer.next();
  }

  /** The lexer stands on the name; afterwards on what follows the item, or inside the scope that it opens. */
  #item(): void {
    const lexer = this.#lexer;
    const { line, column, text: name } = lexer;
    const start = { name, line, column };
    lexer.next(takesRegex(name) ? "regex" : "word");
    if (lexer.kind === "bare" || lexer.kind === "quoted") this.#withWord(start, this.#word());
    else if (lexer.kind === "=") this.#afterEquals(start);
    else if (lexer.kind === "{") this.#openScope({ ...start, instance: undefined, items: [] });
    else if (lexer.kind === "[") this.#option(start);
    else this.#fail(`write ${name} = value, or ${name} { ... }`);
  }

  /** An include, or a scope with a name of its own. */
  #withWord(start: Start, word: Word): void {
    const lexer = this.#lexer;
    const { name, line, column } = start;
    const keyword = name.toLowerCase();
    if (keyword === "include" || keyword === "readonly_include") {
      this.#add({ kind: "include", keyword, target: word, line, column });
      return;
    }
    if (lexer.kind === "=") lexer.next();
    if (lexer.kind === "{") this.#openScope({ ...start, instance: word, items: [] });
    else this.#fail(`write ${name} = value, or ${name} "${word.text}" { ... }`);
  }

  #afterEquals(start: Start): void {
    this.#lexer.next();
    if (this.#lexer.kind === "{") this.#openScope({ ...start, instance: undefined, items: [] });
    else this.#option(start);
  }

  #openScope(scope: OpenScope): void {
    if (this.#open.length >= maxDepth) this.#fail(`scopes stand in each other at most ${maxDepth} deep`);
    this.#open.push(scope);
    this.#lexer.next();
  }

  #option({ name, line, column }: Start): void {
    this.#add({ kind: "option", name, value: this.#value(name), line, column });
  }

  #value(name: string): Value {
    const { kind } = this.#lexer;
    if (kind === "(") return { kind: "list", words: this.#list() };
    if (kind === "[") return { kind: "dictionary", entries: this.#dictionary() };
    if (kind !== "bare" && kind !== "quoted") this.#fail(`write a value for ${name}`);
    return { kind: "word", word: this.#word() };
  }

  #word(): Word {
    const { text, kind, line, column } = this.#lexer;
    this.#lexer.next();
    return { text, quoted: kind === "quoted", line, column };
  }

  #list(): Word[] {
    const lexer = this.#lexer;
    const words: Word[] = [];
    lexer.next("list");
    while (lexer.kind !== ")") {
      if (lexer.kind === "bare" || lexer.kind === "quoted") {
        words.push({ text: lexer.text, quoted: lexer.kind === "quoted", line: lexer.line, column: lexer.column });
      } else if (lexer.kind !== ",") this.#fail("a list is words between ( and )");
      lexer.next("list");
    }
    lexer.next();
    return words;
  }

  #dictionary(): { key: Word; value: Word }[] {
    const lexer = this.#lexer;
    const entries: { key: Word; value: Word }[] = [];
    lexer.next();
    while (lexer.kind !== "]") {
      if (lexer.kind !== "bare" && lexer.kind !== "quoted") this.#fail("a dictionary is key = value between [ and ]");
      const key = this.#word();
      if (this.#lexer.kind !== "=") this.#fail(`write ${key.text} = value`);
      lexer.next();
      if (lexer.kind !== "bare" && lexer.kind !== "quoted") this.#fail(`write a value for ${key.text}`);
      entries.push({ key, value: this.#word() });
    }
    lexer.next();
    return entries;
  }

  #fail(remedy: string): never {
    const { kind, text, line, column } = this.#lexer;
    if (kind === "broken") throw new Stop({ line, column, text, remedy: "close it, or restore the rest of the file" });
    const near = kind === "end" ? "the end of the file" : `'${text.slice(0, 60)}'`;
    throw new Stop({ line, column, text: `Syntax error near ${near}`, remedy });
  }
}
