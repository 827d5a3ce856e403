/**
 * Text that came from someone else, made safe for one line of log, terminal, header or DSN (standards.md AT-28).
 */

/** Printable ASCII stays; everything else becomes `\xNN` or `\u{N}`; cut after `max` characters with `...`. */
export function escapeText(text: string, max = 512): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return cut.replace(/[^\x20-\x7e]/gu, (char) => {
    const point = char.codePointAt(0) ?? 0;
    return point < 256 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u{${point.toString(16)}}`;
  });
}
