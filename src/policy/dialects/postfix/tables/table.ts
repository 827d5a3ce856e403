/**
 * What every look-up table is, however it is kept. A table that cannot be opened answers `error` to every key, never
 * `none` (Postfix: KEY-16).
 */
import type { Note, NoteKind, SourceFiles } from "../../dialect.ts";
import type { Place } from "../logical-lines.ts";

export type TableHit = Readonly<{
  /** May be empty, which Postfix takes for an error. */
  value: string;
  /** `written` is the whole entry, on one line. */
  from: Place & Readonly<{ written: string }>;
}>;

export type LookupAnswer =
  | Readonly<{ kind: "found"; hit: TableHit }>
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "error"; text: string }>;

export type LookupTable = Readonly<{
  spec: string;
  type: string;
  /** `fixed`: whole keys, so that partial keys make sense. `remote`: asks another program; not asked here. */
  kind: "fixed" | "pattern" | "constant" | "remote" | "unusable";
  lookup(key: string): LookupAnswer;
  /** What can be found, in the order of the file: key or pattern as written. */
  entries(): readonly Readonly<{ key: string; hit: TableHit }>[];
}>;

export type TableContext = Readonly<{
  files: SourceFiles;
  /** Where the table is named: entries that stand there, and notes about the table itself, point at it. */
  at: Place;
  /** Relative names start here: Postfix's queue directory. */
  folder: string;
  /** False: a pattern whose result uses `$1` is left out (transport_maps; KEY-14). */
  substitution?: boolean;
  /** The table holds TLS policies: a rule that cannot be used is an error for whoever comes as far, never left out. */
  strict?: boolean;
}>;

export type OpenedTable = Readonly<{ table: LookupTable; notes: readonly Note[] }>;

/** A table of a type, its name taken apart. */
export type TableRequest = Readonly<{ spec: string; type: string; name: string; context: TableContext }>;

export const notFound: LookupAnswer = { kind: "none" };

export function note(kind: NoteKind, { file, line, column }: Place, text: string, remedy: string): Note {
  return { kind, file, line, column, text, remedy };
}

/** Answers `error` to every key; the note says why. */
export function unusable({ spec, type, context }: TableRequest, text: string, remedy: string): OpenedTable {
  return {
    table: silent({ spec, type, kind: "unusable", text }),
    notes: [note("error", context.at, `${spec}: ${text}`, remedy)],
  };
}

export function silent({
  spec,
  type,
  kind,
  text,
}: Readonly<{ spec: string; type: string; kind: "remote" | "unusable"; text: string }>): LookupTable {
  const answer: LookupAnswer = { kind: "error", text: `${spec}: ${text}` };
  return { spec, type, kind, lookup: () => answer, entries: () => [] };
}
