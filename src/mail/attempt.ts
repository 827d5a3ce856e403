/**
 * The attempt record: one recipient, one attempt, what was required and what was achieved. It is written in the same
 * transaction as the new queue state; the JSON log, accounting files, log lines, metrics and history are readings of it.
 * Everything that came from a peer is already escaped here (standards.md AT-28).
 */
import type { SmtpStage } from "./smtp-stage.ts";

export type AttemptEvent = "delivered" | "deferred" | "failed" | "expired";

export type Achieved = "none" | "encrypted" | "trusted" | "verified";

/** Of a peer's certificate; names escaped. */
export type CertificateRecord = Readonly<{
  subject: string;
  issuer: string;
  /** ISO 8601. */
  notAfter: string;
  sha256: string;
  spkiSha256: string;
  /** `rsa`, `ec`, `ed25519` ...; bits of the key (RSA modulus, curve order). */
  keyType: string;
  keyBits: number;
}>;

export type AttemptTls = Readonly<{
  /** The level the decision asked for. */
  required: string;
  achieved: Achieved;
  offered: boolean;
  /** What the peer answered to STARTTLS in place of 220. */
  refusal: RecordedReply | null;
  protocol: string | null;
  cipher: string | null;
  bits: number | null;
  group: string | null;
  resumed: boolean;
  /** The message went over a connection that had carried another one. */
  reusedConnection: boolean;
  verify: Readonly<{
    /** `trusted`, or OpenSSL's code for what is wrong; null without a handshake. */
    chain: string | null;
    name: "matched" | "mismatch" | null;
    matchedName: string | null;
    pin: "matched" | "mismatch" | null;
  }>;
  peer: CertificateRecord | null;
  /** What an enforced rule would have done, when `mode: monitor` let the mail pass. */
  monitor: "would-pass" | "would-fail" | null;
}>;

export type RecordedReply = Readonly<{ code: number; enhanced: string | null; text: string }>;

/** How the message came to us; the same in all its records. */
export type MessageOrigin = Readonly<{
  /** ISO 8601, UTC: when its last octet was read. A notice of our own: when it was made. */
  receivedAt: string;
  /** The session that brought it, and where; a notice of our own has none of these, and `local` for a protocol. */
  session: string | null;
  listener: string | null;
  client: string | null;
  /** The verified PTR name. */
  clientName: string | null;
  ehlo: string | null;
  /** As in `Received: with` (RFC 3848): `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`; `local`. */
  protocol: string;
  /** Who logged in; `by` is the SASL mechanism or `certificate`. */
  user: string | null;
  by: string | null;
  tls: OriginTls | null;
  /** RFC 3461, decoded. */
  envid: string | null;
  /** First value of each header field that a log prints, by lower-case name; absent fields are left out. */
  headers: Readonly<Record<string, string>>;
}>;

/** Of the client's connection. */
export type OriginTls = Readonly<{
  protocol: string;
  cipher: string;
  bits: number;
  group: string | null;
  /** Of the client's certificate: `trusted`, or OpenSSL's code; null where none was shown. */
  chain: string | null;
  /** Of the client's certificate. */
  subject: string | null;
  issuer: string | null;
}>;

/** One connection to a host, as far as it got. */
export type AttemptConnection = Readonly<{
  /** Unique in this worker's life and among workers; the same in all records of mail that went over it. */
  id: string;
  /** Which message on this connection this was, from 1. 0: none was begun. */
  use: number;
  localAddress: string | null;
  localPort: number | null;
  /** The lines of its first EHLO reply (in clear, where TLS began by STARTTLS) behind the greeting line. */
  keywords: readonly string[];
}>;

