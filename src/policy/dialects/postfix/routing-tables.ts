/**
 * The parameters that choose next-hops, read into what `transport.ts` asks, and every next-hop that they can come to.
 */
import type { SourceFiles } from "../dialect.ts";
import type { Setting, View } from "./configuration.ts";
import type { KnownNexthops } from "./dead-lines.ts";
import { type DomainList, type DomainListEntry, keysOf } from "./domain-list.ts";
import type { LookupTable } from "./lookup-table.ts";
import { splitNexthops } from "./nexthop-text.ts";
import type { Services } from "./services.ts";
import type { TableOpener } from "./table-opener.ts";
import { splitTableList } from "./table-spec.ts";
import type { RoutingTables } from "./transport.ts";

export function readRoutingTables(
  view: View,
  services: Services,
  tables: TableOpener,
  files: SourceFiles,
): RoutingTables {
  const text = (name: string): string => view.setting(name).value;
  const subdomains = view.list("parent_domain_matches_subdomains");
  const list = (name: string): DomainList => ({
    entries: readDomainList(view, view.setting(name), tables, files),
    withSubdomains: subdomains.includes(name),
  });
  return {
    services: services.transports,
    transportMaps: tables.open(view, "transport_maps"),
    bareParents: subdomains.includes("transport_maps"),
    senderRelayhost: tables.open(view, "sender_dependent_relayhost_maps"),
    senderTransport: tables.open(view, "sender_dependent_default_transport_maps"),
    emptySenderRelayhostKey: text("empty_address_relayhost_maps_lookup_key"),
    emptySenderTransportKey: text("empty_address_default_transport_maps_lookup_key"),
    relayhost: text("relayhost"),
    defaultTransport: text("default_transport"),
    relayTransport: text("relay_transport"),
    localTransport: text("local_transport"),
    virtualTransport: text("virtual_transport"),
    localDomains: list("mydestination"),
    virtualAliasDomains: list("virtual_alias_domains"),
    virtualMailboxDomains: list("virtual_mailbox_domains"),
    relayDomains: list("relay_domains"),
    delimiter: text("recipient_delimiter"),
  };
}

/** Names, `.name`, `!name`, `/file`, `type:table`. A file that cannot be read is a table that never answers. */
function readDomainList(view: View, setting: Setting, tables: TableOpener, files: SourceFiles): DomainListEntry[] {
  return splitTableList(setting.value).flatMap((word) => readDomainWord(word, view, setting, tables, files, 0));
}

