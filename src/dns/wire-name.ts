/**
 * Names from DNS packets as the rest of Letterlock knows names, and the names under which addresses are asked about.
 */
import ipaddr from "ipaddr.js";
import type { IpAddress } from "../mail/address.ts";
import { type Domain, parseDomain } from "../mail/domain.ts";

/**
 * A host name as it stood in a packet; `undefined` for the root, an address, or characters that host names lack.
 * A-labels are taken as they are: whether they decode is the zone's business, the name is asked and compared as
 * ASCII, and decoding 64 KiB of them would stop the event loop for seconds.
 *
 * @param text as `PacketReader.name` gives it
 */
export function hostName(text: string): Domain | undefined {
  const isHostName = parseDomain(text.replaceAll("xn--", "xx--")) !== undefined;
  return isHostName ? (text as Domain) : undefined;
}

/**
 * Where the questions about an address may be led by CNAMEs: a host name, in which a slash may stand, as in
 * `0/25.2.0.192.in-addr.arpa` (RFC 2317 §4). Only ever asked about, never shown as a host.
 */
export function reverseAlias(text: string): Domain | undefined {
  return hostName(text.replaceAll("/", "_")) === undefined ? undefined : (text as Domain);
}

/** `7.2.0.192.in-addr.arpa` (RFC 1035 §3.5), or the 32 nibbles under `ip6.arpa` (RFC 3596 §2.5). */
export function reverseName(address: IpAddress): Domain {
  const octets = ipaddr.parse(address).toByteArray();
  if (octets.length === 4) return `${octets.reverse().join(".")}.in-addr.arpa` as Domain;
  const nibbles = octets.flatMap((octet) => [octet >> 4, octet & 0xf]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join(".")}.ip6.arpa` as Domain;
}
