/**
 * The recipient domains that Postfix takes mail for from anybody, as patterns (Postfix: postconf(5) on
 * `permit_auth_destination`; TR-5).
 *
 * Letterlock has no mailboxes: of the local and virtual domains those count that a transport by SMTP takes elsewhere. What
 * a pattern cannot say (`!name`, regular expressions) is left out, and a note says so: its mail comes in from clients that
 * may relay alone.
 */
import { type DomainPattern, parseDomainPattern } from "../../../mail/domain-pattern.ts";
import { parseMailbox } from "../../../smtp/path.ts";
import type { RoutingSource } from "../dialect.ts";
import type { View } from "./configuration.ts";
import type { DomainList } from "./domain-list.ts";
import type { Notes } from "./lints.ts";
import type { RoutingTables } from "./transport.ts";

export function readRelayDomains(
  view: View,
  tables: RoutingTables,
  routing: RoutingSource,
  notes: Notes,
): readonly DomainPattern[] {
  const withMailboxes: readonly (readonly [name: string, list: DomainList])[] = [
    ["mydestination", tables.localDomains],
    ["virtual_alias_domains", tables.virtualAliasDomains],
    ["virtual_mailbox_domains", tables.virtualMailboxDomains],
  ];
  const elsewhere = withMailboxes.flatMap(([name, list]) => {
    const patterns = patternsOf(view, name, list, notes);
    const [relayed, kept] = [true, false].map((want) => patterns.filter((one) => isRelayed(one, routing) === want));
    if ((kept ?? []).length > 0 && !view.setting(name).isDefault) {
      const text = `${name}: mail that would need a mailbox here is not taken from clients that may not relay`;
      notes.add("differs", view.setting(name).from, text, "give such a domain a transport by SMTP");
    }
    return relayed ?? [];
  });
  return [...patternsOf(view, "relay_domains", tables.relayDomains, notes), ...elsewhere];
}

function patternsOf(view: View, name: string, list: DomainList, notes: Notes): readonly DomainPattern[] {
  const { from } = view.setting(name);
  const leftOut = (what: string): void => {
    const text = `${name}: ${what} cannot be said as a pattern: its domains are not taken from clients that may not relay`;
    notes.add("differs", from, text, "list the domains in a hash or texthash table");
  };
  const patterns: DomainPattern[] = [];
  for (const entry of list.entries) {
    if (entry.negated) {
      // What comes behind it might be what it takes out.
      leftOut(`"!" and what stands behind it`);
      break;
    }
    if (entry.kind === "name") patterns.push(...covered(entry.name, list.withSubdomains));
    else if (entry.table.kind === "constant") patterns.push({ kind: "any" });
    else if (entry.table.kind !== "fixed") leftOut(entry.table.spec);
    else for (const { key } of entry.table.entries()) patterns.push(...covered(key.toLowerCase(), list.withSubdomains));
  }
  return patterns;
}

/** Address literals are no domains. */
function covered(name: string, withSubdomains: boolean): readonly DomainPattern[] {
  const texts = withSubdomains && !name.startsWith(".") ? [name, `.${name}`] : [name];
  return texts.flatMap((text) => parseDomainPattern(text) ?? []);
}

function isRelayed(pattern: DomainPattern, routing: RoutingSource): boolean {
  if (pattern.kind === "any") return false;
  const recipient = parseMailbox(`postmaster@${pattern.kind === "below" ? "x." : ""}${pattern.domain}`);
  if (recipient === undefined) return false;
  const answer = routing.route({ recipient, sender: undefined, binding: "default", bindingGroup: undefined });
  return answer === undefined || answer.kind === "nexthops";
}
