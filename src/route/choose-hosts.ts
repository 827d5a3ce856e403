/**
 * Which of the hosts that were found may be connected to: not ourselves (MX-9), not an address that public DNS has no
 * business leading to (MX-12). Pure.
 */
import { LRUCache } from "lru-cache";
import type { DnssecStatus } from "../dns/resolver.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import { type Cidr, inAnyCidr, isPublicAddress } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { HostAddresses } from "./host-addresses.ts";
import type { MxCandidate } from "./mx-candidates.ts";
import type { MxHost, Route } from "./route.ts";
import { defer, fail, type RouteFailure } from "./route-failure.ts";

/** By what we know ourselves again. */
export type Ourselves = Readonly<{
  ownNames: ReadonlySet<Domain>;
  /** Counted at port 25, where another server of the same machine would be us for the rest of the world. */
  ownAddresses: ReadonlySet<IpAddress>;
  /** What we listen on, as `endpointOf` writes it. */
  ownEndpoints: ReadonlySet<string>;
}>;

export type FoundHost = Readonly<{ candidate: MxCandidate; found: HostAddresses }>;

export type ChooseOptions = Ourselves & Readonly<{ allowAddresses: readonly Cidr[] }>;

type MxNexthop = Extract<Nexthop, { kind: "mx" }>;

const smtpPort = 25;

/** `192.0.2.1 25` */
export function endpointOf(address: IpAddress, port: number): string {
  return `${address} ${port}`;
}

export function isOwnAddress(address: IpAddress, port: number, { ownAddresses, ownEndpoints }: Ourselves): boolean {
  if (port === smtpPort && ownAddresses.has(address)) return true;
  return ownEndpoints.size > 0 && ownEndpoints.has(endpointOf(address, port));
}

/** The candidates better than the one that bears our own name: a relay only passes mail on to its betters. */
export function beforeOwnName(candidates: readonly MxCandidate[], { ownNames }: Ourselves): readonly MxCandidate[] {
  const own = candidates.find(({ name }) => ownNames.has(name));
  return own === undefined ? candidates : candidates.filter(({ preference }) => preference < own.preference);
}

/** @param hosts in the order to try them */
export function chooseHosts(
  hosts: readonly FoundHost[],
  nexthop: MxNexthop,
  mxStatus: DnssecStatus,
  options: ChooseOptions,
): Route {
  const others = beforeOwnAddress(hosts, nexthop.port, options);
  if (others.length === 0) return loopsToSelf(nexthop.domain);
  const chosen: MxHost[] = [];
  for (const { candidate, found } of others) {
    if (found.kind !== "found") continue;
    const addresses = found.addresses.filter((address) => mayConnect(address, options));
    if (addresses.length === 0) continue;
    chosen.push({
      name: candidate.name,
      preference: candidate.preference,
      port: nexthop.port,
      implicitTls: nexthop.implicitTls === true,
      addresses,
      mxStatus,
      addressStatus: found.status,
    });
  }
  return chosen.length > 0 ? { kind: "hosts", hosts: chosen } : nothingLeft(others, nexthop.domain);
}

export function loopsToSelf(domain: Domain): RouteFailure {
  return fail("loops-to-self", "5.4.6", `${domain}: its best mail host is this one`);
}

function beforeOwnAddress(hosts: readonly FoundHost[], port: number, options: ChooseOptions): readonly FoundHost[] {
  const own = hosts.find(
    ({ found }) => found.kind === "found" && found.addresses.some((address) => isOwnAddress(address, port, options)),
  );
  if (own === undefined) return hosts;
  return hosts.filter(({ candidate }) => candidate.preference < own.candidate.preference);
}

function mayConnect(address: IpAddress, { allowAddresses }: ChooseOptions): boolean {
  const known = verdictsOf(allowAddresses);
  const before = known.get(address);
  if (before !== undefined) return before;
  const verdict = isPublicAddress(address) || inAnyCidr(address, allowAddresses);
  known.set(address, verdict);
  return verdict;
}

/** Reading an address costs more than all the rest of a cached route, and the same few hosts come again and again. */
const verdictsByBlocks = new WeakMap<readonly Cidr[], LRUCache<IpAddress, boolean>>();

function verdictsOf(allowAddresses: readonly Cidr[]): LRUCache<IpAddress, boolean> {
  const known = verdictsByBlocks.get(allowAddresses);
  if (known !== undefined) return known;
  const empty = new LRUCache<IpAddress, boolean>({ max: 20_000 });
  verdictsByBlocks.set(allowAddresses, empty);
  return empty;
}

/** Permanent only when nothing was left unanswered (MX-10). */
function nothingLeft(hosts: readonly FoundHost[], domain: Domain): RouteFailure {
  for (const { found } of hosts) if (found.kind === "error") return defer("dns-error", "4.4.3", found.text);
  for (const { candidate, found } of hosts) {
    if (found.kind !== "found") continue;
    const text = `${domain}: ${candidate.name} has the address ${found.addresses.join(", ")}, which is not a public one`;
    return fail("address-not-allowed", "5.4.4", text);
  }
  const names = hosts.map(({ candidate }) => candidate.name).join(", ");
  return fail("no-usable-host", "5.4.4", `${domain}: no address for ${names}`);
}
