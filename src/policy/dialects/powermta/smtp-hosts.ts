/**
 * The value of `smtp-hosts`: hosts of one preference level between commas, levels between semicolons (reference, 1.4).
 */
import { parseDomain } from "../../../mail/domain.ts";
import { isIpv6, parseIp } from "../../../mail/ip.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";

export type SmtpHosts =
  /** `shared`: some level has more than one host. */
  | Readonly<{ kind: "hosts"; nexthops: readonly Nexthop[]; shared: boolean }>
  | Readonly<{ kind: "bad"; problem: string }>;

export function parseHosts(text: string, defaultPort: number): SmtpHosts {
  if (text.trim() === "") return { kind: "hosts", nexthops: [], shared: false };
  const levels = text.split(";").map((level) => level.split(",").map((host) => host.trim()));
  const nexthops: Nexthop[] = [];
  for (const host of levels.flat()) {
    const nexthop = parseHost(host, defaultPort);
    if (nexthop === undefined) return { kind: "bad", problem: `"${host}" is no host` };
    nexthops.push(nexthop);
  }
  return { kind: "hosts", nexthops, shared: levels.some((level) => level.length > 1) };
}

const withPort = /^(\[[^\]]*\]|[^[\]:]+)(?::(\d{1,5}))?$/;

function parseHost(text: string, defaultPort: number): Nexthop | undefined {
  const lookup = /^lookup-mx:(.*)$/i.exec(text)?.[1];
  const [, host = "", digits] = withPort.exec(lookup ?? text) ?? [];
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  if (lookup !== undefined) {
    const domain = parseDomain(host);
    return domain === undefined ? undefined : { kind: "mx", domain, port };
  }
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const tagged = /^ipv6:/i.test(bare);
  const ip = parseIp(bare.replace(/^ipv6:/i, ""));
  if (ip !== undefined && (!tagged || isIpv6(ip)))
    return { kind: "host", host: ip, isIp: true, port, implicitTls: false };
  const name = parseDomain(bare);
  return name === undefined ? undefined : { kind: "host", host: name, isIp: false, port, implicitTls: false };
}
