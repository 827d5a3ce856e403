/**
 * Tables of whole keys: a text of `key value` lines (hash, texthash ...), `inline:{...}`, and `static:`, which is the same
 * answer to every key. Keys are folded to lower case, here and when they are asked; values are not (Postfix: TB-1 to
 * TB-7, KEY-12).
 */
import path from "node:path";
import type { Note } from "../../dialect.ts";
import { splitOutsideBraces, unbrace } from "../braces.ts";
import {
  byteOrderMark,
  isSpace,
  type LogicalLine,
  type Place,
  readLogicalLines,
  skipSpace,
  trimmed,
} from "../logical-lines.ts";
import {
  type LookupAnswer,
  type LookupTable,
  note,
  notFound,
  type OpenedTable,
  type TableContext,
  type TableRequest,
  unusable,
} from "./table.ts";

/** How each indexed type calls the file that Postfix reads; `undefined`: it reads the text. */
const indexSuffixes: Readonly<Record<string, string | undefined>> = {
  texthash: undefined,
  hash: ".db",
  btree: ".db",
  lmdb: ".lmdb",
  cdb: ".cdb",
  dbm: ".pag",
  sdbm: ".pag",
};
export const textTypes: ReadonlySet<string> = new Set(Object.keys(indexSuffixes));

type Found = Extract<LookupAnswer, { kind: "found" }>;
type Entry = Readonly<{ key: string; hit: Found["hit"] }>;

/** Entries by folded key. Of two with one key a text keeps the first, `inline:` the last. */
class Entries {
  readonly notes: Note[] = [];
  readonly #stays: "first" | "last";
  readonly #found = new Map<string, Found>();
  readonly #keys: string[] = [];
  /** The first that there is, in Postfix's words. */
  duplicate: string | undefined;

  constructor(stays: "first" | "last") {
    this.#stays = stays;
  }

  add(key: string, value: string, at: Place, written: string): void {
    const folded = key.toLowerCase();
    const before = this.#found.has(folded);
    if (before) {
      this.duplicate ??= `${at.file}, line ${at.line}: duplicate entry: "${folded}"`;
      this.warn(at, `duplicate entry: "${folded}": the ${this.#stays} one counts`, "remove one of them");
      if (this.#stays === "first") return;
    }
    const from = { file: at.file, line: at.line, column: at.column, written };
    this.#found.set(folded, { kind: "found", hit: { value, from } });
    if (!before) this.#keys.push(key);
  }

  warn(at: Place, text: string, remedy: string): void {
    this.notes.push(note("warning", at, text, remedy));
  }

  table(spec: string, type: string): LookupTable {
    return {
      spec,
      type,
      kind: "fixed",
      lookup: (key) => this.#found.get(key.toLowerCase()) ?? notFound,
      entries: () => this.#list(),
    };
  }

  #list(): readonly Entry[] {
    const found = [...this.#found.values()];
    return this.#keys.flatMap((key, index) => {
      const hit = found[index]?.hit;
      return hit === undefined ? [] : [{ key, hit }];
    });
  }
}

/** The text of a fixed-string table; for an indexed one the source that `postmap` was given (TB-7). */
export function openText(request: TableRequest): OpenedTable {
  const { spec, type, name, context } = request;
  const file = path.posix.resolve(context.folder, name);
  const suffix = indexSuffixes[type];
  const index = suffix === undefined ? undefined : `${file}${suffix}`;
  const answer = context.files.read(file);
  if (answer.kind === "failed") return unreadable(request, file, index, answer.reason);
  const entries = new Entries("first");
  if (index !== undefined) noteAge(request, file, index, entries);
  readText(answer.text, file, entries);
  if (index === undefined && entries.duplicate !== undefined) {
    // postmap keeps the first; a delivery process cannot open such a table at all (Postfix 3.10).
    return unusable(request, entries.duplicate, "remove one of the two: Postfix cannot use this table");
  }
  return { table: entries.table(spec, type), notes: entries.notes };
}

function unreadable(request: TableRequest, file: string, index: string | undefined, reason: string): OpenedTable {
  const onlyIndex = index !== undefined && request.context.files.modifiedAt(index) !== undefined;
  if (!onlyIndex) return unusable(request, `${file} cannot be read: ${reason}`, "give a file that can be read");
  const remedy = `put the text it was made from beside it; "postmap -s ${request.type}:${file}" prints one`;
  return unusable(request, `there is only the index ${index}, which is not read here`, remedy);
}

