/**
 * The one neutral form of an operator's wish for TLS. Every dialect, Letterlock's own YAML included, ends here;
 * only `decide.ts` and `judge.ts` know what it means.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { ReceivedForm, ReplyWording } from "../smtp/server/conduct.ts";
import type { SaslMechanism } from "../smtp/server/sasl/sasl.ts";
import type { ClientPurpose } from "../tls/client-trust.ts";
import type { Credential, TlsVersion, TrustAnchors } from "../tls/handshake-settings.ts";
import type { ServedCertificates } from "../tls/server-tls.ts";

/** From no wish at all to full authentication; `dane` and `dane-only` refuse to connect until DANE evidence exists. */
export const tlsLevels = ["none", "may", "encrypt", "fingerprint", "verify", "secure", "dane", "dane-only"] as const;
export type TlsLevel = (typeof tlsLevels)[number];

/** Levels that ask a host to prove who it is: mail flows only over what is `verified`. */
export const provingLevels: ReadonlySet<string> = new Set<TlsLevel>([
  "fingerprint",
  "verify",
  "secure",
  "dane",
  "dane-only",
]);

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

/**
 * Clear text where a host offers TLS and it cannot be had, at level `may`: `never`; `at-once` in the same attempt, on a
 * new connection where a handshake broke; `after` that age of the message.
 */
export type Fallback = Readonly<{ kind: "never" }> | ClearTextFallback;

export type ClearTextFallback = (Readonly<{ kind: "at-once" }> | Readonly<{ kind: "after"; ms: number }>) &
  Readonly<{
    /** `last` (default): when every host was tried with TLS. `same-host`: this host in clear before the next (Postfix). */
    turn?: "last" | "same-host";
    /** Clear text also where the handshake is fine and the proof fails (PowerMTA). Default: never for that reason. */
    alsoUnproven?: true;
  }>;

/**
 * What must be proven in addition, whenever TLS is in use, at `may` and `encrypt`: a trusted chain, also the name.
 * `verify`, `secure` and `fingerprint` say so themselves.
 */
export type Proof = "nothing" | "chain" | "chain-and-name";

/**
 * How the subject's common name counts beside SubjectAltName: never (RFC 9525), when there is no DNS name in it
 * (Postfix), or as one name more (Momentum).
 */
export type CommonNameUse = "never" | "without-san" | "also";

/**
 * STARTTLS answered by anything but 220. `clear`: at `may` on in clear, whatever `fallback` says (Sendmail).
 * `next-host`: no clear text here. `bounce-5yz`: a 5yz returns the mail where TLS is required, and no other host is
 * tried (Postfix). Default: clear text at `may` unless the fallback is `never`, else the next host.
 */
export type WhenRefused = "clear" | "next-host" | "bounce-5yz";

/** Whose words and enhanced status codes a failure is told in; `sendmail-403` is Sendmail before 8.17. */
export const wordings = ["letterlock", "postfix", "sendmail", "sendmail-403", "momentum"] as const;
export type Wording = (typeof wordings)[number];

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
  proof?: Sourced<Proof>;
  commonName?: Sourced<CommonNameUse>;
  whenRefused?: Sourced<WhenRefused>;
  /** Only MX hosts that fit one of these are used (MTA-STS patterns: `*.x` is exactly one label); `*`: any. RFC 8461 §4.1 */
  mxPatterns?: Sourced<readonly string[]>;
  wording?: Sourced<Wording>;
  /** Demands that come on top, in the order to check them; `createPolicy` gathers them from every source. */
  requirements?: readonly PeerRequirement[];
  mode?: Sourced<"enforce" | "monitor">;
  exception?: Sourced<TlsException>;
  /** A rule that asked for something we cannot honour: no connection is made; the text says why. False: none. */
  refuse?: Sourced<string | Readonly<{ status: EnhancedStatus; text: string }> | false>;
}>;

/**
 * A demand in Sendmail's form (`VERIFY:128+CN:mx.example.com`), held against the peer once TLS was done, refused, or not
 * to be had. It comes on top of whatever rule decided, and speaks with its own reply (sendmail reference, section 3).
 */
export type PeerRequirement = Readonly<{
  from: Origin;
  /** As written, without blanks and comments that do not count. */
  text: string;
  /** `host`: once per connection. `recipient`: for each recipient. `client`: a peer that connects to us. */
  of: "host" | "recipient" | "client";
  /** VERIFY: the chain leads to a trusted CA; no name check. */
  verify: boolean;
  /** `digits` as written, for the reply. */
  bits: Readonly<{ atLeast: number; digits: string }> | undefined;
  extensions: readonly RequirementExtension[];
  reply: Readonly<{ code: 403 | 454 | 503 | 554; status: EnhancedStatus }>;
}>;

