/**
 * The report as anybody would count it who has all records before him: nothing of the tally's code is used.
 */
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import {
  type CountName,
  compareRows,
  countNames,
  type Figures,
  type Grouping,
  noProtocol,
  protocolsByStrength,
  type ReportRow,
  weakestPlace,
} from "../../src/queue/tls-report.ts";

type Met = Pick<AttemptRecord, "mx" | "address" | "tls" | "rule" | "failure">;

function namesOf(met: Met): CountName[] {
  const names: CountName[] = ["attempts"];
  const { failure, tls } = met;
  const achieved = tls?.achieved ?? "none";
  const inMessage = ["mail", "rcpt", "data", "body", "final-dot"].includes(failure?.stage ?? "");
  if (failure?.kind === "tls" || failure?.kind === "rule") names.push("failed");
  else if (failure !== null && !(inMessage && /^(refused|broken)$/.test(failure.kind))) names.push("unsent");
  else if (achieved === "none") names.push("clear");
  else names.push("encrypted");
  if (names.includes("encrypted") && achieved !== "encrypted") names.push("trusted");
  if (names.includes("encrypted") && achieved === "verified") names.push("verified");
  if (tls?.monitor === "would-fail") names.push("wouldFail");
  return names;
}

function keysOf(record: AttemptRecord, met: Met, by: Grouping): (string | null)[] {
  const { rule, tls } = met;
  switch (by) {
    case "domain":
      return [record.to.split("@")[1]?.toLowerCase() ?? null];
    case "mx":
      return [met.mx ?? (met.address && `[${met.address}]`)];
    case "rule":
      return [rule && (rule.file === null ? rule.source : `${rule.file}:${rule.line}`)];
    case "binding":
      return [record.binding];
    case "reason":
      return record.reasons.length === 0 ? [null] : [...new Set(record.reasons.map(({ code }) => code))];
    default:
      return [tls?.[by] ?? null];
  }
}

export type CountedByHand = Readonly<{ rows: readonly ReportRow[]; total: Figures }>;

/** All rows, in order. */
export function countByHand(
  records: readonly AttemptRecord[],
  by: Grouping,
  since: number,
  until: number,
): CountedByHand {
  const rows = new Map<string | null, number[]>();
  const total = [...countNames.map(() => 0), noProtocol];
  const add = (figures: number[], names: readonly CountName[], { tls }: Met) => {
    for (const name of names) figures[countNames.indexOf(name)] = (figures[countNames.indexOf(name)] ?? 0) + 1;
    const strength = protocolsByStrength.indexOf(tls?.protocol ?? "");
    if (strength >= 0) figures[weakestPlace] = Math.min(figures[weakestPlace] ?? noProtocol, strength);
  };
  const addRow = (key: string | null, names: readonly CountName[], met: Met) => {
    const figures = rows.get(key) ?? [...countNames.map(() => 0), noProtocol];
    add(figures, names, met);
    rows.set(key, figures);
  };
  const once = new Map(records.toReversed().map((record) => [record.id, record]));
  for (const record of once.values()) {
    const time = Date.parse(record.time);
    if (time < since || time >= until) continue;
    const { event } = record;
    const names = [...namesOf(record), event === "failed" || event === "expired" ? "bounced" : event] as CountName[];
    add(total, names, record);
    for (const key of keysOf(record, record, by)) addRow(key, names, record);
    if (by === "mx")
      for (const met of record.earlier) for (const key of keysOf(record, met, by)) addRow(key, namesOf(met), met);
  }
  return { rows: [...rows].map(([key, figures]) => ({ key, figures })).sort(compareRows), total };
}
