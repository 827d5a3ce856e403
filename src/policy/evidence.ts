/**
 * What is known about one host before connecting: what routing found, and later what DANE and MTA-STS published.
 */
import type { DnssecStatus } from "../dns/resolver.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { Nexthop } from "../mail/nexthop.ts";

export type TlsEvidence = Readonly<{
  nexthop: Nexthop;
  /** The MX host as named in DNS or configuration; `undefined` for a bare address. */
  host: Domain | undefined;
  /** The address about to be connected to. */
  address: IpAddress | undefined;
  mxStatus: DnssecStatus;
  implicitTls: boolean;
  /** Age of the message in ms at this attempt: `fallback: after` looks at it. */
  messageAgeMs: number;
}>;