/**
 * What went wrong with one host, apart from words, so that each log can say it in its system's.
 * `kind`: `tls` the policy was not met or TLS could not be had; `rule` no connection is made under this rule;
 * `route` no host was found; `unreachable` no connection, time-out, closed early; `greeting` greeting or EHLO refused;
 * `refused` a reply to MAIL, RCPT, DATA or the final dot; `unsuitable` the peer lacks what the message needs; `broken`
 * the connection broke in the middle; `suspended` not tried, others failed there shortly before; `local` our own trouble
 * or word (`queue bounce`).
 */
export type AttemptFailure = Readonly<{
  kind:
    | "tls"
    | "rule"
    | "route"
    | "unreachable"
    | "greeting"
    | "refused"
    | "unsuitable"
    | "broken"
    | "suspended"
    | "local";
  /** Of `unreachable`, `greeting`, `refused` and `broken`: where in the conversation. */
  stage: SmtpStage | null;
  /** Of `tls`: what was missing. */
  tls:
    | "not-asked"
    | "not-offered"
    | "refused"
    | "lost"
    | "injected"
    | "handshake"
    | "unproven"
    | "requirement"
    | "recipient-requirement"
    | "mx-pattern"
    | null;
  /** Of `unproven`. */
  unproven: readonly ("chain" | "expired" | "name" | "pin" | "bits")[];
  /** The system's or OpenSSL's (`ECONNREFUSED`), `TIMEOUT`, `PROTOCOL`; of `route` its `RouteProblem`; null: none. */
  code: string | null;
  /** The cause in a few words, without host or reply: `connection refused`, OpenSSL's text of a failed handshake. */
  cause: string;
}>;

/** A host that was met before another one settled it, in the same attempt. */
export type EarlierHost = Readonly<
  Pick<
    AttemptRecord,
    "mx" | "address" | "port" | "connection" | "tls" | "rule" | "reply" | "error" | "status" | "failure"
  >
>;

export type AttemptRecord = Readonly<{
  /** Unique: `<messageId>.<recipient number>.<attempt>`; the same after a replay. */
  id: string;
  /** ISO 8601, UTC. */
  time: string;
  event: AttemptEvent;
  messageId: string;
  from: string;
  to: string;
  /** RFC 3461, `type;address` decoded. */
  orcpt: string | null;
  /** How many recipients of the message were due together, itself included: all of them on a first attempt. */
  recipients: number;
  /** 1 for the first. */
  attempt: number;
  /** ISO 8601: when this recipient was first tried. */
  firstTriedAt: string;
  /** Of the records that one attempt writes together, the first: what concerns the host is told once, from this one. */
  leads: boolean;
  binding: string;
  bindingGroup: string | null;
  origin: MessageOrigin;
  nexthop: string | null;
  mx: string | null;
  address: string | null;
  port: number | null;
  /** null when none came about. */
  connection: AttemptConnection | null;
  /** In the order of the walk. */
  earlier: readonly EarlierHost[];
  /** null when no decision was reached (routing failed). */
  tls: AttemptTls | null;
  rule: Readonly<{ source: string; file: string | null; line: number | null }> | null;
  reasons: readonly Readonly<{ code: string; text: string; rfc: string }>[];
  reply: RecordedReply | null;
  error: string | null;
  /** null when delivered. */
  failure: AttemptFailure | null;
  /** RFC 3463 status that queue and DSN use. */
  status: string;
  sizeBytes: number;
  /** The attempt may repeat one that a crash cut off after the peer's 250 (RFC 1047). */
  uncertain: boolean;
  /** From acceptance by us until this was known, ms. */
  ageMs: number;
  durationMs: number;
  /** Of `durationMs`: until a connection was ready for this message (DNS, other hosts, EHLO, TLS). */
  connectMs: number;
}>;

const texts = new WeakMap<AttemptRecord, string>();

/** The record as JSON. Made once: the store and the delivery log write the same text. */
export function attemptJson(record: AttemptRecord): string {
  const known = texts.get(record);
  if (known !== undefined) return known;
  const text = JSON.stringify(record);
  texts.set(record, text);
  return text;
}
