/**
 * What the readers of both pattern syntaxes stand on: a place in the text, the first problem, and the shapes they build.
 * After a problem the scanner stands at the end, so that every loop ends.
 */
import { type CharSet, charOf, complement, ignoringCase } from "./char-set.ts";
import type { PatternNode, PatternProblem } from "./pattern-tree.ts";

export class PatternScanner {
  readonly text: string;
  at = 0;
  captures = 0;
  problem: PatternProblem | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** The unit at the place, or `""` at the end; the place moves on. */
  next(): string {
    const char = this.text.charAt(this.at);
    this.at += 1;
    return char;
  }

  looksAt(word: string): boolean {
    return this.text.startsWith(word, this.at);
  }

  /** True, and behind it, where the word stands here. */
  take(word: string): boolean {
    if (!this.looksAt(word)) return false;
    this.at += word.length;
    return true;
  }

  /** What a sticky expression finds here; the place moves behind it. */
  match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.at;
    const found = expression.exec(this.text);
    if (found === null) return undefined;
    this.at += found[0].length;
    return found;
  }

  invalid(text: string): undefined {
    return this.#stop({ kind: "invalid", text });
  }

  unsupported(text: string): undefined {
    return this.#stop({ kind: "unsupported", text });
  }

  #stop(problem: PatternProblem): undefined {
    this.problem ??= problem;
    this.at = this.text.length;
    return undefined;
  }
}

/** Ends of lines count only where a pattern is told so; keys have none. */
export const atStart = assertion("^");
export const atEnd = assertion("$");
export const atLineStart = assertion("(?<=^|\\n)");
export const atLineEnd = assertion("(?=\\n|$)");

export function assertion(script: string): PatternNode {
  return { kind: "assertion", script };
}

export function charsOf(set: CharSet, ignoreCase: boolean): PatternNode {
  return { kind: "chars", set: ignoreCase ? ignoringCase(set) : set };
}

/** The characters that are not in the set; in neither case, where case is ignored. */
export function charsNotOf(set: CharSet, ignoreCase: boolean): PatternNode {
  return { kind: "chars", set: complement(ignoreCase ? ignoringCase(set) : set) };
}

export function literal(char: string, ignoreCase: boolean): PatternNode {
  return charsOf(charOf(char.charCodeAt(0)), ignoreCase);
}

export function sequence(items: readonly PatternNode[]): PatternNode {
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: "sequence", items };
}

export function choice(branches: readonly PatternNode[]): PatternNode {
  const [only] = branches;
  return branches.length === 1 && only !== undefined ? only : { kind: "choice", branches };
}
