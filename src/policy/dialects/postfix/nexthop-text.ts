/**
 * Next-hops as transport tables and `relayhost` write them: `example.com`, `[host]`, `host:port`, `[192.0.2.1]:submission`
 * (Postfix: TR-3, TR-7). The text is kept as written: it is the key of the policy table (KEY-2).
 */
import { parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";

export type NexthopReading = Readonly<{ kind: "nexthop"; nexthop: Nexthop }> | Readonly<{ kind: "bad"; why: string }>;

export type NexthopContext = Readonly<{
  service: string;
  /** Where none is written (`smtp_tcp_port`). */
  port: number;
  /** `smtp_tls_wrappermode` of the service. */
  implicitTls: boolean;
}>;

const services: ReadonlyMap<string, number> = new Map([
  ["smtp", 25],
  ["submission", 587],
  ["submissions", 465],
  ["smtps", 465],
  ["urd", 465],
  ["lmtp", 24],
]);

/** A port number, or the name of a mail service. */
export function parsePort(text: string): number | undefined {
  if (/^\d{1,5}$/.test(text)) return Number(text) >= 1 && Number(text) <= 65535 ? Number(text) : undefined;
  return services.get(text.toLowerCase());
}

/** Several next-hops: comma or blank (TR-6). */
export function splitNexthops(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}

export function parseNexthop(
  written: string,
  { service, port: defaultPort, implicitTls }: NexthopContext,
): NexthopReading {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(written);
  const [, host = "", portText] = bracketed ?? /^([^:]*)(?::(.*))?$/s.exec(written) ?? [];
  const port = portText === undefined || portText === "" ? defaultPort : parsePort(portText);
  if (port === undefined) return { kind: "bad", why: `unknown service: ${portText}` };
  const named = { written, service };
  // Parsing an address takes longer than all the rest: not for what has letters and no colon.
  const ip = /^[\d.]+$|:/.test(host) ? parseIp(host.replace(/^ipv6:/i, "")) : undefined;
  // A bare IPv4 address has no MX either.
  if (ip !== undefined) {
    return { kind: "nexthop", nexthop: { kind: "host", host: ip, isIp: true, port, implicitTls, ...named } };
  }
  const domain = parseDomain(host);
  if (domain === undefined) return { kind: "bad", why: "no host name" };
  if (bracketed !== null) {
    return { kind: "nexthop", nexthop: { kind: "host", host: domain, isIp: false, port, implicitTls, ...named } };
  }
  const wrapped = implicitTls ? { implicitTls } : {};
  return { kind: "nexthop", nexthop: { kind: "mx", domain, port, ...wrapped, ...named } };
}
