/**
 * What becomes of each line, collected in the order in which lines are understood.
 */
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
  const near = notes.errors < maxSuggestions ? nearestName(name, known) : undefined;
  return near === undefined ? "correct the name, or remove it" : `did you mean ${near}?`;
}

/** The known word nearest to a mistyped one, at most a third of its letters away. */
export function nearestName(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let limit = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = Math.abs(candidate.length - word.length) < limit ? editDistance(word, candidate) : limit;
    if (distance >= limit) continue;
    best = candidate;
    limit = distance;
  }
  return best;
}

/** Levenshtein. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
