/**
 * From a recipient to its nexthops: our own transport rules first, then what a dialect's configuration says, else the
 * recipient's own domain. Pure; our own rules cost one map access per label of the domain.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import { assertNever } from "../mail/assert-never.ts";
import type { Domain } from "../mail/domain.ts";
import { DomainTable } from "../mail/domain-pattern.ts";
import { type Cidr, inAnyCidr, isPublicAddress } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { RouteTarget, RoutingAnswer, RoutingSource, TransportEntry } from "../policy/dialects/dialect.ts";

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
export function createTransportTable(entries: readonly TransportEntry[], routing?: RoutingSource): TransportTable {
  const table = new DomainTable<Way>();
  for (const entry of entries) table.set(entry.pattern, wayOf(entry));
  const configured = (domain: Domain | undefined, recipient: Mailbox, options: TransportOptions) => {
    const way = table.find(domain);
    return typeof way === "function"
      ? way(recipient, options)
      : (way ?? routing?.route({ recipient, ...options.submission }));
  };
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

/** Only what leads to the recipient's own domain looks at the recipient. */
type Way = NexthopChoice | ((recipient: Mailbox, options: TransportOptions) => NexthopChoice);

function wayOf({ nexthops, refuse: refusal }: TransportEntry): Way {
  if (refusal !== undefined) return { kind: refusal.status.startsWith("5") ? "fail" : "defer", ...refusal };
  const [first, ...others] = nexthops;
  if (isFixed(first) && others.every(isFixed)) return { kind: "nexthops", nexthops: [first, ...others] };
  return (recipient, options) => toOwnDomain(nexthops, recipient, options);
}

function isFixed(target: RouteTarget): target is Nexthop {
  return target.kind !== "own-domain";
}

function toOwnDomain(targets: readonly RouteTarget[], { host }: Mailbox, options: TransportOptions): NexthopChoice {
  if (host === undefined) return refuse("5.1.3", "the recipient has no domain");
  const found: Nexthop[] = [];
  for (const target of targets) {
    if (target.kind !== "own-domain") {
      found.push(target);
      continue;
    }
    const own =
      host.kind === "domain"
        ? ownDomainAt(host.domain, target.port)
        : literal(host.ip, { ...options, defaultPort: target.port });
    if (own.kind !== "nexthops") return own;
    found.push(...own.nexthops);
  }
  const [first, ...others] = found;
  return first === undefined ? refuse("5.4.4", "no next hop") : { kind: "nexthops", nexthops: [first, ...others] };
}

/** Rules by nexthop find it by the domain alone, whatever the port. */
function ownDomainAt(domain: Domain, port: number): NexthopChoice {
  return to({ kind: "mx", domain, port, written: domain });
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
