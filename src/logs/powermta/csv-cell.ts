/**
 * Cells of accounting files as RFC 4180 has them, one row on one line whatever a peer wrote (standards.md AT-28).
 *
 * A cell that begins with `=`, `+`, `-` or `@` is a formula to a spreadsheet, quoted or not, and accounting files are opened
 * in spreadsheets. So what came from outside never begins so: an address gets its local part quoted, which is the same
 * mailbox written in another way (RFC 5321 §4.1.2); any other text gets an apostrophe before it. Cells that begin
 * otherwise, which is nearly all, are as PowerMTA writes them; where even these must be, `formula-cells keep` says so.
 */

import { escapedCharacter } from "../../mail/escape.ts";

/** Nothing to quote and nothing to escape. */
const plain = /^[ !#-+\--~]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Quoted where a comma or a quote asks for it; control characters, line breaks among them, become `\xNN`. */
export function writeCell(text: string): string {
  if (plain.test(text)) return text;
  const line = text.replace(control, escapedCharacter);
  return /[",]/.test(line) ? `"${line.replaceAll('"', '""')}"` : line;
}

/** Text from outside. */
export function writeForeign(text: string): string {
  return beginsFormula(text) ? writeCell(`'${text}`) : writeCell(text);
}

/** A mail address from outside. */
export function writeAddress(text: string): string {
  if (!beginsFormula(text)) return writeCell(text);
  const at = text.lastIndexOf("@");
  return at <= 0
    ? writeForeign(text)
    : writeCell(`"${text.slice(0, at).replaceAll(/["\\]/g, "\\$&")}"${text.slice(at)}`);
}

function beginsFormula(text: string): boolean {
  const code = text.charCodeAt(0);
  return code === 61 || code === 43 || code === 45 || code === 64;
}
