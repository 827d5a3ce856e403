/**
 * Lines of the access map that our own rules have no place for, each with the reason: keys that are no names, demands
 * that mean something else when written down, and all that concerns clients.
 */
import { parseDomain } from "../../../mail/domain.ts";
import type { Origin } from "../../rules.ts";
import type { ExportedRule } from "../dialect.ts";
import type { AccessMap, RequirementEntry, ValueEntry } from "./access-map.ts";
import { ownDemand } from "./export-demand.ts";
import type { EntryContext } from "./holding-entries.ts";
import { mayRelay } from "./relaying.ts";
import { originOf } from "./setup.ts";
import { isTurnedAway } from "./turned-away.ts";

/** A line and its origin. */
export type Written = Readonly<{ from: Origin; written: string }>;

type Entry = RequirementEntry | ValueEntry;

export function writtenOf({ access, from }: Entry): Written {
  return { from, written: `${access.key} ${access.value.trim()}` };
}

/** @param tables what is looked up for mail that goes out */
export function cannotExport(
  { map, setup, era, options }: EntryContext,
  tables: readonly ReadonlyMap<string, Entry>[],
): readonly ExportedRule[] {
  const found: ExportedRule[] = [];
  const cannot = (line: Written, why: string | undefined): void => {
    if (why !== undefined) found.push({ kind: "cannot", ...line, why });
  };
  for (const table of tables) {
    for (const [key, entry] of table) cannot(writtenOf(entry), whyNoScope(key, entry, options.dots) ?? whyOther(entry));
  }
  for (const entry of clientEntries(map)) cannot(writtenOf(entry), "what is asked of clients is said elsewhere here");
  const { inet, inet6 } = setup.neverStarttls;
  const off = inet ?? inet6;
  if (off !== undefined && (inet === undefined || inet6 === undefined)) {
    const line = { from: originOf(off, "CLIENT_OPTIONS"), written: off.value };
    cannot(line, `M=S is for ${inet === undefined ? "IPv6" : "IPv4"} alone, and our rules do not tell the two apart`);
  }
  if (era.defaultReply.code === 554) {
    cannot(
      { from: setup.from, written: "TLS_PERM_ERR" },
      "mail is returned as there, with the code 503 in place of 554",
    );
  }
  return found;
}

function whyNoScope(key: string, entry: Entry, dots: boolean): string | undefined {
  if (key === "") return undefined;
  if (key.startsWith(".") && !dots) return "it is never looked up without FEATURE(lookupdotdomain)";
  if (parseDomain(key.replace(/^\./, "")) !== undefined && !key.endsWith(".")) return undefined;
  if (key.includes("@")) return "our rules do not look at local parts";
  const isOfRecipient = "requirement" in entry && entry.requirement?.of === "recipient";
  return isOfRecipient ? "this is no domain" : "our rules know hosts by name, not by address";
}

function whyOther(entry: Entry): string | undefined {
  const requirement = "requirement" in entry ? entry.requirement : undefined;
  const own = requirement === undefined ? undefined : ownDemand(requirement);
  return typeof own === "string" ? `${own}; no mail goes there until it is written by hand` : undefined;
}

function clientEntries({ requirements, values, clients, recipients }: AccessMap): readonly Entry[] {
  const tables: readonly ReadonlyMap<string, Entry>[] = [
    requirements.tls_clt,
    values.srv_features,
    values.tls_srv_features,
    values.certissuer,
    values.certsubject,
  ];
  const whoMaySend = [
    ...[...clients.values()].filter((entry) => mayRelay(entry) || isTurnedAway(entry)),
    ...[...recipients.values()].filter(mayRelay),
  ].filter(({ access }) => !access.key.includes("@"));
  return [...tables.flatMap((table) => [...table.values()]), ...new Set(whoMaySend)];
}
