/**
 * Text from outside on one line: everything that is not printable ASCII escaped, as in records (standards.md AT-28).
 */
import { escapeText } from "../../mail/escape.ts";

/** Longer than any value of a record. */
const maxLength = 4096;

/** Cheap for what is printable already, as all that stands in a record is. */
export function onOneLine(text: string): string {
  return /[^\x20-\x7e]/.test(text) ? escapeText(text, maxLength) : text;
}
