/**
 * Where mail goes other than to the MX of its domain: `gateway`, `routes`, the module `static_routes`, and ports other
 * than 25 (momentum reference 5.1, 5.3).
 */
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import type { RoutingAnswer, RoutingQuestion, RoutingSource } from "../dialect.ts";
import { recipientKey } from "./domain-key.ts";
import { type Model, type Setting, textOf, truthOf } from "./model.ts";
import { find, type Layers, type Resolver, stanzasOf } from "./resolve.ts";
import { asHost, byMx, parseRoute, parseTarget, type Target } from "./targets.ts";
import { wordsOf } from "./values.ts";

export const routingOptions = ["gateway", "routes", "remote_smtp_port"];

/** `undefined` where the configuration has no say about where mail goes. */
export function createRouting(model: Model, resolver: Resolver): RoutingSource | undefined {
  const fixed = staticTarget(model);
  let hasSay = fixed !== undefined;
  for (const { settings } of stanzasOf(model)) hasSay ||= routingOptions.some((name) => settings.has(name));
  return hasSay ? { route: (question) => route(resolver, fixed, question) } : undefined;
}

/** The target of `static_routes`, for all mail. */
function staticTarget({ modules }: Model): Target | undefined {
  const stanza = modules.findLast(({ name }) => name === "static_routes");
  const on = truthOf(stanza?.options.findLast(({ name }) => name === "enabled")) !== false;
  const text = textOf(stanza?.options.findLast(({ name }) => name === "target"));
  return text === undefined || !on ? undefined : parseTarget(text);
}

function route(resolver: Resolver, fixed: Target | undefined, question: RoutingQuestion): RoutingAnswer | undefined {
  const sender = { binding: question.binding, group: question.bindingGroup };
  const recipient = recipientKey(question.recipient);
  const gateway = resolver.gateway(sender, recipient);
  const key = resolver.routedKey(sender, recipient);
  const layers = resolver.layers(sender, key);
  const port = portOf(layers);
  if (fixed !== undefined) return nexthops([asHost(fixed, port)]);
  const mine = ownNexthop(gateway, key, port);
  const routes = find(layers, "routes");
  if (routes !== undefined) {
    const found = readRoutes(routes, mine, port);
    return nexthops(found) ?? badRoute(routes, "routes");
  }
  if (gateway !== undefined) return mine === undefined ? badRoute(gateway, "gateway") : nexthops([mine]);
  return port === 25 || mine === undefined ? undefined : nexthops([mine]);
}

function portOf(layers: Layers): number {
  return Number(textOf(find(layers, "remote_smtp_port")) ?? 25);
}

/** The routing domain by its MX; a gateway may bring its own port. */
function ownNexthop(gateway: Setting | undefined, key: string | undefined, port: number): Nexthop | undefined {
  if (gateway !== undefined) {
    const target = parseTarget(textOf(gateway) ?? "");
    return target === undefined ? undefined : byMx(target, port);
  }
  const domain: Domain | undefined = key === undefined ? undefined : parseDomain(key);
  if (domain !== undefined) return { kind: "mx", domain, port };
  const literal = key === undefined ? undefined : parseTarget(key);
  return literal === undefined ? undefined : asHost(literal, port);
}

/** Lower preferences first; those without one in their order, before the others of their number. */
function readRoutes(setting: Setting, mine: Nexthop | undefined, port: number): Nexthop[] {
  const routes = (wordsOf(setting.value) ?? []).flatMap((text, at) => {
    const read = parseRoute(text);
    return read === undefined ? [] : [{ ...read, preference: read.preference ?? at }];
  });
  routes.sort((left, right) => left.preference - right.preference);
  return routes.flatMap(({ to, lookup }): Nexthop[] => {
    if (to === "mail-exchanges") return mine === undefined ? [] : [mine];
    return [lookup === "mx" ? byMx(to, port) : asHost(to, port)];
  });
}

function nexthops([first, ...rest]: readonly Nexthop[]): RoutingAnswer | undefined {
  return first === undefined ? undefined : { kind: "nexthops", nexthops: [first, ...rest] };
}

/** Mail never goes elsewhere because a route could not be read. */
function badRoute(setting: Setting, name: string): RoutingAnswer {
  const place = `${setting.file.path}:${setting.line}`;
  return { kind: "defer", status: "4.3.5", text: `${name} at ${place} leads nowhere that Letterlock can deliver to` };
}