/** Texts are compared in Sendmail's encoding (`+20` for a blank), case ignored. */
export type RequirementExtension =
  /** The subject's common name is this, or the peer's host name where `name` is undefined. */
  | Readonly<{ kind: "cn"; name: string | undefined }>
  | Readonly<{ kind: "subject" | "issuer"; dn: string }>
  /** `tag:issuer` must be a key of the map: `issuers` holds all keys with that tag, lower case, without it. */
  | Readonly<{ kind: "issuer-tag"; tag: string; issuers: ReadonlySet<string> }>;

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

/** All that an inbound look-up may be keyed by: asked when a client connects, again inside TLS, and after AUTH. */
export type InboundQuestion = Readonly<{
  /** As settings call it. */
  listener: string;
  localAddress: IpAddress | undefined;
  localPort: number | undefined;
  client: IpAddress;
  /** The verified PTR name. */
  clientName: Domain | undefined;
  /** DNS could not tell just now: what depends on a name is not certain. */
  clientNameUnknown?: true;
  /** Who logged in, if anybody. */
  user: string | undefined;
  now: number;
}>;

/** One envelope of that client. `recipient` is undefined at MAIL. */
export type EnvelopeQuestion = InboundQuestion &
  Readonly<{ sender: Mailbox | undefined; recipient: Mailbox | undefined }>;

/**
 * What is offered to and demanded of a client. Absent settings say nothing: the next source is asked, then the default.
 *
 * Four words for no. `barred`: by the operator, for good, 521. `rejected`: by the operator, with a reply of his own.
 * `refuse`: by us, for now, since the rule cannot be honoured. Whichever it is, and where a demand is not met as well, the
 * session calls that client barred (`Conduct`). What is said no to in its course, a sender or a log-in, is refused (`Refusal`).
 */
export type InboundRule = Readonly<{
  /**
   * `require`: all but the commands of RFC 3207 §4 is answered 530 before TLS. `unavailable`: it would be offered, but
   * what it needs is not there, so the command fails for now (Sendmail without a usable key).
   */
  starttls?: Sourced<"never" | "unavailable" | "offer" | "require">;
  /** TLS from the first octet, where a dialect says it of some addresses; of an open listener its settings say so. */
  implicitTls?: Sourced<boolean>;
  /**
   * `ask`: anybody may come without. `require`: whoever shows none is cut off after the handshake (Momentum).
   * `require-trusted`: one that leads to a trusted CA, else nothing is taken from this client.
   */
  clientCertificate?: Sourced<"do-not-ask" | "ask" | "require" | "require-trusted">;
  /** Without any, no client is trusted by its chain. */
  clientAnchors?: Sourced<TrustAnchors>;
  /** What a client's certificate must have been made for. Default: `client-or-server` (TL-17). */
  clientPurpose?: Sourced<ClientPurpose>;
  certificates?: Sourced<ServedCertificates>;
  protocols?: Sourced<Readonly<{ min: TlsVersion; max: TlsVersion }>>;
  ciphers?: Sourced<string>;
  groups?: Sourced<string>;
  /** Where AUTH is offered; `plain-only-in-tls` hides PLAIN and LOGIN alone. Default: `never`. */
  auth?: Sourced<"always" | "only-in-tls" | "plain-only-in-tls" | "never">;
  /** Default: all but CRAM-MD5, as far as the users' stored secrets and the session allow. */
  mechanisms?: Sourced<readonly SaslMechanism[]>;
  /** No mail before AUTH. */
  authRequired?: Sourced<boolean>;
  /** Octets pipelined behind STARTTLS: refuse and close (default), or throw them away. Never executed. */
  pipelined?: Sourced<"reject" | "discard">;
  /** MAIL inside TLS needs no EHLO of its own. Default: it does (ST-4). */
  mailWithoutHello?: Sourced<boolean>;
  /** In whose words and codes TLS, AUTH and relaying are refused; where a reference is silent, in Letterlock's own. */
  wording?: Sourced<ReplyWording>;
  /** In whose form `Received:` says how mail came in. Default: our own. */
  received?: Sourced<ReceivedForm>;
  /** Demands in Sendmail's form. */
  requirements?: readonly PeerRequirement[];
  /** When those are held against a client in clear text: at MAIL (default), or at each RCPT (Sendmail's delay_checks). */
  requirementsAt?: Sourced<"mail" | "rcpt">;
  /** This client may send to anywhere. */
  relay?: Sourced<boolean>;
  /** Who may relay by certificate. */
  relayByCertificate?: Sourced<RelayByCertificate>;
  /** Who a client is by its certificate alone, without AUTH (PowerMTA); the first that fits. */
  userByCertificate?: Sourced<readonly Readonly<{ pin: Pin; user: string }>[]>;
  /** Nothing is ever taken from this client (PowerMTA's `smtp-service no`, Momentum's `always_deny`): 521, RFC 7504. */
  barred?: Sourced<boolean>;
  /** This client is turned away with this reply: whatever it says, or each of its recipients (Sendmail's check_relay). */
  rejected?: Sourced<RejectedClient>;
  /** Asked for something that cannot be honoured: the client is told to come back later. */
  refuse?: Sourced<string>;
}>;

