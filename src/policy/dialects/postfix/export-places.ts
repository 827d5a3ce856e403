/**
 * Places for `letterlock import`: an exact domain, everything below one, everything; and a name that only the place itself
 * covers, with which Postfix is asked what holds there.
 */
import type { Mailbox } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import type { RoutingAnswer, RoutingSource } from "../dialect.ts";

/** No table has this label. */
const label = "name-that-nobody-has";

export function nameIn(place: DomainPattern): Domain {
  if (place.kind === "exact") return place.domain;
  const name = place.kind === "any" ? `${label}.invalid` : `${label}.${place.domain}`;
  return parseDomain(name) ?? (label as Domain);
}

/** Where Postfix sends mail to any address there; `undefined`: to its own MX. */
export function routeAt(place: DomainPattern, routing: RoutingSource): RoutingAnswer | undefined {
  const domain = nameIn(place);
  const recipient: Mailbox = { text: `${label}@${domain}`, localPart: label, host: { kind: "domain", domain } };
  return routing.route({ recipient, sender: undefined, binding: "default", bindingGroup: undefined });
}
