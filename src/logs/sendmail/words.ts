/**
 * How Sendmail writes times, long texts, and the names of hosts and clients in its log.
 */
import ipaddr from "ipaddr.js";
import type { EarlierHost } from "../../mail/attempt.ts";
import type { SessionLabel } from "../../observe/events.ts";

/** Of a line, of a field in it, and of a host's name: so many characters are kept. */
export const maxLine = 1000;
export const maxField = 203;
export const maxHost = 40;

/** `00:00:01`, `1+02:03:04`; ms become whole seconds. */
export function interval(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const clock = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const days = Math.floor(seconds / 86_400);
  return days === 0 ? clock : `${days}+${clock}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** Beginning and end of a text that is too long, and `...` between them. */
export function shortened(text: string, max: number): string {
  if (text.length < max) return text;
  const kept = Math.floor((max - 3) / 2);
  return `${text.slice(0, kept)}...${text.slice(-kept)}`;
}

/** `[192.0.2.7]`, `[IPv6:2001:db8:0:0:0:0:0:7]`: Sendmail writes all eight parts (UseCompressedIPv6Addresses is off). */
export function bracketed(address: string): string {
  if (!address.includes(":") || !ipaddr.IPv6.isValid(address)) return `[${address}]`;
  return `[IPv6:${ipaddr.IPv6.parse(address).toNormalizedString()}]`;
}

/** What someone else wrote: it has no fields of its own for who looks for `stat=` and the like. */
export function fieldless(text: string): string {
  return text.includes("=") ? text.replace(fields, "$1?") : text;
}

const fields = /\b(to|from|relay|dsn|stat|reply|ruleset|reject|authid|mech|user|size|nrcpts|mailer)=/gi;

/** `client.example.com [192.0.2.100]`, `[192.0.2.100]` */
export function clientPeer({ client, clientName }: Pick<SessionLabel, "client" | "clientName">): string {
  return clientName === null ? bracketed(client) : `${clientName} ${bracketed(client)}`;
}

export type MetHost = Pick<EarlierHost, "mx" | "address">;

/** `mx.example.net`; where an address stands for a host, that in brackets. */
export function hostName({ mx, address }: MetHost): string {
  return mx ?? (address === null ? "" : bracketed(address));
}

/** As a name in DNS, with its dot: `mx.example.net.` */
export function rootedName(host: MetHost): string {
  return rooted(hostName(host));
}

/** `mx.example.net. [192.0.2.7]`; the domain alone where no host of it was met. */
export function relayName(host: MetHost, nexthop: string | null): string {
  const { address } = host;
  if (address !== null) return `${shortened(rootedName(host), maxHost)} ${bracketed(address)}`;
  return shortened(rooted(host.mx ?? domainOf(nexthop)), maxHost);
}

/** `[mail.example.net]:587` names `mail.example.net`. */
export function domainOf(nexthop: string | null): string {
  return (nexthop ?? "").replace(/:\d+$/, "").replace(/^\[(.*[a-z].*)\]$/i, "$1");
}

function rooted(name: string): string {
  return name === "" || name.endsWith("]") || name.endsWith(".") ? name : `${name}.`;
}
