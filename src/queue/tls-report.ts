/**
 * The report on attempts: what may be asked of a shard, what it answers, and how the answers of several shards become
 * one. A shard answers with the rows that need attention most and with sums over all, so that an answer stays small
 * however many values there are.
 *
 * An attempt is one record: one recipient, tried once. Not here: how shards count (`sqlite/tally-scan.ts`), how a
 * report is printed (`../cli`).
 */

/** What attempts may be grouped by. */
export const groupings = ["domain", "mx", "binding", "protocol", "cipher", "group", "rule", "reason"] as const;
export type Grouping = (typeof groupings)[number];

/**
 * What is counted. `encrypted` (of these `trusted`, of these `verified`), `clear`, `failed` and `unsent` add up to
 * `attempts`, and so do `delivered`, `deferred` and `bounced`.
 */
export const countNames = [
  /** One recipient, tried once. */
  "attempts",
  /** The mail, or at least MAIL FROM, went through TLS. */
  "encrypted",
  "trusted",
  "verified",
  /** It went in clear text. */
  "clear",
  /** Nothing was sent: what the policy asks for could not be had. */
  "failed",
  /** Nothing was sent for another reason: no host found, unreachable, greeting refused, suspended ... */
  "unsent",
  /** Monitor mode let pass what an enforced rule would have refused. */
  "wouldFail",
  "delivered",
  "deferred",
  /** Given up: refused for good, or too old. */
  "bounced",
] as const;
export type CountName = (typeof countNames)[number];

/** TLS versions, weakest first. */
export const protocolsByStrength: readonly string[] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/** In the order of `countNames`; then the weakest version met, as its place in `protocolsByStrength`. */
export type Figures = readonly number[];

/** Where the weakest version stands in `Figures`; it is `noProtocol` where none was met. */
export const weakestPlace = countNames.length;
export const noProtocol = protocolsByStrength.length;
export const figureCount = countNames.length + 1;

/** `key` null: the attempt has no such thing (no host found, no TLS, no rule). */
export type ReportRow = Readonly<{ key: string | null; figures: Figures }>;

export type ReportQuery = Readonly<{
  by: Grouping;
  /** ms since 1970: records from `since` on, before `until`. */
  since: number;
  until: number;
  /** Most rows that are wanted. */
  limit: number;
  /** Only rows with these keys, all of them. */
  only?: readonly (string | null)[];
}>;

/** What one shard answers. */
export type ReportPart = Readonly<{
  /** Those that need attention most, in that order; or those asked for by `only`. */
  rows: readonly ReportRow[];
  /** How many rows there are in all. */
  keys: number;
  /** Sums over all rows: an attempt may stand in several (reasons, hosts met). */
  sum: Figures;
  /** Sums over all attempts. */
  total: Figures;
}>;

/** Several shards' answers as one. */
export type Report = Readonly<{
  rows: readonly ReportRow[];
  /** The rows that are not shown, without a weakest version. `exact` false: `keys` may count some once a shard. */
  others: Readonly<{ keys: number; exact: boolean; figures: Figures }>;
  total: Figures;
}>;

/** No attempts. */
export function noFigures(): number[] {
  const figures = new Array<number>(figureCount).fill(0);
  figures[weakestPlace] = noProtocol;
  return figures;
}

/** Adds `more` to `figures`. */
export function addFigures(figures: number[], more: ArrayLike<number>, from = 0): void {
  for (let place = 0; place < weakestPlace; place += 1) {
    figures[place] = (figures[place] ?? 0) + (more[from + place] ?? 0);
  }
  figures[weakestPlace] = Math.min(figures[weakestPlace] ?? noProtocol, more[from + weakestPlace] ?? noProtocol);
}

/** What comes first: failed by policy, would fail, mail in clear, the weakest version, then most attempts. */
const attention: readonly (readonly [place: number, sign: 1 | -1])[] = [
  [countNames.indexOf("failed"), -1],
  [countNames.indexOf("wouldFail"), -1],
  [countNames.indexOf("clear"), -1],
  [weakestPlace, 1],
  [countNames.indexOf("attempts"), -1],
];

/** Below 0 when the first needs attention more. Figures may lie anywhere in a larger array. */
export function compareAttention(one: ArrayLike<number>, other: ArrayLike<number>, from = 0, otherFrom = 0): number {
  for (const [place, sign] of attention) {
    const difference = (one[from + place] ?? 0) - (other[otherFrom + place] ?? 0);
    if (difference !== 0) return difference * sign;
  }
  return 0;
}

export function compareRows(one: ReportRow, other: ReportRow): number {
  const difference = compareAttention(one.figures, other.figures);
  if (difference !== 0) return difference;
  return (one.key ?? "") < (other.key ?? "") ? -1 : 1;
}

/**
 * @param ask puts a query to every shard
 * @returns figures that are exact. With several shards and far more values than `limit`, a value that no shard has
 *   among its own first rows is left to `others`.
 */
export async function wholeReport(
  query: ReportQuery,
  ask: (query: ReportQuery) => Promise<readonly ReportPart[]>,
): Promise<Report> {
  const parts = await ask({ ...query, limit: query.limit * 2 });
  const keys = parts.map((part) => part.keys);
  const cut = parts.some(({ rows }, shard) => rows.length < (keys[shard] ?? 0));
  if (!cut || parts.length === 1) return merged(parts, keys, query.limit);
  const only = [...new Set(parts.flatMap(({ rows }) => rows.map(({ key }) => key)))];
  return merged(await ask({ ...query, only }), keys, query.limit);
}

/** @param keys how many rows each shard has in all */
function merged(parts: readonly ReportPart[], keys: readonly number[], limit: number): Report {
  const rows = new Map<string | null, number[]>();
  for (const { key, figures } of parts.flatMap((part) => part.rows)) {
    const known = rows.get(key);
    if (known === undefined) rows.set(key, [...figures]);
    else addFigures(known, figures);
  }
  const sorted = [...rows].map(([key, figures]) => ({ key, figures })).sort(compareRows);
  const shown = sorted.slice(0, limit);
  const left = parts.map((part, shard) => Math.max(0, (keys[shard] ?? 0) - part.rows.length));
  return {
    rows: shown,
    others: {
      keys: sorted.length - shown.length + left.reduce((sum, one) => sum + one, 0),
      exact: left.filter((one) => one > 0).length < 2,
      figures: difference(sumOf(parts.map(({ sum }) => sum)), sumOf(shown.map(({ figures }) => figures))),
    },
    total: sumOf(parts.map(({ total }) => total)),
  };
}

function sumOf(all: readonly Figures[]): Figures {
  const sum = noFigures();
  for (const figures of all) addFigures(sum, figures);
  return sum;
}

/** The weakest version of what is left cannot be told from sums. */
function difference(all: Figures, part: Figures): Figures {
  return all.map((figure, place) => (place === weakestPlace ? noProtocol : figure - (part[place] ?? 0)));
}
