/**
 * Everything that a Postfix configuration names, and its policy in our own terms: what the equivalence report asks about
 * and what `letterlock import` writes.
 */
import type { Mailbox } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import { parseMailbox } from "../../../smtp/path.ts";
import type { DialectBinding, NamedThings } from "../dialect.ts";
import type { KnownNexthops } from "./dead-lines.ts";
import type { LookupTable } from "./lookup-table.ts";
import { parseNexthop } from "./nexthop-text.ts";
import type { RoutingTables, TransportService } from "./transport.ts";

export type NameSources = Readonly<{
  policyTables: readonly LookupTable[];
  routing: RoutingTables;
  known: KnownNexthops;
  bindings: readonly DialectBinding[];
}>;

export function nameThings({ policyTables, routing, known, bindings }: NameSources): NamedThings {
  const names = new Names();
  for (const table of policyTables) for (const key of keysOfTable(table)) names.addKey(key);
  for (const table of routing.transportMaps) for (const key of keysOfTable(table)) names.addAddress(key);
  for (const { entries } of [routing.relayDomains, routing.virtualMailboxDomains]) {
    for (const entry of entries) {
      if (entry.kind === "name") names.addKey(entry.name);
      else for (const key of keysOfTable(entry.table)) names.addKey(key);
    }
  }
  for (const { transport, nexthop } of known.choices) names.addNexthop(nexthop, routing.services.get(transport));
  return {
    domains: [...names.domains],
    recipients: [...names.recipients.values()],
    hosts: [...names.hosts],
    addresses: [],
    bindings: bindings.map(({ name, group }) => ({ name, group })),
    nexthops: names.nexthops,
  };
}

function keysOfTable(table: LookupTable): readonly string[] {
  return table.kind === "fixed" ? table.entries().map(({ key }) => key) : [];
}

class Names {
  readonly domains = new Set<Domain>();
  readonly recipients = new Map<string, Mailbox>();
  readonly hosts = new Set<Domain>();
  /** By transport and text. */
  readonly #nexthops = new Map<string, Nexthop>();
  /** By text: some transport leads there. */
  readonly #chosen = new Map<string, boolean>();

  /** A line of a policy table to which no transport leads is still asked about. */
  get nexthops(): readonly Nexthop[] {
    return [...this.#nexthops].flatMap(([key, nexthop]) => {
      return key.startsWith(":") && this.#chosen.get(key.slice(1)) === true ? [] : nexthop;
    });
  }

  /** `example.com`; `.example.com` covers a name below it and not itself; anything else is a next-hop. */
  addKey(key: string): void {
    if (/[[\]:]/.test(key)) {
      this.addNexthop(key);
      return;
    }
    const below = key.startsWith(".");
    const name = parseDomain(below ? key.slice(1) : key);
    if (name === undefined) return;
    this.domains.add(name);
    const inside = below ? parseDomain(`sub.${name}`) : undefined;
    if (inside !== undefined) this.domains.add(inside);
  }

  addAddress(key: string): void {
    if (!key.includes("@")) {
      if (key !== "*") this.addKey(key);
      return;
    }
    const mailbox = parseMailbox(key);
    if (mailbox === undefined) return;
    this.recipients.set(key, mailbox);
    if (mailbox.host?.kind === "domain") this.domains.add(mailbox.host.domain);
  }

  /** @param service the transport that is written with it; a line of a policy table names none */
  addNexthop(written: string, service?: TransportService): void {
    const { name = "smtp", port = 25, implicitTls = false } = service ?? {};
    const reading = parseNexthop(written, { service: name, port, implicitTls });
    if (reading.kind !== "nexthop") return;
    const { nexthop } = reading;
    this.#chosen.set(written, this.#chosen.get(written) === true || service !== undefined);
    this.#nexthops.set(`${service?.name ?? ""}:${written}`, nexthop);
    if (nexthop.kind === "host" && !nexthop.isIp) this.hosts.add(nexthop.host as Domain);
  }
}
