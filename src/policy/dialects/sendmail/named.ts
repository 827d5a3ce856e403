/**
 * Every name that the access map mentions: the equivalence report asks about each of them.
 */
import type { IpAddress, Mailbox } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import { parseMailbox } from "../../../smtp/path.ts";
import type { NamedThings } from "../dialect.ts";
import type { AccessMap } from "./access-map.ts";

/** For each key a name that it covers exactly and one below it; addresses are filled up. */
export function namedThings(map: AccessMap, nexthops: readonly Nexthop[]): NamedThings {
  const domains = new Set<Domain>();
  const hosts = new Set<Domain>();
  const addresses = new Set<IpAddress>();
  const recipients = new Map<string, Mailbox>();
  const hostKeys = [
    ...map.requirements.tls_srv.keys(),
    ...map.values.try_tls.keys(),
    ...map.values.tls_clt_features.keys(),
  ];
  for (const key of hostKeys) {
    const address = addressOf(key);
    if (address !== undefined) addresses.add(address);
    else for (const name of namesUnder(key)) hosts.add(name);
  }
  for (const key of map.requirements.tls_rcpt.keys()) {
    const recipient = key.includes("@") ? parseMailbox(key.endsWith("@") ? `${key}example.com` : key) : undefined;
    if (recipient !== undefined) recipients.set(recipient.text, recipient);
    else for (const name of namesUnder(key)) domains.add(name);
  }
  return {
    domains: [...domains],
    recipients: [...recipients.values()],
    hosts: [...hosts],
    addresses: [...addresses],
    bindings: [],
    nexthops,
  };
}

function namesUnder(key: string): Domain[] {
  const bare = key.replace(/^\./, "");
  if (bare === "") return [];
  return [bare, `mx.${bare}`].flatMap((name) => parseDomain(name) ?? []);
}

function addressOf(key: string): IpAddress | undefined {
  const bare = key.replace(/^\[|\]$/g, "").replace(/^ipv6:/, "");
  if (/^\d{1,3}(?:\.\d{1,3}){0,3}$/.test(bare)) {
    return parseIp([...bare.split("."), "0", "0", "0"].slice(0, 4).join("."));
  }
  if (!key.includes("ipv6:")) return undefined;
  return parseIp(bare.includes("::") || bare.split(":").length === 8 ? bare : `${bare}::1`);
}
