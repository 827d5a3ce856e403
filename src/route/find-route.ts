/**
 * The route step: gather the MX and address answers, then decide (`mx-candidates.ts`, `choose-hosts.ts`).
 * Promises: every host it names may be connected to as far as routing is concerned; the order is the order to try.
 * With all answers cached it costs a few microseconds, so a route is found anew for each attempt.
 * Standards: RFC 5321 §5.1, RFC 7505; standards.md MX-1 to MX-13, NM-1, NM-2.
 */
import type { Resolver } from "../dns/resolver.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { Cidr } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import { beforeOwnName, chooseHosts, endpointOf, loopsToSelf, type Ourselves } from "./choose-hosts.ts";
import { type HostAddresses, lookupHost } from "./host-addresses.ts";
import { orderCandidates, readMxCandidates } from "./mx-candidates.ts";
import type { MxHost, Route } from "./route.ts";
import { defer, fail } from "./route-failure.ts";

export type RouteOptions = Ourselves &
  Readonly<{
    resolver: Resolver;
    ipv4: boolean;
    ipv6: boolean;
    /** Loopback, private and reserved blocks that an MX may lead to all the same (MX-12). Hand in the same list again. */
    allowAddresses: readonly Cidr[];
    /** 0 to below 1. */
    random: () => number;
    signal?: AbortSignal | undefined;
  }>;

/**
 * @returns `hosts` with at least one host, each with at least one address; `defer` and `fail` say what a DSN will say.
 *   Never rejects. Ends early, with `defer`, when the signal fires.
 */
export function findRoute(nexthop: Nexthop, options: RouteOptions): Promise<Route> {
  return nexthop.kind === "mx" ? findByMx(nexthop, options) : findHost(nexthop, options);
}

async function findByMx(nexthop: Extract<Nexthop, { kind: "mx" }>, options: RouteOptions): Promise<Route> {
  const answer = await options.resolver.mx(nexthop.domain, options.signal);
  const read = readMxCandidates(answer, nexthop.domain);
  if (read.kind !== "candidates") return read;
  const candidates = beforeOwnName(orderCandidates(read.candidates, options.random), options);
  if (candidates.length === 0) return loopsToSelf(nexthop.domain);
  const asked = candidates.map(async (candidate) => ({ candidate, found: await lookupHost(candidate.name, options) }));
  return chooseHosts(await Promise.all(asked), nexthop, read.status, options);
}

type HostNexthop = Extract<Nexthop, { kind: "host" }>;

/**
 * `[host]` and `[address]`: no MX look-up. The operator named it, so the address guard does not apply and a name or
 * address of our own is allowed (another server on this machine), but never an endpoint that we listen on ourselves.
 */
async function findHost(nexthop: HostNexthop, options: RouteOptions): Promise<Route> {
  const found = await addressesOf(nexthop, options);
  const shown = `[${nexthop.host}]`;
  if (found.kind === "error") return defer("dns-error", "4.4.3", found.text);
  if (found.kind === "none") return fail("no-usable-host", "5.4.4", `no address for ${shown}`);
  const addresses = found.addresses.filter((address) => !options.ownEndpoints.has(endpointOf(address, nexthop.port)));
  if (addresses.length === 0) {
    return fail("loops-to-self", "5.4.6", `${shown} port ${nexthop.port} is this server itself`);
  }
  const host: MxHost = {
    name: nexthop.isIp ? undefined : (nexthop.host as Domain),
    preference: 0,
    port: nexthop.port,
    implicitTls: nexthop.implicitTls,
    addresses,
    // No MX answer stands between the operator's word and this name.
    mxStatus: "secure",
    addressStatus: found.status,
  };
  return { kind: "hosts", hosts: [host] };
}

function addressesOf({ host, isIp }: HostNexthop, options: RouteOptions): HostAddresses | Promise<HostAddresses> {
  if (isIp) return { kind: "found", addresses: [host as IpAddress], status: "insecure" };
  return lookupHost(host as Domain, options);
}