/** Postfix reads the index, we read the text (TB-6). */
function noteAge({ type, context }: TableRequest, file: string, index: string, entries: Entries): void {
  const [made, edited] = [context.files.modifiedAt(index), context.files.modifiedAt(file)];
  const old = made !== undefined && edited !== undefined && edited > made;
  if (made !== undefined && !old) return;
  const text = old
    ? `${index} is older than its text: Postfix still uses the older contents`
    : `there is no ${index}: Postfix cannot use this table`;
  entries.warn({ file, line: 1, column: 1 }, text, `postmap ${type}:${file}`);
}

function readText(text: string, file: string, entries: Entries): void {
  readLogicalLines(text, {
    line: (logical) => readEntry(logical, file, entries),
    byteOrderMark: () => entries.warn({ file, line: 1, column: 1 }, byteOrderMark.text, byteOrderMark.remedy),
    indented(line, physical) {
      const what = `logical line must not start with whitespace: "${physical}"; this line is not used`;
      entries.warn({ file, line, column: 1 }, what, "remove the white space before it");
    },
  });
}

function readEntry({ text, line }: LogicalLine, file: string, entries: Entries): void {
  const at = { file, line, column: 1 };
  const end = keyEnd(text);
  const value = end < 0 ? "" : trimmed(text, end);
  if (value === "") {
    const why = end < 0 ? `unbalanced '"' in "${text}"` : `"${text.trim()}" has no value`;
    entries.warn(at, `${why}; this line is not used`, end < 0 ? "close the quotes" : "write KEY VALUE");
    return;
  }
  const key = text.slice(0, end);
  if (key.endsWith(":")) {
    entries.warn(at, `the key "${key}" ends in ":", as if in an alias file`, "write the key without the colon");
  }
  entries.add(key, value, at, text.trimEnd());
}

/** White space in double quotes and behind a backslash belongs to the key; -1: quotes that are not closed. */
function keyEnd(text: string): number {
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === backslash) at += 1;
    else if (code === quote) quoted = !quoted;
    else if (!quoted && isSpace(code)) return at;
  }
  return quoted ? -1 : text.length;
}

const backslash = 92;
const quote = 34;

/** `inline:{ a=b, { c = d e } }` */
export function openInline(request: TableRequest): OpenedTable {
  const { spec, type, name, context } = request;
  const remedy = 'write "inline:{ name=value, { name = value with blanks } }"';
  const inside = unbrace(name);
  if (inside.kind === "wrong") return unusable(request, inside.problem, remedy);
  const items = splitOutsideBraces(inside.text);
  if (items.length === 0) return unusable(request, "it holds nothing", remedy);
  const entries = new Entries("last");
  for (const { text } of items) {
    const problem = addInline(text, context, entries);
    if (problem !== undefined) return unusable(request, problem, remedy);
  }
  return { table: entries.table(spec, type), notes: entries.notes };
}

function addInline(text: string, { at }: TableContext, entries: Entries): string | undefined {
  const item: ReturnType<typeof unbrace> = text.startsWith("{") ? unbrace(text) : { kind: "text", text };
  if (item.kind === "wrong") return item.problem;
  const end = quotedKeyEnd(item.text);
  if (end < 0) return `unbalanced '"' in "${item.text}"`;
  const equals = skipSpace(item.text, end);
  if (item.text[equals] !== "=") return `missing '=' after attribute name: "${item.text}"`;
  const key = item.text.slice(0, end);
  entries.add(key, trimmed(item.text, equals + 1), at, item.text);
  return undefined;
}

/** As far as an `=` or white space outside quotes. */
function quotedKeyEnd(text: string): number {
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === backslash) at += 1;
    else if (code === quote) quoted = !quoted;
    else if (!quoted && (isSpace(code) || text[at] === "=")) return at;
  }
  return quoted ? -1 : text.length;
}

/** `static:x`, `static:{ x y }`: the same answer to every key, also to `.parent` keys. */
export function openStatic(request: TableRequest): OpenedTable {
  const { spec, type, name, context } = request;
  const inside: ReturnType<typeof unbrace> = name.startsWith("{") ? unbrace(name) : { kind: "text", text: name };
  if (inside.kind === "wrong") return unusable(request, inside.problem, 'write "static:{ value }"');
  const { file, line, column } = context.at;
  const hit = { value: inside.text, from: { file, line, column, written: spec } };
  const answer: Found = { kind: "found", hit };
  return {
    table: { spec, type, kind: "constant", lookup: () => answer, entries: () => [{ key: "*", hit }] },
    notes: [],
  };
}
