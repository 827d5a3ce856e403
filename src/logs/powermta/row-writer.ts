/**
 * Rows of one record type: for each column of the file a function that was chosen when the file was opened.
 */
import type { AccountingLog, AccountingType } from "../../mail/log-definition.ts";
import { writeAddress, writeCell, writeForeign } from "./csv-cell.ts";

/**
 * Where a value comes from, and so how its cell is written: `plain` needs no look (our own words, numbers, times, IP
 * addresses), `ours` is the operator's text, `foreign` and `address` are others'.
 */
export type Field<Facts> = Readonly<{ from: "plain" | "ours" | "foreign" | "address"; of: (facts: Facts) => string }>;

type Reading<Facts> = (of: Field<Facts>["of"]) => Field<Facts>;

/** Makers of fields, one for each origin. */
export function fieldsOf<Facts>(): Readonly<Record<Field<Facts>["from"], Reading<Facts>>> {
  return {
    plain: (of) => ({ from: "plain", of }),
    ours: (of) => ({ from: "ours", of }),
    foreign: (of) => ({ from: "foreign", of }),
    address: (of) => ({ from: "address", of }),
  };
}

export type Fields<Facts> = Readonly<Record<string, Field<Facts>>>;

/** First value of a header field, by lower-case name. */
type HeaderReader<Facts> = (facts: Facts, name: string) => string | undefined;

/** @returns a row without line end */
export function rowWriter<Facts>(
  type: AccountingType,
  { columns, fields, mapped, formulaCells }: AccountingLog,
  known: Fields<Facts>,
  header: HeaderReader<Facts>,
): (facts: Facts) => string {
  const filled = fields[type] ?? new Set<string>();
  const cells = columns.map((column) => {
    if (!filled.has(column)) return empty;
    const sources = mapped[type]?.get(column);
    return cellOf(fieldOf(column, sources, known, header), formulaCells);
  });
  return (facts) => {
    let row: string = type;
    for (const cell of cells) row += `,${cell(facts)}`;
    return row;
  };
}

function fieldOf<Facts>(
  column: string,
  sources: readonly string[] | undefined,
  known: Fields<Facts>,
  header: HeaderReader<Facts>,
): Field<Facts> {
  const own = Object.hasOwn(known, column) ? known[column] : headerField(column, header);
  const field: Field<Facts> = own ?? { from: "plain", of: empty };
  if (sources === undefined) return field;
  const from = field.from === "address" ? "address" : "foreign";
  return { from, of: (facts) => firstOf(facts, sources, header) ?? field.of(facts) };
}

function firstOf<Facts>(facts: Facts, names: readonly string[], header: HeaderReader<Facts>): string | undefined {
  for (const name of names) {
    const value = header(facts, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function headerField<Facts>(column: string, header: HeaderReader<Facts>): Field<Facts> | undefined {
  if (!/^header_/i.test(column)) return undefined;
  const name = column.slice("header_".length).toLowerCase();
  return { from: "foreign", of: (facts) => header(facts, name) ?? "" };
}

function cellOf<Facts>({ from, of }: Field<Facts>, formulaCells: AccountingLog["formulaCells"]) {
  if (from === "plain") return of;
  if (from === "ours" || formulaCells === "keep") return (facts: Facts) => writeCell(of(facts));
  if (from === "address") return (facts: Facts) => writeAddress(of(facts));
  return (facts: Facts) => writeForeign(of(facts));
}

function empty(): string {
  return "";
}
