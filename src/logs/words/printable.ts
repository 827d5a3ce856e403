/**
 * What a mail log prints of text that someone else wrote: printable ASCII stays, `?` stands for each character that is
 * not (standards.md AT-28). Text of records is escaped already; there the escapes of control characters become `?`, as in
 * the original, and those of other scripts stay readable (`\u{e9}`).
 */

/** @param max characters that are kept; `...` says that there were more */
export function printable(text: string, max = 512): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return plain.test(cut) ? cut : cut.replace(/[^\x20-\x7e]/gu, "?");
}

/** The same for text that a record holds, or a line made of it: as long as it is. */
export function printableRecord(text: string): string {
  const unescaped = text.includes("\\x") ? text.replace(/\\x(?:[01][\da-f]|7f)/g, "?") : text;
  return printable(unescaped, Number.POSITIVE_INFINITY);
}

/**
 * What someone else chose, between angle brackets: it cannot end them before its time, and go on with fields of its own
 * (`to=<"x>, status=sent"@example.net>`). Mail servers print it as it is.
 */
export function angled(text: string): string {
  return `<${/[<>]/.test(text) ? text.replaceAll(/[<>]/g, "?") : text}>`;
}

const plain = /^[ -~]*$/;