function readDomainWord(
  word: string,
  view: View,
  setting: Setting,
  tables: TableOpener,
  files: SourceFiles,
  depth: number,
): DomainListEntry[] {
  const negated = word.startsWith("!");
  const text = negated ? word.slice(1) : word;
  if (text.startsWith("/") && depth < 8) {
    const answer = files.read(text);
    if (answer.kind === "failed") return [{ kind: "table", table: failing(text, answer.reason), negated }];
    return answer.text
      .split("\n")
      .filter((line) => !/^\s*#/.test(line))
      .flatMap((line) => line.split(/[\s,]+/))
      .filter((one) => one !== "")
      .flatMap((one) => readDomainWord(negated ? `!${one}` : one, view, setting, tables, files, depth + 1));
  }
  if (/^[a-z]+:/i.test(text)) {
    const mailboxes = setting.name !== "relay_domains";
    const table = mailboxes ? tables.openForMailboxes(view, text, setting) : tables.openOne(view, text, setting);
    return table === undefined ? [] : [{ kind: "table", table, negated }];
  }
  return [{ kind: "name", name: text.toLowerCase(), negated }];
}

function failing(spec: string, text: string): LookupTable {
  return { spec, type: "file", kind: "unusable", lookup: () => ({ kind: "error", text }), entries: () => [] };
}

/** The next-hop texts that transport entries, relay hosts, filters and fallback relays write. */
export function knownNexthops(view: View, routing: RoutingTables, services: Services): KnownNexthops {
  const keys = new Set<string>();
  const ownMx = new Set<string>();
  const choices = new Map<string, { transport: string; nexthop: string }>();
  const add = (text: string, transport = "smtp"): void => {
    for (const nexthop of splitNexthops(text.toLowerCase())) {
      keys.add(nexthop);
      choices.set(`${transport}:${nexthop}`, { transport, nexthop });
    }
  };
  const addTransport = (text: string): void => {
    const transport = transportPart(text);
    if (services.transports.get(transport)?.program === "smtp") add(nexthopPart(text), transport);
  };
  for (const table of routing.transportMaps) {
    for (const { key, hit } of table.entries()) {
      const domain = key.replace(/^.*@/, "").toLowerCase();
      if (nexthopPart(hit.value) !== "") addTransport(hit.value);
      else {
        ownMx.add(domain);
        choices.set(`${hit.value}${domain}`, { transport: transportPart(hit.value), nexthop: domain });
      }
    }
  }
  const fallThrough = transportPart(routing.defaultTransport);
  for (const table of routing.senderRelayhost) for (const { hit } of table.entries()) add(hit.value, fallThrough);
  for (const table of routing.senderTransport) for (const { hit } of table.entries()) addTransport(hit.value);
  add(routing.relayhost, fallThrough);
  const { defaultTransport, relayTransport, localTransport, virtualTransport } = routing;
  for (const text of [defaultTransport, relayTransport, localTransport, virtualTransport]) addTransport(text);
  for (const { view: one } of [{ view }, ...services.listeners]) addTransport(one.setting("content_filter").value);
  for (const { name, fallback } of services.transports.values()) add(fallback, name);
  const everything = everythingTo(routing);
  // Only asked for where a relay host takes everything.
  const below = everything === undefined ? [] : [...keys, ...ownMx];
  const parents = new Set(below.flatMap((name) => keysOf(name, false).slice(1)));
  return {
    keys,
    ownMx,
    parents,
    choices: [...choices.values(), ...relayChoices(routing)],
    everythingTo: everything,
    open: isOpen(routing),
  };
}

/** Relay domains that go to their own MX, through relay_transport. */
function relayChoices({ relayDomains, relayTransport, relayhost }: RoutingTables): KnownNexthops["choices"] {
  if (relayhost !== "" || nexthopPart(relayTransport) !== "") return [];
  const transport = transportPart(relayTransport);
  return relayDomains.entries.flatMap((entry) => {
    if (entry.kind === "name") return [{ transport, nexthop: entry.name }];
    return entry.table.kind === "fixed" ? entry.table.entries().map(({ key }) => ({ transport, nexthop: key })) : [];
  });
}

function transportPart(entry: string): string {
  return entry.slice(0, Math.max(0, entry.indexOf(":"))) || (entry.includes(":") ? "smtp" : entry);
}

function nexthopPart(entry: string): string {
  const colon = entry.indexOf(":");
  return colon < 0 ? "" : entry.slice(colon + 1).trim();
}

function everythingTo(routing: RoutingTables): string | undefined {
  for (const table of routing.transportMaps) {
    const any = table.kind === "fixed" ? table.lookup("*") : undefined;
    if (any?.kind === "found" && nexthopPart(any.hit.value) !== "") return `* = ${any.hit.value}`;
  }
  if (nexthopPart(routing.defaultTransport) !== "") return `default_transport = ${routing.defaultTransport}`;
  return routing.relayhost === "" ? undefined : `relayhost = ${routing.relayhost}`;
}

/** Patterns write next-hops that no list shows; senders may be sent past the relay host. */
function isOpen({ transportMaps, senderRelayhost, senderTransport }: RoutingTables): boolean {
  const byPattern = [...transportMaps, ...senderRelayhost, ...senderTransport].some(({ kind }) => kind !== "fixed");
  const dunno = senderRelayhost.some((table) => table.entries().some(({ hit }) => hit.value.toUpperCase() === "DUNNO"));
  return byPattern || dunno;
}
