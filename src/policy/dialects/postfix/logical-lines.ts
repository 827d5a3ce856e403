/**
 * Logical lines, as main.cf, master.cf and every table have them (Postfix: CF-2): a physical line that begins with white
 * space continues the one before; empty lines and comment lines are left out, also in the middle of a continued line.
 * Linear in the length of the text; a line is copied only where it is continued.
 */

/** 1-based. */
export type Place = Readonly<{ file: string; line: number; column: number }>;

/** Where the text of a physical line stands in its logical line. */
type Piece = Readonly<{ offset: number; line: number }>;

/**
 * The physical lines one after another, without line ends; white space stays. `line` is the first one's number.
 * `pieces` only where there is more than one.
 */
export type LogicalLine = Readonly<{ text: string; line: number; pieces?: readonly Piece[] }>;

/** Handed on line by line; a first line that begins with white space belongs to none (CF-3). */
export type LineReader = Readonly<{
  line(logical: LogicalLine): void;
  indented(line: number, text: string): void;
  /** The text begins with one, which Postfix takes for a part of the first name. */
  byteOrderMark(): void;
}>;

/** What to say of one. */
export const byteOrderMark = {
  text: "the file begins with a byte order mark, which Postfix takes for a part of its first word: that line is not used",
  remedy: "save it as UTF-8 without byte order mark",
} as const;

export function readLogicalLines(text: string, reader: LineReader): void {
  let pending: { text: string; line: number; pieces?: Piece[] } | undefined;
  let number = 0;
  if (text.charCodeAt(0) === 0xfeff) reader.byteOrderMark();
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const content = skipSpace(text, start, end);
    const indented = content > start;
    number += 1;
    if (content < end && text.charCodeAt(content) !== hash) {
      const physical = text.slice(start, end);
      if (!indented) {
        if (pending !== undefined) reader.line(pending);
        pending = { text: physical, line: number };
      } else if (pending === undefined) {
        reader.indented(number, physical.trim());
      } else {
        pending.pieces ??= [{ offset: 0, line: pending.line }];
        pending.pieces.push({ offset: pending.text.length, line: number });
        pending.text += physical;
      }
    }
    start = end + 1;
  }
  if (pending !== undefined) reader.line(pending);
}

/** Where a character of a logical line stands in the file. */
export function placeIn(file: string, { line, pieces }: LogicalLine, offset: number): Place {
  const piece = pieces?.findLast((candidate) => candidate.offset <= offset);
  if (piece === undefined) return { file, line, column: offset + 1 };
  return { file, line: piece.line, column: offset - piece.offset + 1 };
}

const hash = 35;

/** White space as C has it: blank, tab, line feed, vertical tab, form feed, carriage return. */
export function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** The first offset from `from` up to `to` that is no white space. */
export function skipSpace(text: string, from: number, to = text.length): number {
  let at = from;
  while (at < to && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** The first white space from `from` on, or the end. */
export function skipWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** The text from an offset on, without white space at its ends. */
export function trimmed(text: string, from = 0): string {
  let end = text.length;
  while (end > from && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(skipSpace(text, from, end), end);
}
