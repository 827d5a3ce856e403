/**
 * By what a relay knows itself in someone else's DNS: its names, its addresses, what it listens on.
 */
import { networkInterfaces } from "node:os";
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import { isIpv6, parseIp } from "../mail/ip.ts";
import { endpointOf, type Ourselves } from "./choose-hosts.ts";

/** `port` as bound, never 0. */
export type ListenEndpoint = Readonly<{ address: IpAddress; port: number }>;

/**
 * A listener on every address (`0.0.0.0`, `::`) counts for each address of the machine of its family: `::` takes no
 * IPv4.
 *
 * @param names our host name and every EHLO name
 * @param machine the machine's addresses
 */
export function describeOurselves(
  names: Iterable<Domain>,
  listeners: readonly ListenEndpoint[],
  machine: readonly IpAddress[],
): Ourselves {
  const endpoints = listeners.flatMap(({ address, port }) =>
    boundAddresses(address, machine).map((bound) => ({ address: bound, port })),
  );
  return {
    ownNames: new Set(names),
    ownAddresses: new Set([...machine, ...endpoints.map(({ address }) => address)]),
    ownEndpoints: new Set(endpoints.map(({ address, port }) => endpointOf(address, port))),
  };
}

function boundAddresses(address: IpAddress, machine: readonly IpAddress[]): readonly IpAddress[] {
  if (address !== "0.0.0.0" && address !== "::") return [address];
  return [address, ...machine.filter((own) => isIpv6(own) === isIpv6(address))];
}

/** Every address of this machine's interfaces, loopback included; link-local ones with a zone are left out. */
export function machineAddresses(): readonly IpAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .map(({ address }) => parseIp(address))
    .filter((address) => address !== undefined);
}
