/**
 * Where a rule stands, for columns and lines: `/etc/letterlock/letterlock.yaml:14`. What holds where nothing is written
 * has a file at most, or only a source.
 */
type Place = Readonly<{ source: string; file: string | null; line: number | null }>;

/** @returns nothing where no rule decided */
export function placeOfRule(rule: Place | null): string {
  if (rule === null) return "";
  const { source, file, line } = rule;
  if (file === null) return source;
  return line === null ? file : `${file}:${line}`;
}
