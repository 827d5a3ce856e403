/**
 * Where a gateway or a route leads: a host or an address, with a port where one is written.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";

export type Target = Readonly<{ host: Domain | IpAddress; isIp: boolean; port: number | undefined }>;

/** `smart.host`, `10.0.0.1`, `[fe80::a00]:1`, `smart.host:2525`. */
export function parseTarget(text: string): Target | undefined {
  const bare = parseIp(text);
  if (bare !== undefined) return { host: bare, isIp: true, port: undefined };
  const [, literal, name, digits] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port === 0 || port > 65_535)) return undefined;
  const ip = parseIp(literal ?? name ?? "");
  if (ip !== undefined) return { host: ip, isIp: true, port };
  const host = parseDomain(literal ?? name ?? "");
  return host === undefined ? undefined : { host, isIp: false, port };
}

/** A host as it is, without MX. */
export function asHost({ host, isIp, port }: Target, defaultPort: number): Nexthop {
  return { kind: "host", host, isIp, port: port ?? defaultPort, implicitTls: false };
}

/** A name by its MX, an address as it is. */
export function byMx(target: Target, defaultPort: number): Nexthop {
  if (target.isIp) return asHost(target, defaultPort);
  return { kind: "mx", domain: target.host as Domain, port: target.port ?? defaultPort };
}

export type Route = Readonly<{
  /** `mail-exchanges`: the MX of the routing domain. */
  to: Target | "mail-exchanges";
  lookup: "mx" | "address";
  preference: number | undefined;
}>;

/** `smtp://1.2.3.4?pref=10&port=587&type=mx`, a host, an address, or `__mx__`. `undefined`: no route of SMTP. */
export function parseRoute(text: string): Route | undefined {
  if (text.toLowerCase() === "__mx__") return { to: "mail-exchanges", lookup: "mx", preference: undefined };
  const [, scheme, place = "", query = ""] = /^(?:([a-z0-9]+):\/\/)?([^?]*)(?:\?(.*))?$/is.exec(text) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== "smtp") return undefined;
  const target = parseTarget(place);
  if (target === undefined) return undefined;
  const asked = new Map(query.split("&").map((part) => part.toLowerCase().split("=") as [string, string | undefined]));
  const number = (name: string): number | undefined => {
    const value = asked.get(name);
    return value !== undefined && /^\d{1,5}$/.test(value) ? Number(value) : undefined;
  };
  const port = number("port");
  return {
    to: port === undefined ? target : { ...target, port },
    lookup: asked.get("type") === "mx" ? "mx" : "address",
    preference: number("pref"),
  };
}
