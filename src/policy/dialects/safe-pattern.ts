/**
 * Regular expressions of operators, held against names and texts that strangers choose. JavaScript's own engine tries every
 * way to read a text, which for some patterns (`(a+)+$`) never ends; so only patterns with next to no choice go to it, and
 * all others are read by walking all ways at once, in time proportional to the text (Thompson's construction).
 *
 * Promise: the same answer as `RegExp` with the same source and flag. What only backtracking can do (looking around,
 * references to groups) is taken where it repeats at most one character set, and refused otherwise.
 */
import { compileProgram, type Program, runProgram } from "./pattern-program.ts";
import { readShape } from "./pattern-shape.ts";
import { requiredWords } from "./required-words.ts";

export type Tester = Readonly<{ test(text: string): boolean }>;

export type SafePattern = Readonly<{ kind: "pattern"; tester: Tester }> | Readonly<{ kind: "bad"; problem: string }>;

/** UTF-16 units; PCRE's own limit is twice as many. */
const maxLength = 32_768;

/** @param source in JavaScript's syntax, valid or not */
export function safePattern(source: string, flags: "" | "i"): SafePattern {
  if (source.length > maxLength) return { kind: "bad", problem: `it is longer than ${maxLength} characters` };
  let native: RegExp;
  try {
    native = new RegExp(source, flags);
  } catch (error) {
    return { kind: "bad", problem: error instanceof Error ? error.message : String(error) };
  }
  const shape = readShape(source);
  if (shape.kind === "bad") return shape;
  if (shape.repeats <= 1 && !shape.repeatsGroups) return { kind: "pattern", tester: native };
  if (shape.backtracks !== undefined) {
    return { kind: "bad", problem: `${shape.backtracks} beside several repetitions takes endless time on some texts` };
  }
  const program = compileProgram(shape.tree, flags);
  return program === undefined
    ? { kind: "bad", problem: "its counted repetitions are too large" }
    : { kind: "pattern", tester: testerOf(program, requiredWords(shape.tree), flags) };
}

/** @param words without one of them in it, a text is not read by the program */
function testerOf(program: Program, words: string | undefined, flags: string): Tester {
  if (words === undefined) return { test: (text) => runProgram(program, text) };
  const anyWord = new RegExp(words, flags);
  return { test: (text) => anyWord.test(text) && runProgram(program, text) };
}
