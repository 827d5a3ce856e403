/**
 * What becomes of each line, collected in the order in which lines are understood.
 */
import { nearestWord } from "../../../mail/nearest-word.ts";
import type { Note, NoteKind } from "../dialect.ts";
import type { Place } from "./syntax.ts";

/** A file as it was come to. */
export type FileRef = Readonly<{
  path: string;
  /** The includes that led here, outermost first: `/etc/ecelerity.conf:12 include tls.conf`. */
  through: readonly string[];
  /** Paths of the files that are open, this one included. */
  open: readonly string[];
}>;

export type Position = Place & Readonly<{ file: FileRef }>;

/** A file with a hundred thousand wrong lines is told by its first ones. */
const maxErrors = 1000;

export class Notes {
  readonly #list: Note[] = [];
  #errors = 0;

  get errors(): number {
    return this.#errors;
  }

  get firstError(): Note | undefined {
    return this.#list.find(({ kind }) => kind === "error");
  }

  /** By file, line and column; files in the order in which they came up. */
  sorted(): readonly Note[] {
    const byFile = Map.groupBy(this.#list, ({ file }) => file);
    const inFile = (left: Note, right: Note): number => left.line - right.line || left.column - right.column;
    return [...byFile.values()].flatMap((notes) => notes.sort(inFile));
  }

  add(kind: NoteKind, { file, line, column }: Position, text: string, remedy = ""): void {
    if (kind === "error") {
      this.#errors += 1;
      if (this.#errors > maxErrors) return;
    }
    this.#list.push({ kind, file: file.path, line, column, text, remedy });
  }
}

/** Looking for neighbours takes time: only the first errors have them. */
const maxSuggestions = 100;

export function remedyForName(name: string, known: Iterable<string>, notes: Notes): string {
  const near = notes.errors < maxSuggestions ? nearestWord(name, known) : undefined;
  return near === undefined ? "correct the name, or remove it" : `did you mean ${near}?`;
}
