/**
 * All that the configuration names, for the report that compares two policies; for a pattern also a name that it covers.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import type { DialectBinding, NamedThings } from "../dialect.ts";
import type { Configuration } from "./configuration.ts";
import type { DomainPattern, DomainSection } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import { parseHosts } from "./smtp-hosts.ts";

export function namedThings(configuration: Configuration, bindings: readonly DialectBinding[]): NamedThings {
  const { domains, virtualMtas, pools, rollups } = configuration;
  const scopes = [domains, ...[...virtualMtas.values(), ...pools.values()].map(({ scope }) => scope)];
  const sections = scopes.flatMap((scope) => scope.all);
  const nexthops = sections.flatMap(nexthopsOf);
  return {
    domains: unique(sections.flatMap(({ pattern }) => namesOf(pattern)).concat("unnamed.example")).flatMap(parsed),
    recipients: [],
    hosts: unique(rollups.map(({ below, host }) => (below ? `mx.${host}` : host))).flatMap(parsed),
    addresses: unique(
      nexthops.flatMap((nexthop) => (nexthop.kind === "host" && nexthop.isIp ? [nexthop.host] : [])),
    ) as IpAddress[],
    bindings: bindings.map(({ name, group }) => ({ name, group })),
    nexthops,
  };
}

function namesOf(pattern: DomainPattern): string[] {
  if (pattern.kind === "any" || pattern.kind === "literal") return [];
  return pattern.kind === "exact" ? [pattern.name] : [pattern.name, `below.${pattern.name}`];
}

function nexthopsOf({ statements }: DomainSection): readonly Nexthop[] {
  const hosts = statements.get("smtp-hosts") ?? statements.get("route");
  const parsed = hosts === undefined ? undefined : parseHosts(textOf(hosts.value), 25);
  return parsed?.kind === "hosts" ? parsed.nexthops : [];
}

function parsed(name: string): Domain[] {
  const domain = parseDomain(name);
  return domain === undefined ? [] : [domain];
}

function unique<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}
