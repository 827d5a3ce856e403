/**
 * Transport tables, address classes and relay hosts in our own terms: for each place that some table or list names, where
 * Postfix sends mail to it. What goes by address, sender or pattern cannot be said there and is listed as such.
 */
import { type DomainPattern, parseDomainPattern } from "../../../mail/domain-pattern.ts";
import { formatNexthop } from "../../../mail/nexthop.ts";
import type { Origin } from "../../rules.ts";
import type { ExportedRule, RouteTarget, RoutingAnswer } from "../dialect.ts";
import type { View } from "./configuration.ts";
import type { DomainList } from "./domain-list.ts";
import { nameIn, routeAt } from "./export-places.ts";
import type { LookupTable } from "./lookup-table.ts";
import { keysToAsk } from "./policy-table.ts";
import { originOf } from "./smtp-client.ts";
import { createRouting, type RoutingTables } from "./transport.ts";

type Named = Readonly<{ pattern: DomainPattern; from: Origin; written: string }>;
type Route = Exclude<ExportedRule, { kind: "rule" | "cannot" }>;

export function exportRoutes(view: View, routing: RoutingTables): readonly ExportedRule[] {
  return [...new Exporter(view, routing).run(), ...exportSenders(view, routing)];
}

/** `example.com`, `.example.com` and so on: wherever mail may go another way than elsewhere. */
export function routedPlaces(view: View, routing: RoutingTables): readonly string[] {
  return new Exporter(view, routing).placesNamed();
}

class Exporter {
  readonly #view: View;
  readonly #tables: RoutingTables;
  readonly #places = new Map<string, Named>();
  readonly #cannot: ExportedRule[] = [];

  constructor(view: View, tables: RoutingTables) {
    this.#view = view;
    this.#tables = tables;
  }

  placesNamed(): readonly string[] {
    this.#gather();
    return [...this.#places.keys()].filter((key) => key !== "*");
  }

  run(): readonly ExportedRule[] {
    this.#gather();
    return [...this.#routes(), ...this.#cannot];
  }

  #gather(): void {
    for (const table of this.#tables.transportMaps) this.#table(table);
    const { localDomains, virtualAliasDomains, virtualMailboxDomains, relayDomains } = this.#tables;
    this.#list("mydestination", localDomains);
    this.#list("virtual_alias_domains", virtualAliasDomains);
    this.#list("virtual_mailbox_domains", virtualMailboxDomains);
    this.#list("relay_domains", relayDomains);
    const name = this.#tables.defaultTransport.includes(":") ? "default_transport" : "relayhost";
    const { from, value } = this.#view.setting(name);
    this.#place("*", from, `${name} = ${value}`);
  }

  #table(table: LookupTable): void {
    if (table.kind !== "fixed") {
      const { from } = this.#view.setting("transport_maps");
      const why = "patterns over whole addresses have no counterpart";
      this.#cannot.push({ kind: "cannot", from, written: table.spec, why });
      return;
    }
    for (const { key, hit } of table.entries()) {
      const from = originOf(hit, `transport ${key}`);
      const { written } = hit.from;
      if (key.includes("@")) {
        this.#cannot.push({ kind: "cannot", from, written, why: "routes of single addresses have no counterpart" });
      } else {
        this.#place(key, from, written);
        if (this.#tables.bareParents) this.#place(`.${key}`, from, written);
      }
    }
  }

  #list(name: string, { entries, withSubdomains }: DomainList): void {
    const { from, value } = this.#view.setting(name);
    for (const entry of entries) {
      const keys = entry.kind === "name" ? [entry.name] : namesIn(entry.table);
      for (const key of keys) {
        this.#place(key, from, `${name} = ${value}`);
        if (withSubdomains && !key.startsWith(".")) this.#place(`.${key}`, from, `${name} = ${value}`);
      }
    }
  }

  #place(key: string, from: Origin, written: string): void {
    const pattern = parseDomainPattern(key);
    const name = key.toLowerCase();
    if (pattern !== undefined && !this.#places.has(name)) this.#places.set(name, { pattern, from, written });
  }

  /** Only where it is another than at the next wider place. */
  #routes(): Route[] {
    const routing = createRouting(this.#tables);
    const found = new Map<string, Route>();
    for (const [key, { pattern, from, written }] of this.#places) {
      found.set(key, routeOf(routeAt(pattern, routing), pattern, from, written));
    }
    return [...found].flatMap(([key, route]) => {
      const wider = key === "*" ? [] : [...keysToAsk(key).slice(1), "*"];
      const around = wider.flatMap((one) => found.get(one) ?? [])[0];
      const same = around === undefined ? textOf(route) === ownMx : textOf(route) === textOf(around);
      return same ? [] : [route];
    });
  }
}

function namesIn(table: LookupTable): readonly string[] {
  return table.kind === "fixed" ? table.entries().map(({ key }) => key) : [];
}

const ownMx = targetsText([{ kind: "own-domain", port: 25 }]);

function textOf(route: Route): string {
  return route.kind === "no-route" ? `${route.status} ${route.text}` : targetsText(route.nexthops);
}

function targetsText(targets: readonly RouteTarget[]): string {
  return targets
    .map((target) => {
      if (target.kind === "own-domain") return `*:${target.port}`;
      const implicit = target.implicitTls === true ? " implicit" : "";
      return `${target.written ?? formatNexthop(target)} ${target.port}${implicit}`;
    })
    .join(", ");
}

function routeOf(answer: RoutingAnswer | undefined, pattern: DomainPattern, from: Origin, written: string): Route {
  const own = nameIn(pattern);
  if (answer === undefined)
    return { kind: "route", pattern, nexthops: [{ kind: "own-domain", port: 25 }], from, written };
  if (answer.kind !== "nexthops") {
    const text = answer.text.replaceAll(own, pattern.kind === "any" ? "this domain" : pattern.domain);
    return { kind: "no-route", pattern, status: answer.status, text, from, written };
  }
  const [first, ...others] = answer.nexthops.map((target): RouteTarget => {
    const leadsHome =
      target.kind === "mx" && target.implicitTls !== true && target.domain === own && (target.written ?? own) === own;
    return leadsHome ? { kind: "own-domain", port: target.port } : target;
  });
  return {
    kind: "route",
    pattern,
    nexthops: first === undefined ? answer.nexthops : [first, ...others],
    from,
    written,
  };
}

function exportSenders(view: View, { senderRelayhost, senderTransport }: RoutingTables): ExportedRule[] {
  return [
    ["sender_dependent_relayhost_maps", senderRelayhost] as const,
    ["sender_dependent_default_transport_maps", senderTransport] as const,
  ].flatMap(([name, tables]): ExportedRule[] => {
    const { from, value } = view.setting(name);
    const why = "routes by sender have no counterpart";
    return tables.length === 0 ? [] : [{ kind: "cannot", from, written: `${name} = ${value}`, why }];
  });
}
