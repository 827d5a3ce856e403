/**
 * From a nexthop to hosts and addresses, in the order in which they are tried. Knows nothing of TLS.
 * RFC 5321 §5.1, RFC 7505, standards.md MX-* and NM-*.
 */
import type { DnssecStatus } from "../dns/resolver.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";

/**
 * One host of a nexthop with its addresses in the order to try them.
 * `name` is the name from the MX record (or of the `[host]`), before any CNAME; an IP nexthop has none.
 */
export type MxHost = Readonly<{
  name: Domain | undefined;
  preference: number;
  port: number;
  implicitTls: boolean;
  addresses: readonly IpAddress[];
  /** Whether the MX answer and the address answers were validated. */
  mxStatus: DnssecStatus;
  addressStatus: DnssecStatus;
}>;

/** `defer` and `fail` carry what the attempt record and a DSN will say. */
export type Route =
  | Readonly<{ kind: "hosts"; hosts: readonly MxHost[] }>
  | Readonly<{ kind: "defer"; status: EnhancedStatus; text: string; code: RouteProblem }>
  | Readonly<{ kind: "fail"; status: EnhancedStatus; text: string; code: RouteProblem }>;

export type RouteProblem =
  | "dns-error"
  | "no-such-domain"
  | "null-mx"
  | "no-usable-host"
  | "loops-to-self"
  | "address-not-allowed";
