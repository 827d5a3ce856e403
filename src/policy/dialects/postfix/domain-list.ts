/**
 * Lists that say which domains are meant (`relay_domains`, `mydestination`, `virtual_mailbox_domains`): names, `.name`,
 * `!name`, `/file` with more of them, `type:table` by key (Postfix: postconf(5) on `relay_domains`, `mydestination`).
 */
import type { LookupTable } from "./lookup-table.ts";

export type DomainListEntry =
  | Readonly<{ kind: "name"; name: string; negated: boolean }>
  | Readonly<{ kind: "table"; table: LookupTable; negated: boolean }>;

export type DomainList = Readonly<{
  entries: readonly DomainListEntry[];
  /** `example.com` covers its subdomains too (`parent_domain_matches_subdomains`). */
  withSubdomains: boolean;
}>;

export type ListAnswer = "listed" | "not-listed" | "error";

/** The first entry that fits decides; a negated one takes the domain out. */
export function isListed(list: DomainList, domain: string): ListAnswer {
  for (const entry of list.entries) {
    const fits = entry.kind === "name" ? nameFits(entry.name, domain, list) : tableFits(entry.table, domain, list);
    if (fits === "error") return "error";
    if (fits) return entry.negated ? "not-listed" : "listed";
  }
  return "not-listed";
}

function nameFits(name: string, domain: string, { withSubdomains }: DomainList): boolean {
  if (name === domain) return true;
  if (withSubdomains) return domain.endsWith(`.${name}`);
  return name.startsWith(".") && domain.endsWith(name);
}

function tableFits(table: LookupTable, domain: string, { withSubdomains }: DomainList): boolean | "error" {
  for (const key of keysOf(domain, withSubdomains)) {
    const answer = table.lookup(key);
    if (answer.kind === "error") return "error";
    if (answer.kind === "found") return true;
    if (table.kind !== "fixed" && table.kind !== "constant") return false;
  }
  return false;
}

/** The domain, then its parents: as they are, or with a leading dot. */
export function keysOf(domain: string, bareParents: boolean): readonly string[] {
  const keys = [domain];
  for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
    keys.push(domain.slice(bareParents ? dot + 1 : dot));
  }
  return keys;
}
