/**
 * The obsolete `smtp_tls_per_site`: NONE, MAY, MUST_NOPEERMATCH, MUST by next-hop and then by MX host (1.9 of the
 * reference). What two answers make together: verify over encrypt over none over may; `may` gives way to a stronger
 * global level.
 */
import type { TlsLevel } from "../../rules.ts";
import type { LookupTable, TableHit } from "./lookup-table.ts";
import { askAll } from "./policy-table.ts";

export type SiteAnswer =
  | Readonly<{ kind: "found"; level: TlsLevel; hit: TableHit }>
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "error"; text: string }>;

const siteLevels: ReadonlyMap<string, TlsLevel> = new Map([
  ["NONE", "none"],
  ["MAY", "may"],
  ["MUST_NOPEERMATCH", "encrypt"],
  ["MUST", "verify"],
]);

/** In any case; `undefined` for anything else. */
export function parseSiteLevel(text: string): TlsLevel | undefined {
  return siteLevels.get(text.trim().toUpperCase());
}

/** The weakest first. */
const strength: readonly TlsLevel[] = ["may", "none", "encrypt", "verify"];

/** @param names the next-hop, then the MX host where it is known. */
export function lookUpSite(tables: readonly LookupTable[], names: readonly string[]): SiteAnswer {
  let best: SiteAnswer = { kind: "none" };
  for (const name of names) {
    const answer = askAll(tables, name);
    if (answer.kind === "none") continue;
    if (answer.kind === "error") return answer;
    const level = parseSiteLevel(answer.hit.value);
    if (level === undefined) return { kind: "error", text: `unknown TLS policy '${answer.hit.value}' for ${name}` };
    if (best.kind === "none" || strength.indexOf(level) > strength.indexOf(best.level)) {
      best = { kind: "found", level, hit: answer.hit };
    }
  }
  return best;
}
