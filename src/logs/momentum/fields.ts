/**
 * Fields of Momentum's `@`-delimited logs. `@`, backslashes and control characters in a field have a backslash before
 * them: documented for the acctlog, inferred for the others. Records hold no control characters: ours are shown in
 * hexadecimal, with a backslash that stays single, as it is an escape already.
 */
import { onOneLine } from "../words/one-line.ts";

export function joinFields(fields: readonly (string | number)[]): string {
  return fields.map((field) => (typeof field === "number" ? `${field}` : escapeField(field))).join("@");
}

/** With backslashes that do not begin an escape. */
const special = {
  field: /@|\\(?!x[0-9a-f]{2}|u\{[0-9a-f]{1,6}\})/g,
  quoted: /"|\\(?!x[0-9a-f]{2}|u\{[0-9a-f]{1,6}\})/g,
};

function escapeField(text: string): string {
  const line = onOneLine(text);
  return /[@\\]/.test(line) ? line.replaceAll(special.field, "\\$&") : line;
}

/** Between double quotes. How a quote inside them is written is not documented: with a backslash, as all of them. */
export function quoted(text: string): string {
  return `"${onOneLine(text).replaceAll(special.quoted, "\\$&")}"`;
}

/** s since 1970. */
export function timestamp(ms: number): number {
  return Math.floor(ms / 1000);
}

/** The samples have `0.393`, `18.53` and `3.89`: no zeros at the end. */
export function secondsBetween(ms: number): string {
  return `${Math.round(ms) / 1000}`;
}
