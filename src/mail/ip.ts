/**
 * IP addresses and address blocks in one canonical text, so that equal addresses are equal strings.
 */
import ipaddr from "ipaddr.js";
import type { IpAddress } from "./address.ts";

/** An address block; `prefix` in bits. */
export type Cidr = Readonly<{ address: IpAddress; prefix: number }>;

const dottedQuad = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** Dotted quad or RFC 5952 text; IPv4-mapped IPv6 becomes IPv4; zone ids, octal and short forms are refused. */
export function parseIp(text: string): IpAddress | undefined {
  // The library finds out by throwing, which is dear for the many names that are asked about.
  if (dottedQuad.test(text) && ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return ipaddr.IPv4.parse(text).toString() as IpAddress;
  }
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.process(text).toString() as IpAddress;
}

export function isIpv6(address: IpAddress): boolean {
  return address.includes(":");
}

/** `192.0.2.0/24`, `2001:db8::/32`, or an address alone. `undefined`: no such block, or bits set beyond the prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const [left = "", bits, extra] = text.split("/");
  const address = parseIp(left);
  if (address === undefined || extra !== undefined) return undefined;
  const max = isIpv6(address) ? 128 : 32;
  if (bits === undefined) return { address, prefix: max };
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > max) return undefined;
  const prefix = Number(bits);
  return networkAddress(address, prefix) === address ? { address, prefix } : undefined;
}

export function inCidr(address: IpAddress, { address: network, prefix }: Cidr): boolean {
  if (isIpv6(address) !== isIpv6(network)) return false;
  const one = ipaddr.parse(address);
  const other = ipaddr.parse(network);
  return one.kind() === "ipv4"
    ? (one as ipaddr.IPv4).match(other as ipaddr.IPv4, prefix)
    : (one as ipaddr.IPv6).match(other as ipaddr.IPv6, prefix);
}

export function inAnyCidr(address: IpAddress, blocks: readonly Cidr[]): boolean {
  return blocks.some((block) => inCidr(address, block));
}

/** Loopback, private, link-local, reserved, multicast, unspecified ...: never to be reached through public DNS (MX-12). */
export function isPublicAddress(address: IpAddress): boolean {
  return ipaddr.parse(address).range() === "unicast";
}

/** The block's first address: the same for however its address is written. */
export function networkAddress(address: IpAddress, prefix: number): string {
  const text = `${address}/${prefix}`;
  const network = isIpv6(address) ? ipaddr.IPv6.networkAddressFromCIDR(text) : ipaddr.IPv4.networkAddressFromCIDR(text);
  return network.toString();
}
