/**
 * Times as commands take them: an age (`30m`, `4h`, `7d`) or, where a moment is meant, a date.
 */
const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

/** @returns ms, or `undefined` when it is no number with s, m, h, d or w */
export function readAge(text: string): number | undefined {
  const [, amount, unit = ""] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * (unitMs[unit] ?? 0);
}

/**
 * So long ago, or a date with or without a time: UTC unless it names another zone.
 *
 * @returns ms since 1970, or `undefined` when it is neither
 */
export function readMoment(text: string, now: number): number | undefined {
  const age = readAge(text);
  if (age !== undefined) return now - age;
  const [, day, time = "T00:00", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)([T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const moment = day === undefined ? Number.NaN : Date.parse(`${day}${time.replace(" ", "T")}${zone}`);
  return Number.isNaN(moment) ? undefined : moment;
}
