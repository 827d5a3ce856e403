/**
 * Names of PowerMTA's accounting files: `/var/log/pmta/acct.csv` gives `acct-2026-11-22-0000.csv` and so on, counted anew
 * each day. Days are those of the machine's own time zone, as in the times that people compare them with.
 */
import path from "node:path";
import { createStrftime } from "../words/strftime.ts";

/** `2026-11-22` */
export const localDay = createStrftime("%Y-%m-%d");

/** ms since 1970 of the next midnight, also where a day has 23 or 25 hours. */
export function nextMidnight(ms: number): number {
  const at = new Date(ms);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + 1).getTime();
}

/** @param base as configured */
export function numberedName(base: string, day: string, number: number): string {
  const { name, ext } = path.parse(base);
  return `${name}-${day}-${String(number).padStart(4, "0")}${ext}`;
}

/** With the number of records before the extension: `acct-2026-11-22-0000-1234.csv`. */
export function countedName(name: string, records: number): string {
  const { name: stem, ext } = path.parse(name);
  return `${stem}-${records}${ext}`;
}

/** @returns the highest number that a name of this day carries, -1 if none does */
export function highestNumber(base: string, day: string, names: readonly string[]): number {
  const { name: stem, ext } = path.parse(base);
  const start = `${stem}-${day}-`;
  let highest = -1;
  for (const name of names) {
    if (!name.startsWith(start) || !name.endsWith(ext)) continue;
    const [, digits] = /^(\d{4,9})(?:-\d+)?$/.exec(name.slice(start.length, name.length - ext.length)) ?? [];
    if (digits !== undefined) highest = Math.max(highest, Number(digits));
  }
  return highest;
}
