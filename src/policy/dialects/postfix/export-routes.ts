/**
 * Transport entries and relay hosts in our own terms: a pattern of domains and the next-hops in their order. What goes by
 * address, sender or pattern, and what is no relaying at all, cannot be said there and is listed as such.
 */
import { parseDomainPattern } from "../../../mail/domain-pattern.ts";
import type { Origin } from "../../rules.ts";
import type { ExportedRule } from "../dialect.ts";
import type { View } from "./configuration.ts";
import type { LookupTable } from "./lookup-table.ts";
import { originOf } from "./smtp-client.ts";
import { type RoutingTables, routeOfEntry } from "./transport.ts";

export function exportRoutes(view: View, routing: RoutingTables): readonly ExportedRule[] {
  return [
    ...routing.transportMaps.flatMap((table) => exportTable(view, table, routing)),
    ...exportSenders(view, routing),
    ...exportRelayhost(view, routing),
  ];
}

function exportTable(view: View, table: LookupTable, routing: RoutingTables): ExportedRule[] {
  if (table.kind !== "fixed") {
    const { from } = view.setting("transport_maps");
    return [cannot(from, table.spec, "patterns over whole addresses have no counterpart")];
  }
  return table.entries().map(({ key, hit }) => {
    const from = originOf(hit, `transport ${key}`);
    return exportEntry(key, hit.value, from, hit.from.written, routing);
  });
}

function exportEntry(key: string, value: string, from: Origin, written: string, routing: RoutingTables): ExportedRule {
  const pattern = parseDomainPattern(key);
  if (pattern === undefined) return cannot(from, written, "routes of single addresses have no counterpart");
  const answer = routeOfEntry(routing, value);
  if (answer === undefined) return cannot(from, written, "it leads to each domain's own MX, past wider routes");
  if (answer.kind !== "nexthops") return cannot(from, written, answer.text);
  return { kind: "route", pattern, nexthops: answer.nexthops, from, written };
}

function exportSenders(view: View, { senderRelayhost, senderTransport }: RoutingTables): ExportedRule[] {
  return [
    ["sender_dependent_relayhost_maps", senderRelayhost] as const,
    ["sender_dependent_default_transport_maps", senderTransport] as const,
  ].flatMap(([name, tables]) => {
    const { from, value } = view.setting(name);
    return tables.length === 0 ? [] : [cannot(from, `${name} = ${value}`, "routes by sender have no counterpart")];
  });
}

function exportRelayhost(view: View, routing: RoutingTables): ExportedRule[] {
  const name = routing.defaultTransport.includes(":") ? "default_transport" : "relayhost";
  const { value, from } = view.setting(name);
  if (value === "") return [];
  const entry = name === "relayhost" ? `${routing.defaultTransport}:${value}` : value;
  return [exportEntry("*", entry, from, `${name} = ${value}`, routing)];
}

function cannot(from: Origin, written: string, why: string): ExportedRule {
  return { kind: "cannot", from, written, why };
}
