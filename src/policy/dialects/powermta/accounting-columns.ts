/**
 * Which records an accounting file has, and in which columns: `records`, `record-fields`, `map-header-to-field`
 * (reference, section 3.3). The columns of all its types stand in one head line, in the order of the types; those of
 * types that nothing is written of stand there too, so that every column is where its readers look for it.
 */
import type { AccountingLog, AccountingType } from "../../../mail/log-definition.ts";
import { nearestWord } from "../../../mail/nearest-word.ts";
import {
  defaultFields,
  fieldNames,
  headerOf,
  isFilled,
  isTypeField,
  isWritten,
  type RecordType,
  recordTypeOf,
  spellingOf,
} from "./accounting-fields.ts";
import { type AccountingDirective, type AccountingLines, type AccountingNotes, itemsOf } from "./accounting-lines.ts";
import { textOf, wordsOf } from "./lines.ts";

export type Columns = Pick<AccountingLog, "types" | "columns" | "fields" | "mapped"> &
  Readonly<{ headers: readonly string[] }>;

/** The header field that a job's name is in. */
const jobHeader = "x-job";

export function columnsOf(lines: AccountingLines): Columns {
  const types = recordTypes(lines);
  const lists = fieldLists(lines, types);
  const written = types.filter(isWritten);
  const columns = [...new Set(types.flatMap((type) => lists.get(type)?.names ?? []))];
  const mapped = mappings(lines, written, lists);
  const fields = Object.fromEntries(written.map((type) => [type, new Set(lists.get(type)?.names)]));
  return { types: written, columns, fields, mapped, headers: headersOf(columns, mapped) };
}

function recordTypes(lines: AccountingLines): readonly RecordType[] {
  const line = lines.last("records");
  if (line === undefined) return ["d", "b"];
  const types = new Set<RecordType>();
  for (const item of itemsOf(line, textOf(line.value), lines.notes)) {
    const type = recordTypeOf(item);
    if (type === undefined) {
      lines.notes.error(line, `records: "${item}" is no record type`, "write a list such as d,b");
    } else types.add(type);
  }
  for (const type of types) {
    if (isWritten(type)) continue;
    lines.notes.noEffect(line, `records: nothing is written of type ${type}: ${reports[type]} are not read here`);
  }
  return [...types];
}

const reports: Readonly<Record<Exclude<RecordType, AccountingType>, string>> = {
  rb: "bounces that come in by mail",
  rs: "status reports that come in by mail",
  f: "feedback reports",
};

type Lists = ReadonlyMap<RecordType, FieldList>;

function fieldLists(lines: AccountingLines, types: readonly RecordType[]): Lists {
  const lists = new Map<RecordType, FieldList>();
  for (const line of lines.all("record-fields")) readFields(line, types, lists, lines.notes);
  for (const type of types) {
    if (lists.has(type)) continue;
    const everything = new FieldList(type);
    everything.star();
    lists.set(type, everything);
  }
  return lists;
}

function readFields(
  line: AccountingDirective,
  types: readonly RecordType[],
  lists: Map<RecordType, FieldList>,
  notes: AccountingNotes,
): void {
  const [word = ""] = wordsOf(line.value);
  const type = recordTypeOf(word);
  const rest = textOf(line.value.slice(word.length).trim());
  if (type === undefined) {
    notes.error(line, `record-fields: "${word}" is no record type`, "write record-fields d *,dlvTlsProtocol");
    return;
  }
  if (rest === "") {
    notes.error(line, "record-fields: argument missing", "write the fields after the record type");
    return;
  }
  if (!types.includes(type)) {
    notes.warning(line, `record-fields: this file has no records of type ${type}`, `add ${type} to records`);
  }
  const before = lists.get(type);
  if (before !== undefined) {
    notes.warning(line, `record-fields ${type} is written twice in this section: both are one list`, "write one");
  }
  const list = before ?? new FieldList(type);
  lists.set(type, list);
  for (const item of itemsOf(line, rest, notes)) addField(item, list, line, notes);
}

