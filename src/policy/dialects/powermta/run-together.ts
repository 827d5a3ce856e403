/**
 * Lines that a web page ran together: it turned the quotes into typographic ones and lost line breaks on the way, as in
 * the example that PowerMTA's users copy (reference, section 1.1). What follows a typographic closing quote and begins
 * with the name of a directive or with a section's tag was a line of its own. Behind a straight quote nothing is mended.
 */
import type { CleanLine } from "./lines.ts";
import { scopesOf } from "./options.ts";
import { sectionNames } from "./section-names.ts";
import { quotedPlaces } from "./tags.ts";

/** The lines that it was, from left to right; a line that is whole stays as it is. */
export function separated(line: CleanLine): readonly CleanLine[] {
  const { text, column, findings } = line;
  const marks = findings.filter(({ kind }) => kind === "typographic");
  if (marks.length === 0) return [line];
  const quoted = quotedPlaces(text);
  const starts = marks.flatMap((mark) => {
    const behind = mark.column - column + 1;
    if (quoted[behind] !== 0 || !beginsLine(text.slice(behind))) return [];
    return [behind + text.slice(behind).search(/\S/)];
  });
  if (starts.length === 0) return [line];
  return [0, ...starts].map((start, at): CleanLine => {
    const end = starts[at] ?? text.length;
    const own = findings.filter((finding) => finding.column >= column + start && finding.column < column + end);
    return { text: text.slice(start, end).trimEnd(), column: column + start, findings: own };
  });
}

/** A name with a value behind it, or a whole tag. */
function beginsLine(rest: string): boolean {
  const tag = /^\s*<\/?([a-z-]+)[\s>]/i.exec(rest)?.[1];
  if (tag !== undefined) return sectionNames.has(tag.toLowerCase());
  const name = /^\s+([a-z][a-z0-9.-]*)\s+\S/i.exec(rest)?.[1];
  return name !== undefined && scopesOf(name.toLowerCase()).length > 0;
}
