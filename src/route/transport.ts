/**
 * From a recipient to its nexthop: the operator's transport rules first, else the recipient's own domain.
 * Pure; one map access per label of the domain.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import { assertNever } from "../mail/assert-never.ts";
import { type DomainPattern, DomainTable } from "../mail/domain-pattern.ts";
import { type Cidr, inAnyCidr, isPublicAddress } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";

export type TransportOptions = Readonly<{
  defaultPort: number;
  /** `user@[192.0.2.1]` is deliverable. */
  allowAddressLiterals: boolean;
  /** Blocks beside the public ones to which a literal may lead: it is a stranger's word, not the operator's (MX-12). */
  allowAddresses: readonly Cidr[];
}>;

export type NexthopChoice =
  | Readonly<{ kind: "nexthop"; nexthop: Nexthop }>
  | Readonly<{ kind: "fail"; status: EnhancedStatus; text: string }>;

export type TransportTable = Readonly<{
  nexthopFor(recipient: Mailbox, options: TransportOptions): NexthopChoice;
}>;

/** A pattern given twice: the later entry counts. A literal, and a bare postmaster, are only covered by `*`. */
export function createTransportTable(
  entries: readonly Readonly<{ pattern: DomainPattern; nexthop: Nexthop }>[],
): TransportTable {
  const table = new DomainTable<NexthopChoice>();
  for (const { pattern, nexthop } of entries) table.set(pattern, { kind: "nexthop", nexthop });
  return {
    nexthopFor({ host }, options) {
      if (host === undefined) return table.find(undefined) ?? refuse("5.1.3", "the recipient has no domain");
      switch (host.kind) {
        case "domain":
          return table.find(host.domain) ?? ownDomain(host.domain, options);
        case "literal":
          if (!options.allowAddressLiterals) return refuse("5.1.2", "mail to address literals is not accepted here");
          return table.find(undefined) ?? literal(host.ip, options);
        default:
          return assertNever(host);
      }
    },
  };
}

function ownDomain(
  domain: Extract<Nexthop, { kind: "mx" }>["domain"],
  { defaultPort }: TransportOptions,
): NexthopChoice {
  return { kind: "nexthop", nexthop: { kind: "mx", domain, port: defaultPort } };
}

/** MX-13 */
function literal(ip: IpAddress, { defaultPort, allowAddresses }: TransportOptions): NexthopChoice {
  if (!isPublicAddress(ip) && !inAnyCidr(ip, allowAddresses)) return refuse("5.4.4", `[${ip}] is not a public address`);
  return { kind: "nexthop", nexthop: { kind: "host", host: ip, isIp: true, port: defaultPort, implicitTls: false } };
}

function refuse(status: EnhancedStatus, text: string): NexthopChoice {
  return { kind: "fail", status, text };
}
