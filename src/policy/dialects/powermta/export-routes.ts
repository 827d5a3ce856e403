/**
 * `smtp-hosts`, `queue-to` and ports as transport rules of our own. Ours know no virtual MTA, so that only what the file
 * says to all of them can be written.
 */
import { domainOf, type Mailbox } from "../../../mail/address.ts";
import type { Domain } from "../../../mail/domain.ts";
import { formatDomainPattern } from "../../../mail/domain-pattern.ts";
import type { ExportedRule } from "../dialect.ts";
import { defaultVirtualMta } from "./bindings.ts";
import type { Configuration } from "./configuration.ts";
import { nameIn, placesOf } from "./export-places.ts";
import { defaultOrigin, originAt } from "./note-list.ts";
import type { Queues } from "./queues.ts";
import { routingOf } from "./routing.ts";

const routeNames = ["smtp-hosts", "route", "queue-to", "default-smtp-port"];

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
    if (answer?.kind === "nexthops") return [{ kind: "route", pattern, nexthops: answer.nexthops, from, written }];
    if (answer !== undefined) return [];
    if (pattern.kind === "exact") {
      const own = { kind: "mx", domain: pattern.domain, port: 25 } as const;
      return [{ kind: "route", pattern, nexthops: [own], from, written }];
    }
    const lost = sections.some(({ statements }) => routeNames.some((name) => statements.has(name)));
    const why =
      "hosts by MX at another port, or by MX where a wider pattern names hosts, cannot be written for a pattern";
    return lost ? [{ kind: "cannot", from, written, why }] : [];
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
