/**
 * Text that came from someone else, made safe for one line of log, terminal, header or DSN (standards.md AT-28).
 */

const plain = /^[ -~]*$/;

/**
 * Printable ASCII stays; everything else becomes `\xNN` or `\u{N}`. What is longer than `max` characters, escapes and all,
 * is cut there, between two escapes, with `...` behind.
 */
export function escapeText(text: string, max = 512): string {
  const cut = text.slice(0, max);
  const escaped = plain.test(cut) ? cut : cut.replace(/[^\x20-\x7e]/gu, escapedCharacter);
  if (escaped.length <= max) return text.length > max ? `${escaped}...` : escaped;
  const short = escaped.slice(0, max).replace(/\\(?:x[\da-f]?|u(?:\{[\da-f]{0,6})?)?$/, "");
  return `${short}...`;
}

/** `\x1b`, `\u{2028}`: in this one spelling wherever text is escaped. */
export function escapedCharacter(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  return point < 256 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u{${point.toString(16)}}`;
}
