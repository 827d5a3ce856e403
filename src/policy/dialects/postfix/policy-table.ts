/**
 * The look-up in `smtp_tls_policy_maps` (Postfix: KEY-1 to KEY-16).
 *
 * The key is the next-hop exactly as routing wrote it; if that is a host name, its parents follow, each with a leading
 * dot. Every key is asked of all tables in order, pattern tables included (KEY-11). The first answer ends it, and so
 * does a table that cannot answer: that is never "no policy".
 */
import { formatNexthop, type Nexthop } from "../../../mail/nexthop.ts";
import { isHostName } from "./host-name.ts";
import type { LookupTable, TableHit } from "./lookup-table.ts";

export type PolicyAnswer =
  | Readonly<{ kind: "found"; key: string; table: LookupTable; hit: TableHit }>
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "error"; key: string; table: LookupTable; text: string }>;

/** What routing wrote; where nothing was written, the recipient's domain or literal (KEY-3, KEY-7). */
export function policyKey(nexthop: Nexthop): string {
  if (nexthop.written !== undefined) return nexthop.written;
  const text = formatNexthop(nexthop);
  const ipv6 = nexthop.kind === "host" && nexthop.isIp && nexthop.host.includes(":");
  return ipv6 ? text.replace("[", "[IPv6:") : text;
}

/** The key, then `.parent`s, the shortest last (KEY-8). */
export function keysToAsk(key: string): readonly string[] {
  if (!isHostName(key)) return [key];
  const keys = [key];
  for (let dot = key.indexOf("."); dot >= 0; dot = key.indexOf(".", dot + 1)) keys.push(key.slice(dot));
  return keys;
}

export function lookUpPolicy(tables: readonly LookupTable[], key: string): PolicyAnswer {
  for (const one of keysToAsk(key)) {
    const answer = askAll(tables, one);
    if (answer.kind !== "none") return answer;
  }
  return { kind: "none" };
}

/** Any list of tables: the first that has the key, or fails, answers. An empty result is a failure (KEY-16). */
export function askAll(tables: readonly LookupTable[], key: string): PolicyAnswer {
  for (const table of tables) {
    const answer = table.lookup(key);
    if (answer.kind === "error") return { kind: "error", key, table, text: answer.text };
    if (answer.kind === "none") continue;
    if (answer.hit.value === "") return { kind: "error", key, table, text: "an empty result" };
    return { kind: "found", key, table, hit: answer.hit };
  }
  return { kind: "none" };
}
