/**
 * A report as JSON (`schema/report-tls.schema.json`), as CSV and as a table for people. Pure.
 * Names that peers chose are escaped in each of them, whatever the store holds (standards.md AT-28).
 */
import { styleText } from "node:util";
import { writeForeign } from "../logs/powermta/csv-cell.ts";
import { escapeText } from "../mail/escape.ts";
import { reasonTable } from "../policy/reasons.ts";
import {
  type CountName,
  countNames,
  type Figures,
  type Grouping,
  protocolsByStrength,
  type Report,
  type ReportRow,
  weakestPlace,
} from "../queue/tls-report.ts";
import { rightAligned, table } from "./table.ts";

/** What a report is about; times in ms since 1970. */
export type ReportFrame = Readonly<{ by: Grouping; since: number; until: number }>;

const shares = ["encrypted", "trusted", "verified", "clear", "failed", "unsent"] as const;

/** How a row is called whose attempts have no such thing. */
const nameless: Readonly<Record<Grouping, string>> = {
  domain: "(no domain)",
  mx: "(no host)",
  binding: "(no binding)",
  protocol: "(no TLS)",
  cipher: "(no TLS)",
  group: "(no TLS)",
  rule: "(no rule)",
  reason: "(no reason)",
};

function count(figures: Figures, name: CountName): number {
  return figures[countNames.indexOf(name)] ?? 0;
}

function weakest(figures: Figures): string | null {
  return protocolsByStrength[figures[weakestPlace] ?? -1] ?? null;
}

function sentence({ by }: ReportFrame, key: string | null): string {
  const entry = Object.entries(reasonTable).find(([code]) => by === "reason" && code === key);
  return entry?.[1].text ?? "";
}

/** `others` is null when every row is there. */
export function reportJson(frame: ReportFrame, { rows, others, total }: Report): unknown {
  const { since, until, by } = frame;
  return {
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    by,
    rows: rows.map(({ key, figures }) => ({
      key: key === null ? null : escapeText(key, 1024),
      ...(by === "reason" ? { text: sentence(frame, key) } : {}),
      ...figuresJson(figures),
      weakest: weakest(figures),
    })),
    others: others.keys === 0 ? null : { keys: others.keys, exact: others.exact, ...figuresJson(others.figures) },
    total: { ...figuresJson(total), weakest: weakest(total) },
  };
}

/** Shares are of the attempts, from 0 to 1, to four places. */
function figuresJson(figures: Figures): Record<string, unknown> {
  const attempts = Math.max(1, count(figures, "attempts"));
  const share = shares.map((name) => [name, Math.round((count(figures, name) / attempts) * 1e4) / 1e4] as const);
  return {
    ...Object.fromEntries(countNames.map((name) => [name, count(figures, name)])),
    share: Object.fromEntries(share),
  };
}

/** One line a row, then what is not shown and the total, told apart by the first column. */
export function reportCsv(frame: ReportFrame, { rows, others, total }: Report): string {
  const line = (kind: string, key: string, figures: Figures, ...more: string[]): string =>
    [kind, key, ...countNames.map((name) => String(count(figures, name))), weakest(figures) ?? "", ...more].join(",");
  const hasText = frame.by === "reason";
  const lines = [
    ["kind", frame.by, ...countNames, "weakest", ...(hasText ? ["text"] : [])].join(","),
    ...rows.map(({ key, figures }) =>
      line(
        "row",
        key === null ? "" : writeForeign(escapeText(key, 1024)),
        figures,
        ...(hasText ? [writeForeign(sentence(frame, key))] : []),
      ),
    ),
  ];
  if (others.keys > 0) lines.push(line("others", String(others.keys), others.figures, ...(hasText ? [""] : [])));
  lines.push(line("total", "", total, ...(hasText ? [""] : [])));
  return lines.map((one) => `${one}\n`).join("");
}

const heads = ["ATTEMPTS", "ENCRYPTED", "TRUSTED", "VERIFIED", "CLEAR", "FAILED", "WOULD FAIL", "UNSENT", "WEAKEST"];

export function reportText(frame: ReportFrame, { rows, others, total }: Report): string {
  const { by, since, until } = frame;
  const lines = rows.map(({ key, figures }) => [nameOf(frame, key), ...cells(figures), sentence(frame, key)]);
  if (others.keys > 0) {
    const how = others.exact ? "" : "up to ";
    lines.push([`(${how}${thousands(others.keys)} more)`, ...cells(others.figures), ""]);
  }
  lines.push([styleText("bold", "total", { stream: process.stdout }), ...cells(total), ""]);
  const numbers = rightAligned([heads, ...lines.map((line) => line.slice(1, -1))]);
  const [head = [], ...aligned] = numbers;
  const body = lines.map((line, row) => [line[0] ?? "", ...(aligned[row] ?? []), line.at(-1) ?? ""]);
  const attempts = count(total, "attempts");
  return (
    `${thousands(attempts)} ${attempts === 1 ? "attempt" : "attempts"} from ${minute(since)} to ${minute(until)} UTC\n\n` +
    table([by.toUpperCase(), ...head, by === "reason" ? "MEANS" : ""], body)
  );
}

function nameOf({ by }: ReportFrame, key: ReportRow["key"]): string {
  return key === null ? nameless[by] : escapeText(key, by === "rule" ? 80 : 64);
}

function cells(figures: Figures): string[] {
  const attempts = count(figures, "attempts");
  const oldest = weakest(figures);
  const isOld = oldest !== null && protocolsByStrength.indexOf(oldest) < protocolsByStrength.indexOf("TLSv1.2");
  return [
    thousands(attempts),
    ...(["encrypted", "trusted", "verified"] as const).map((name) => percent(count(figures, name), attempts)),
    alarm("yellow", amount(count(figures, "clear"), attempts)),
    alarm("red", amount(count(figures, "failed"), attempts)),
    alarm("yellow", amount(count(figures, "wouldFail"), attempts)),
    amount(count(figures, "unsent"), attempts),
    isOld ? alarm("yellow", oldest) : (oldest ?? "-"),
  ];
}

function alarm(colour: "red" | "yellow", text: string): string {
  return text === "-" ? text : styleText(colour, text, { stream: process.stdout });
}

function amount(part: number, all: number): string {
  return part === 0 ? "-" : `${thousands(part)} ${percent(part, all).padStart(5)}`;
}

/** Never 100% of less than all, and never 0% of more than none. */
function percent(part: number, all: number): string {
  if (part === 0) return "-";
  if (part === all) return "100%";
  const value = Math.floor((part / all) * 1000) / 10;
  return value === 0 ? "<0.1%" : `${value.toFixed(1)}%`;
}

function thousands(value: number): string {
  return value.toLocaleString("en-US");
}

function minute(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace("T", " ");
}
