/**
 * The text of an access map, as `makemap` reads it: one entry a line, a key up to the first blank, then the value to the
 * end of the line. `#` in the first column is a comment; there are no comments behind a value and no continuations.
 * What `makemap` complains about is told by line and left out, as it does; the rest is read. Of two entries with one key
 * the first stays. Sendmail reference, sections 2 and 11.1.
 * Linear time, no throw.
 */

export type AccessEntry = Readonly<{
  /** As written. */
  key: string;
  /** As written, trailing blanks included. */
  value: string;
  /** 1-based. */
  line: number;
  column: number;
}>;

export type AccessFault = Readonly<{
  line: number;
  kind: "leading-blank" | "no-value" | "duplicate";
  key: string;
  value: string;
  /** Of the entry that stays, where this one is a duplicate. */
  first: AccessEntry | undefined;
}>;

export type AccessText = Readonly<{
  /** By key in lower case, in the order of the file. */
  entries: ReadonlyMap<string, AccessEntry>;
  faults: readonly AccessFault[];
  /** Below this line CanIt writes its own entries: what a human puts there may be lost. */
  canItMarker: number | undefined;
}>;

const marker = /DO NOT EDIT BELOW THIS LINE/i;

export function parseAccess(text: string): AccessText {
  const entries = new Map<string, AccessEntry>();
  const faults: AccessFault[] = [];
  let canItMarker: number | undefined;
  let line = 0;
  for (let start = 0; start < text.length; line += 1) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const first = text.charCodeAt(start);
    if (first === hash) {
      if (canItMarker === undefined && marker.test(text.slice(start, end))) canItMarker = line + 1;
    } else if (end > start) readLine(text, start, end, line + 1, entries, faults);
    start = end + 1;
  }
  return { entries, faults, canItMarker };
}

/** The same entries in the same order, without comments. */
export function printAccess({ entries }: Pick<AccessText, "entries">): string {
  return [...entries.values()].map(({ key, value }) => `${key}\t${value}\n`).join("");
}

const hash = 0x23;

function readLine(
  text: string,
  start: number,
  end: number,
  line: number,
  entries: Map<string, AccessEntry>,
  faults: AccessFault[],
): void {
  if (isBlank(text.charCodeAt(start))) {
    const [key = "", ...rest] = text.slice(start, end).trim().split(/\s+/);
    faults.push({ line, kind: "leading-blank", key, value: rest.join(" "), first: undefined });
    return;
  }
  let at = start;
  while (at < end && !isBlank(text.charCodeAt(at))) at += 1;
  const key = text.slice(start, at);
  while (at < end && isBlank(text.charCodeAt(at))) at += 1;
  const value = text.slice(at, end);
  if (value === "") {
    faults.push({ line, kind: "no-value", key, value, first: undefined });
    return;
  }
  const folded = key.toLowerCase();
  const first = entries.get(folded);
  if (first === undefined) entries.set(folded, { key, value, line, column: 1 });
  else faults.push({ line, kind: "duplicate", key, value, first });
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
