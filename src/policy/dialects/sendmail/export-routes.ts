/**
 * The mailer table and the smart host as our transport rules.
 */
import { parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import type { Origin } from "../../rules.ts";
import type { ExportedRule, RoutingAnswer } from "../dialect.ts";
import type { Setting } from "./configuration.ts";
import type { TableEntry } from "./routing.ts";
import { originOf } from "./setup.ts";

export function exportTable(file: string, entries: ReadonlyMap<string, TableEntry>): readonly ExportedRule[] {
  return [...entries].map(([key, { entry, destination }]): ExportedRule => {
    const from: Origin = { source: "sendmail", file, line: entry.line, column: 1, scope: `mailertable ${entry.key}` };
    const written = `${entry.key} ${entry.value.trim()}`;
    const pattern = patternOf(key);
    const answer = destination.kind === "answer" ? destination.answer : undefined;
    if (pattern !== undefined && answer?.kind === "nexthops")
      return { kind: "route", pattern, nexthops: answer.nexthops, from, written };
    const why = answer === undefined ? "no hosts that a transport rule could name" : "a transport rule refuses nothing";
    return { kind: "cannot", from, written, why };
  });
}

export function exportSmartHost(
  setting: Setting | undefined,
  answer: RoutingAnswer | undefined,
): readonly ExportedRule[] {
  if (setting === undefined || answer?.kind !== "nexthops") return [];
  const from = originOf(setting, "SMART_HOST");
  return [{ kind: "route", pattern: { kind: "any" }, nexthops: answer.nexthops, from, written: setting.value }];
}

/** A key without a dot in front is that domain alone. */
function patternOf(key: string): DomainPattern | undefined {
  if (key === ".") return { kind: "any" };
  const below = key.startsWith(".");
  const domain = parseDomain(below ? key.slice(1) : key);
  return domain === undefined ? undefined : { kind: below ? "below" : "exact", domain };
}
