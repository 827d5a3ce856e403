/**
 * The side of a relay that sends: connections, and the conductor of deliveries. Connects parts; owns no rules.
 */
import type { Binding, Settings } from "../config/settings.ts";
import { attemptDelivery } from "../delivery/attempt.ts";
import { Conductor } from "../delivery/conductor.ts";
import { ConnectionPool } from "../delivery/connection-pool.ts";
import { createNoticeMaker } from "../delivery/notices.ts";
import { createOpener } from "../delivery/open-limit.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { Ourselves } from "../route/choose-hosts.ts";
import { findRoute } from "../route/find-route.ts";
import type { Route } from "../route/route.ts";
import type { RelayParts } from "./relay-parts.ts";

export type Outbound = Readonly<{ conductor: Conductor; pool: ConnectionPool }>;

/** @param ourselves an MX that leads to one of these names and addresses is a loop (MX-9) */
export function createOutbound(parts: RelayParts, ourselves: () => Ourselves): Outbound {
  const { now, queue, newId, observe, clock, random } = parts;
  const settings = (): Settings => now().settings;
  const policy = () => now().policy;
  const pool = new ConnectionPool(clock, () => settings().outbound.idleConnectionMs);
  const tools = {
    findRoute: (nexthop: Nexthop) => route(nexthop, ourselves(), parts),
    policy,
    binding: (name: string) => bindingOf(settings(), name),
    outbound: () => settings().outbound,
    pool,
    open: createOpener({ pool, limit: () => settings().outbound.maxConnections, observe, clock }),
    newId,
    observe,
    clock,
  };
  const conductor = new Conductor({
    queue,
    settings,
    transport: () => now().transport,
    policy,
    attempt: (job) => attemptDelivery(job, tools),
    notices: createNoticeMaker({ settings, newId, observe }),
    observe,
    clock,
    random,
  });
  return { conductor, pool };
}

function route(nexthop: Nexthop, ourselves: Ourselves, { now, random }: RelayParts): Promise<Route> {
  const { settings, resolver } = now();
  const { ipv4, ipv6, allowAddresses } = settings.outbound;
  return findRoute(nexthop, { ...ourselves, resolver, ipv4, ipv6, allowAddresses, random });
}

/** A binding that a reload removed: its queued mail leaves under the default one. */
function bindingOf({ bindings, defaultBinding }: Settings, name: string): Binding {
  const binding = bindings.get(name) ?? bindings.get(defaultBinding);
  if (binding === undefined) throw new Error(`no binding ${defaultBinding}`);
  return binding;
}