function addField(item: string, list: FieldList, line: AccountingDirective, notes: AccountingNotes): void {
  const isRemoved = item.startsWith("!");
  const name = isRemoved ? item.slice(1).trim() : item;
  if (/\s/.test(name)) {
    notes.error(line, `record-fields: a blank in "${item}"`, "write a comma between two fields");
    return;
  }
  if (name === "*") list.star();
  else if (isTypeField(name)) {
    notes.noEffect(line, "record-fields: type is the first column of every file, whatever is written");
  } else if (isRemoved) {
    if (!list.remove(name)) notes.warning(line, `record-fields: ${name} is not among the fields before`, "remove it");
  } else {
    const spelling = spellingOf(name);
    if (spelling === undefined) unknown(name, line, notes);
    else if (isWritten(list.type) && !isFilled(list.type, spelling)) {
      notes.noEffect(line, `record-fields: records of type ${list.type} have no ${spelling}; it stays empty`);
    }
    list.add(spelling ?? name);
  }
}

/** Another version of PowerMTA may know it: the column is there for its readers, and mail does not wait for it. */
function unknown(name: string, line: AccountingDirective, notes: AccountingNotes): void {
  const near = nearestWord(name, fieldNames);
  const remedy = near === undefined ? "remove it, or check its spelling" : `did you mean ${near}?`;
  notes.warning(line, `record-fields: there is no field "${name}"; its column stays empty`, remedy);
}

/** The fields of one type in their order, each once. */
class FieldList {
  readonly type: RecordType;
  readonly #names = new Map<string, string>();
  readonly #removed = new Set<string>();

  constructor(type: RecordType) {
    this.type = type;
  }

  get names(): readonly string[] {
    return [...this.#names.values()];
  }

  add(name: string): void {
    const key = name.toLowerCase();
    if (!this.#names.has(key)) this.#names.set(key, name);
  }

  star(): void {
    for (const name of defaultFields[this.type]) if (!this.#removed.has(name.toLowerCase())) this.add(name);
  }

  /** @returns whether it is a field that would have been there */
  remove(name: string): boolean {
    const key = name.toLowerCase();
    this.#removed.add(key);
    return this.#names.delete(key) || defaultFields[this.type].some((known) => known.toLowerCase() === key);
  }
}

type Mapped = Partial<Record<AccountingType, Map<string, string[]>>>;

function mappings(lines: AccountingLines, types: readonly AccountingType[], lists: Lists): Mapped {
  const mapped: Mapped = {};
  for (const line of lines.all("map-header-to-field")) {
    const found = mappingOf(line, lines.notes);
    if (found === undefined) continue;
    const { type, header, field } = found;
    if (!types.includes(type) || lists.get(type)?.names.includes(field) !== true) {
      lines.notes.warning(line, `map-header-to-field: ${type} records of this file have no ${field}`, "add it");
      continue;
    }
    const fields = mapped[type] ?? new Map<string, string[]>();
    mapped[type] = fields;
    fields.set(field, [...(fields.get(field) ?? []), header]);
  }
  return mapped;
}

function mappingOf(line: AccountingDirective, notes: AccountingNotes) {
  const [word = "", from = "", to = "", ...more] = wordsOf(line.value);
  const type = recordTypeOf(word);
  const header = headerOf(from);
  const field = spellingOf(to);
  const fault = (reason: string): undefined => {
    notes.error(line, `map-header-to-field: ${reason}`, "write map-header-to-field d header_X-Foo rcpt");
    return undefined;
  };
  if (type === undefined) return fault(`"${word}" is no record type`);
  if (type === "tq") return fault("records of type tq are of a queue, and have no header");
  if (header === undefined) return fault(`"${from}" names no header field`);
  if (field === undefined || more.length > 0) return fault(`"${[to, ...more].join(" ")}" is no field`);
  if (isWritten(type)) return { type, header, field };
  notes.noEffect(line, `map-header-to-field: nothing is written of type ${type}`);
  return undefined;
}

function headersOf(columns: readonly string[], mapped: Mapped): readonly string[] {
  const named = columns.flatMap((column) => headerOf(column) ?? (column === "jobId" ? [jobHeader] : []));
  const sources = Object.values(mapped).flatMap((fields) => [...fields.values()].flat());
  return [...new Set([...named, ...sources])];
}
