/**
 * From a recipient to its nexthops: our own transport rules first, then what a dialect's configuration says, else the
 * recipient's own domain. Pure; our own rules cost one map access per label of the domain.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import { assertNever } from "../mail/assert-never.ts";
import type { Domain } from "../mail/domain.ts";
import { type DomainPattern, DomainTable } from "../mail/domain-pattern.ts";
import { type Cidr, inAnyCidr, isPublicAddress } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { RoutingAnswer, RoutingSource } from "../policy/dialects/dialect.ts";

/** Whose mail it is, which some configurations route by. */
export type Submission = Readonly<{ sender: Mailbox | undefined; binding: string; bindingGroup: string | undefined }>;

export type TransportOptions = Readonly<{
  submission: Submission;
  defaultPort: number;
  /** `user@[192.0.2.1]` is deliverable. */
  allowAddressLiterals: boolean;
  /** Blocks beside the public ones to which a literal may lead: it is a stranger's word, not the operator's (MX-12). */
  allowAddresses: readonly Cidr[];
}>;

export type NexthopChoice = RoutingAnswer;

export type TransportTable = Readonly<{
  nexthopFor(recipient: Mailbox, options: TransportOptions): NexthopChoice;
}>;

/** A pattern given twice: the later entry counts. A literal, and a bare postmaster, are only covered by `*`. */
export function createTransportTable(
  entries: readonly Readonly<{ pattern: DomainPattern; nexthops: readonly [Nexthop, ...Nexthop[]] }>[],
  routing?: RoutingSource,
): TransportTable {
  const table = new DomainTable<NexthopChoice>();
  for (const { pattern, nexthops } of entries) table.set(pattern, { kind: "nexthops", nexthops });
  const configured = (domain: Domain | undefined, recipient: Mailbox, options: TransportOptions) =>
    table.find(domain) ?? routing?.route({ recipient, ...options.submission });
  return {
    nexthopFor(recipient, options) {
      const { host } = recipient;
      if (host === undefined) {
        return configured(undefined, recipient, options) ?? refuse("5.1.3", "the recipient has no domain");
      }
      switch (host.kind) {
        case "domain":
          return configured(host.domain, recipient, options) ?? ownDomain(host.domain, options);
        case "literal":
          if (!options.allowAddressLiterals) return refuse("5.1.2", "mail to address literals is not accepted here");
          return configured(undefined, recipient, options) ?? literal(host.ip, options);
        default:
          return assertNever(host);
      }
    },
  };
}

function to(nexthop: Nexthop): NexthopChoice {
  return { kind: "nexthops", nexthops: [nexthop] };
}

function ownDomain(domain: Domain, { defaultPort }: TransportOptions): NexthopChoice {
  return to({ kind: "mx", domain, port: defaultPort });
}

/** MX-13 */
function literal(ip: IpAddress, { defaultPort, allowAddresses }: TransportOptions): NexthopChoice {
  if (!isPublicAddress(ip) && !inAnyCidr(ip, allowAddresses)) return refuse("5.4.4", `[${ip}] is not a public address`);
  return to({ kind: "host", host: ip, isIp: true, port: defaultPort, implicitTls: false });
}

function refuse(status: Extract<RoutingAnswer, { kind: "fail" | "defer" }>["status"], text: string): NexthopChoice {
  return { kind: "fail", status, text };
}
