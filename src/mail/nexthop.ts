/**
 * What routing chose for a recipient: a domain to ask MX for, or a host as it is (`[host]`).
 */
import type { IpAddress } from "./address.ts";
import type { Domain } from "./domain.ts";

export type Nexthop =
  /** `domain` or `domain:port`: MX look-up, then the hosts. `implicitTls`: of all of them (default: none). */
  (
    | Readonly<{ kind: "mx"; domain: Domain; port: number; implicitTls?: true }>
    /** `[host]` or `[host]:port`, `[192.0.2.1]:port`: no MX look-up. */
    | Readonly<{ kind: "host"; host: Domain | IpAddress; isIp: boolean; port: number; implicitTls: boolean }>
  ) &
    Readonly<{
      /** As routing wrote it, brackets and port included: what a Postfix policy table is keyed by. */
      written?: string;
      /** The transport service that was chosen (`relay`, `smtp-tls`), where the dialect has such. */
      service?: string;
    }>;

/** The text by which people know a nexthop: `example.com`, `example.com:2525`, `[mx.example.com]`, `[192.0.2.1]:26`. */
export function formatNexthop(nexthop: Nexthop, defaultPort = 25): string {
  const port = nexthop.port === defaultPort ? "" : `:${nexthop.port}`;
  return nexthop.kind === "mx" ? `${nexthop.domain}${port}` : `[${nexthop.host}]${port}`;
}
