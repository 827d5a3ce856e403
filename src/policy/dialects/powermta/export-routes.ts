/**
 * `smtp-hosts`, `queue-to` and ports as transport rules of our own. Ours know no virtual MTA, so that only what the file
 * says to all of them can be written.
 */
import { domainOf, type Mailbox } from "../../../mail/address.ts";
import type { Domain } from "../../../mail/domain.ts";
import { formatDomainPattern } from "../../../mail/domain-pattern.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import type { ExportedRule, RouteTarget } from "../dialect.ts";
import { defaultVirtualMta } from "./bindings.ts";
import type { Configuration } from "./configuration.ts";
import { nameIn, placesOf } from "./export-places.ts";
import { defaultOrigin, originAt } from "./note-list.ts";
import type { Queues } from "./queues.ts";
import { portOf, routingOf } from "./routing.ts";

const routeNames = ["smtp-hosts", "route", "queue-to", "default-smtp-port", "type"];

export function exportRoutes(configuration: Configuration, queues: Queues): readonly ExportedRule[] {
  return [...everybodysRoutes(configuration, queues), ...routesOfVirtualMtas(configuration)];
}

function everybodysRoutes({ domains }: Configuration, queues: Queues): ExportedRule[] {
  const routing = routingOf(queues);
  if (!domains.all.some(({ statements }) => routeNames.some((name) => statements.has(name)))) return [];
  return placesOf(domains.all).flatMap((pattern): ExportedRule[] => {
    const recipient = recipientAt(nameIn(pattern));
    const answer = routing.route({ recipient, sender: undefined, binding: defaultVirtualMta, bindingGroup: undefined });
    const sections = queues.sectionsFor({ queue: domainOf(recipient) }, "", undefined);
    const from = sections[0] === undefined ? defaultOrigin : originAt(sections[0].place, sections[0].scope);
    const written = sections[0] === undefined ? formatDomainPattern(pattern) : `<domain ${sections[0].written}>`;
    if (answer === undefined) {
      const port = portOf(sections);
      const nexthops = [{ kind: "own-domain", port }] as const;
      const why = `mail to address literals goes to port ${port} as well, and to port 25 under the file itself`;
      const literals = pattern.kind === "any" && port !== 25;
      return [
        { kind: "route", pattern, nexthops, from, written },
        ...(literals ? [{ kind: "cannot" as const, from, written, why }] : []),
      ];
    }
    if (answer.kind !== "nexthops") return [{ ...answer, kind: "no-route", pattern, from, written }];
    const own = (nexthop: Nexthop): RouteTarget =>
      pattern.kind !== "exact" && nexthop.kind === "mx" && nexthop.domain === nameIn(pattern)
        ? { kind: "own-domain", port: nexthop.port }
        : nexthop;
    const [first, ...others] = answer.nexthops;
    return [{ kind: "route", pattern, nexthops: [own(first), ...others.map(own)], from, written }];
  });
}

function recipientAt(name: string): Mailbox {
  return { text: `any@${name}`, localPart: "any", host: { kind: "domain", domain: name as Domain } };
}

function routesOfVirtualMtas({ virtualMtas, pools }: Configuration): ExportedRule[] {
  return [...virtualMtas.values(), ...pools.values()].flatMap(({ scope }) =>
    scope.all.flatMap(({ statements, place, scope: words, written }): ExportedRule[] => {
      const names = routeNames.filter((name) => statements.has(name));
      if (names.length === 0) return [];
      const why = `${names.join(", ")} of a virtual MTA: transport rules are the same for all bindings`;
      return [{ kind: "cannot", from: originAt(place, words), written: `<domain ${written}>`, why }];
    }),
  );
}