export type RejectedClient = Readonly<{ code: number; status: EnhancedStatus; text: string; at: "session" | "rcpt" }>;

export type RelayByCertificate =
  /** Whoever has a trusted chain. */
  | Readonly<{ kind: "trusted" }>
  /** As with a demand of level `matching`: any one of these, names and issuers only of a trusted chain. None: nobody. */
  | Readonly<{ kind: "match"; pins: readonly Pin[]; names?: readonly NamePattern[]; issuers?: readonly string[] }>
  /** Issuer, and where `subjects` is given also subject, in Sendmail's encoding, lower case. */
  | Readonly<{ kind: "names"; issuers: ReadonlyMap<string, "relay" | "subject">; subjects: ReadonlySet<string> }>;

/**
 * What an envelope needs to be taken (require-tls, reject_plaintext_session ...).
 * `encrypted`: TLS with at least `minCipherBits`. `trusted`: and a client certificate whose chain leads to `anchors`.
 * `matching`: and a certificate that fits one of `names`, `issuers` or `pins`; those of `pins` need no trusted chain.
 */
export type InboundDemand = Readonly<{
  from: Origin;
  /** As written, in the source's terms. */
  text: string;
  level: "none" | "encrypted" | "trusted" | "matching";
  minCipherBits?: number;
  /** Undefined: those that the handshake was made with. */
  anchors?: TrustAnchors;
  /** Held against the SubjectAltName DNS names. */
  names?: readonly NamePattern[];
  /** Distinguished names in RFC 4514 text, compared without regard to letter case. */
  issuers?: readonly string[];
  pins?: readonly Pin[];
  mode: "enforce" | "monitor";
  /** Undefined text: Letterlock's own words for what is missing. */
  answer: Readonly<{ code: number; status: EnhancedStatus; text?: string }>;
  exception?: TlsException;
}>;

/** `at-recipient`: at MAIL it is not known yet. `unsure`: it counts only if the client's name is what DNS cannot tell. */
export type DemandAnswer =
  | Readonly<{ kind: "demand"; demand: InboundDemand; unsure?: true }>
  | Readonly<{ kind: "at-recipient" }>;

/** One line that could have decided, in order of precedence; `explain` prints them all. */
export type Candidate = Readonly<{
  from: Origin;
  /** The line in the source's own terms, where a dialect has one. */
  written?: string;
  /** Through which includes and macros it came, outermost first: `main.cf:12 include tls.cf`. */
  through?: readonly string[];
  settings: readonly string[];
  verdict: "wins" | "adds" | "shadowed" | "expired";
}>;

export type PolicySource = Readonly<{
  name: string;
  outbound(question: OutboundQuestion): TlsRule | undefined;
  /** Demands on top, whichever source answered. */
  requirements?(question: OutboundQuestion): readonly PeerRequirement[];
  /**
   * Equal for recipients of one domain that every look-up treats alike; only for sources that look at local parts.
   * Recipients with different keys never share a transaction.
   */
  recipientKey?(recipient: Mailbox): string;
  inbound?(question: InboundQuestion): InboundRule | undefined;
  /**
   * What is demanded of an envelope on top of that: each must be met, and the first that is not gives the answer. Our own
   * rules demand one thing at most, Postfix's lists several.
   */
  demands?(question: EnvelopeQuestion): readonly DemandAnswer[];
  /**
   * Asked before this client's handshake: undefined where no demand on its mail can need a certificate, else the CAs
   * that such demands name on their own.
   */
  certificateDemands?(question: InboundQuestion): readonly TrustAnchors[] | undefined;
  /** The same look-up, slower, with everything that was considered. */
  candidates(question: OutboundQuestion): readonly Candidate[];
}>;
