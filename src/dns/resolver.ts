/**
 * What the rest of Letterlock asks DNS, and what it gets: answers that carry their DNSSEC status.
 * A real resolver (`stub-resolver.ts`) and scripted ones stand behind the same type.
 * Rules of the stub: standards.md section 18.4 (RS-*).
 */
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";

/**
 * `secure`: the trusted resolver validated it (AD and RCODE 0 or 3). `insecure`: no AD.
 */
export type DnssecStatus = "secure" | "insecure";

export type MxRecord = Readonly<{
  preference: number;
  /** `undefined` is the root, a null MX (RFC 7505), unless `invalidTarget` says otherwise. */
  exchange: Domain | undefined;
  /** What stood there instead of a host name, escaped: an address (MX-11), characters outside LDH. Never looked up. */
  invalidTarget?: string;
}>;

/** `undefined` is a name that is no host name: an address, characters outside LDH, the root. Never looked up. */
export type PtrRecord = Domain | undefined;

/**
 * - `records`: at least one record of the asked type, after following CNAMEs; `name` is where the chain ended.
 * - `no-data`: the name exists without that type. `no-name`: NXDOMAIN.
 * - `error`: SERVFAIL, timeout, refused, malformed, CNAME loop: never to be read as absence (MX-3, RS-6).
 */
export type DnsAnswer<T> =
  | Readonly<{ kind: "records"; records: readonly T[]; status: DnssecStatus; name: Domain; ttlSeconds: number }>
  | Readonly<{ kind: "no-data"; status: DnssecStatus; name: Domain; ttlSeconds: number }>
  | Readonly<{ kind: "no-name"; status: DnssecStatus; name: Domain; ttlSeconds: number }>
  | Readonly<{
      kind: "error";
      error: string /** RFC 8914 extended error, when one came. */;
      extended: string | undefined;
    }>;

export type Resolver = Readonly<{
  mx(name: Domain, signal?: AbortSignal): Promise<DnsAnswer<MxRecord>>;
  a(name: Domain, signal?: AbortSignal): Promise<DnsAnswer<IpAddress>>;
  aaaa(name: Domain, signal?: AbortSignal): Promise<DnsAnswer<IpAddress>>;
  txt(name: Domain, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  /** The names of an address, unverified: whoever holds the address block writes what he likes. */
  ptr(address: IpAddress, signal?: AbortSignal): Promise<DnsAnswer<PtrRecord>>;
}>;
