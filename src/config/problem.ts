/**
 * What is wrong with a configuration, in one form for `letterlock check`, the log at a reload and editors:
 * `file:line:column: error: message (remedy)`. All problems of a file are collected, never only the first.
 */
import { escapeText } from "../mail/escape.ts";
import { nearestWord } from "../mail/nearest-word.ts";
import type { Note, NoteKind } from "../policy/dialects/dialect.ts";

/** Where something stands; both 1-based. */
export type Place = Readonly<{ line: number; column: number }>;

export type Problem = Readonly<{
  file: string;
  line: number;
  column: number;
  /** An error keeps the configuration from being used; nothing else does. Of sources also what became of a line. */
  severity: NoteKind;
  message: string;
  /** What to do about it; empty where nothing is to be done. */
  remedy: string;
}>;

/** One line; text that was quoted from the file is escaped (standards.md AT-28). */
export function formatProblem({ file, line, column, severity, message, remedy }: Problem): string {
  const advice = remedy === "" ? "" : ` (${escapeText(remedy)})`;
  return `${file}:${line}:${column}: ${severity}: ${escapeText(message)}${advice}`;
}

export function problemsOfNotes(notes: readonly Note[]): readonly Problem[] {
  return notes
    .map(({ kind: severity, text: message, ...where }): Problem => ({ ...where, severity, message }))
    .sort(byPlace);
}

/** File by file, each in its order. */
export function byPlace(left: Problem, right: Problem): number {
  return compareText(left.file, right.file) || left.line - right.line || left.column - right.column;
}

/** What one file says more than a few times in the same words, said once with the number of the others. */
export function foldRepeated(problems: readonly Problem[]): readonly Problem[] {
  const keyOf = ({ file, severity, message, remedy }: Problem): string => [file, severity, message, remedy].join("\0");
  const groups = Map.groupBy(problems, keyOf);
  return problems.flatMap((problem) => {
    const group = groups.get(keyOf(problem)) ?? [];
    if (group.length <= repeatsTold) return [problem];
    const message = `${problem.message} (and ${(group.length - 1).toLocaleString("en")} more lines of this file)`;
    return group[0] === problem ? [{ ...problem, message }] : [];
  });
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

/** The same words about more lines than this are said once. */
const repeatsTold = 3;

/** A file with a hundred thousand wrong lines is told by its first ones. */
const maxProblems = 1000;

/** Collects the problems of one file. */
export class Problems {
  readonly #file: string;
  readonly #list: Problem[] = [];
  #errors = 0;

  constructor(file: string) {
    this.#file = file;
  }

  error(at: Place, message: string, remedy: string): void {
    this.add({ file: this.#file, ...at, severity: "error", message, remedy });
  }

  warning(at: Place, message: string, remedy: string): void {
    this.add({ file: this.#file, ...at, severity: "warning", message, remedy });
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** In the order of the file, then of those that it names. */
  sorted(): readonly Problem[] {
    const ofOthers = ({ file }: Problem): number => Number(file !== this.#file);
    return this.#list.toSorted((left, right) => ofOthers(left) - ofOthers(right) || byPlace(left, right));
  }

  add({ file, line, column, severity, message, remedy }: Problem): void {
    if (severity === "error") this.#errors += 1;
    if (this.#list.length < maxProblems) this.#list.push({ file, line, column, severity, message, remedy });
  }
}

/** `did you mean "x"?`, or the whole list when nothing is near. */
export function suggest(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? "there is none" : `known: ${listOf(known)}`;
}

function listOf(words: readonly string[]): string {
  return words.length > 30 ? `${words.slice(0, 30).join(", ")} ...` : words.join(", ");
}
