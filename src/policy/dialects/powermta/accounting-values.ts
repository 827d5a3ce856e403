/**
 * Values of `<acct-file>` directives (reference, section 1.2).
 */

const unitMs: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
};

/** TIME-INTERVAL such as `1w2d12h`, in ms; `undefined`: it is none. */
export function parseInterval(text: string): number | undefined {
  if (!/^(?:\d{1,9}[wdhms])+$/i.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([a-z])/gi)];
  return parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (unitMs[unit.toLowerCase()] ?? 0), 0);
}

const unitBytes: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** SIZE such as `250M`, in bytes; a bare number is one of bytes. */
export function parseBytes(text: string): number | undefined {
  const [, count, unit = "b"] = /^(\d{1,15})([bkmgt])?$/i.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (unitBytes[unit.toLowerCase()] ?? 1);
}

/** Items of a LIST; blanks around them are of no account. */
export function listItems(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}
