/**
 * The attempt record: one recipient, one attempt, what was required and what was achieved. It is written in the same
 * transaction as the new queue state; the JSON log, accounting files, log lines, metrics and history are readings of it.
 * Everything that came from a peer is already escaped here (standards.md AT-28).
 */

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
}>;

export type AttemptTls = Readonly<{
  /** The level the decision asked for. */
  required: string;
  achieved: Achieved;
  offered: boolean;
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

export type AttemptRecord = Readonly<{
  /** Unique: `<messageId>.<recipient number>.<attempt>`; the same after a replay. */
  id: string;
  /** ISO 8601, UTC. */
  time: string;
  event: AttemptEvent;
  messageId: string;
  from: string;
  to: string;
  /** 1 for the first. */
  attempt: number;
  binding: string;
  nexthop: string | null;
  mx: string | null;
  address: string | null;
  port: number | null;
  /** null when no decision was reached (routing failed). */
  tls: AttemptTls | null;
  rule: Readonly<{ source: string; file: string | null; line: number | null }> | null;
  reasons: readonly Readonly<{ code: string; text: string; rfc: string }>[];
  reply: Readonly<{ code: number; enhanced: string | null; text: string }> | null;
  error: string | null;
  /** RFC 3463 status that queue and DSN use. */
  status: string;
  sizeBytes: number;
  /** The attempt may repeat one that a crash cut off after the peer's 250 (RFC 1047). */
  uncertain: boolean;
  /** From acceptance by us until this was known, ms. */
  ageMs: number;
  durationMs: number;
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
