/**
 * Collects what becomes of each line. Errors are worded as PowerMTA words them (`Error in line N of FILE: reason`), so
 * that its users know them again.
 */
import type { Origin } from "../../rules.ts";
import type { Note } from "../dialect.ts";
import type { Place } from "./parse.ts";

export class NoteList {
  readonly #notes: Note[] = [];
  #errors = 0;

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  get all(): readonly Note[] {
    return this.#notes;
  }

  error(at: Place, reason: string, remedy: string): void {
    this.#errors += 1;
    this.#add("error", at, `Error in line ${at.line} of ${at.in.file}: ${reason}`, remedy);
  }

  warning(at: Place, text: string, remedy: string): void {
    this.#add("warning", at, text, remedy);
  }

  differs(at: Place, text: string, remedy = ""): void {
    this.#add("differs", at, text, remedy);
  }

  notYet(at: Place, text: string): void {
    this.#add("not-yet", at, text, "");
  }

  noEffect(at: Place, text: string): void {
    this.#add("no-effect", at, text, "");
  }

  applied(at: Place, text: string): void {
    this.#add("applied", at, text, "");
  }

  #add(kind: Note["kind"], at: Place, text: string, remedy: string): void {
    this.#notes.push({ kind, file: at.in.file, line: at.line, column: at.column, text, remedy });
  }
}

/** @param scope in words: `domain example.com in virtual-mta m1` */
export function originAt({ in: { file }, line, column }: Place, scope: string): Origin {
  return { source: "powermta", file, line, column, scope };
}

/** Where nothing is written. */
export const defaultOrigin: Origin = {
  source: "powermta",
  file: undefined,
  line: undefined,
  column: undefined,
  scope: "PowerMTA's default",
};
