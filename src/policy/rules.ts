/**
 * The one neutral form of an operator's wish for TLS. Every dialect, Letterlock's own YAML included, ends here;
 * only `decide.ts` and `judge.ts` know what it means.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { Credential, TlsVersion, TrustAnchors } from "../tls/handshake-settings.ts";

/** From no wish at all to full authentication; `dane` and `dane-only` refuse to connect until DANE evidence exists. */
export const tlsLevels = ["none", "may", "encrypt", "fingerprint", "verify", "secure", "dane", "dane-only"] as const;
export type TlsLevel = (typeof tlsLevels)[number];

/** Where a wish was written. `source` names the dialect or file kind (`letterlock`, `built-in`, `postfix`). */
export type Origin = Readonly<{
  source: string;
  file: string | undefined;
  /** 1-based. */
  line: number | undefined;
  column: number | undefined;
  /** The scope in words: `domain example.com in binding marketing`. */
  scope: string;
}>;

/** A value and the line it came from. */
export type Sourced<T> = Readonly<{ value: T; from: Origin }>;

/** What a certificate may be called: `hostname` is the MX host, `nexthop` and `dot-nexthop` as in Postfix. */
export type NamePattern =
  | Readonly<{ kind: "hostname" }>
  | Readonly<{ kind: "nexthop" }>
  | Readonly<{ kind: "dot-nexthop" }>
  | Readonly<{ kind: "name"; name: Domain }>
  /** `.example.com`: any name below it. */
  | Readonly<{ kind: "below"; name: Domain }>;

/** A digest of the certificate, of its public key (SPKI), or of either (Postfix). `digest` is lower-case hex. */
export type Pin = Readonly<{
  of: "certificate" | "spki" | "either";
  algorithm: "sha256" | "sha512" | "sha1" | "md5";
  digest: string;
}>;

/** `never`; `at-once` in the same attempt, on a new connection where a handshake broke; `after` that age of the message. */
export type Fallback =
  | Readonly<{ kind: "never" }>
  | Readonly<{ kind: "at-once" }>
  | Readonly<{ kind: "after"; ms: number }>;

export type SniChoice =
  | Readonly<{ kind: "hostname" }>
  | Readonly<{ kind: "nexthop" }>
  | Readonly<{ kind: "off" }>
  | Readonly<{ kind: "name"; name: Domain }>;

/** A dated exception: who asked for it, why, and when it ends (ms since 1970). */
export type TlsException = Readonly<{ expiresAt: number; owner: string | undefined; reason: string | undefined }>;

/**
 * One rule for one question. Absent settings take the built-in default of `decide.ts`.
 * Each value knows its own line: the winner of one setting may stand elsewhere than the winner of another.
 */
export type TlsRule = Readonly<{
  level: Sourced<TlsLevel>;
  match?: Sourced<readonly NamePattern[]>;
  anchors?: Sourced<TrustAnchors>;
  pins?: Sourced<readonly Pin[]>;
  protocols?: Sourced<Readonly<{ min: TlsVersion; max: TlsVersion }>>;
  /** OpenSSL cipher list for TLS 1.2 and suites for 1.3, checked when it was read. */
  ciphers?: Sourced<string>;
  groups?: Sourced<string>;
  minCipherBits?: Sourced<number>;
  clientCertificate?: Sourced<Credential | "none">;
  sni?: Sourced<SniChoice>;
  fallback?: Sourced<Fallback>;
  onFailure?: Sourced<"defer" | "bounce">;
  mode?: Sourced<"enforce" | "monitor">;
  exception?: Sourced<TlsException>;
  /** A rule that asked for something we cannot honour: no connection is made; the text says why. */
  refuse?: Sourced<string>;
}>;

/** All that a look-up may be keyed by. `host` is known once routing is done, so a source is asked per MX host. */
export type OutboundQuestion = Readonly<{
  sender: Mailbox | undefined;
  recipient: Mailbox;
  recipientDomain: Domain | undefined;
  nexthop: Nexthop;
  binding: string;
  bindingGroup: string | undefined;
  host: Domain | undefined;
  address: IpAddress | undefined;
  /** ms since 1970: an expired exception no longer answers. */
  now: number;
}>;

/** One line that could have decided, in order of precedence; `explain` prints them all. */
export type Candidate = Readonly<{
  from: Origin;
  settings: readonly string[];
  verdict: "wins" | "adds" | "shadowed" | "expired";
}>;

export type PolicySource = Readonly<{
  name: string;
  outbound(question: OutboundQuestion): TlsRule | undefined;
  /** The same look-up, slower, with everything that was considered. */
  candidates(question: OutboundQuestion): readonly Candidate[];
}>;
