/**
 * The inbound record: one for each message that was taken, and for each client, log-in, sender, recipient or message that
 * was refused: what was demanded of the connection, by which rule, and what it had. One JSON line each.
 * Everything that came from a peer is already escaped here (standards.md AT-28).
 */
import type { CertificateRecord } from "./attempt.ts";

/** Of the connection when it was judged. `trusted`: the client's chain leads to a CA of ours; `matched`: a demand named it. */
export type InboundAchieved = "none" | "encrypted" | "trusted" | "matched";

export type InboundTls = Readonly<{
  required: "none" | "encrypted" | "trusted" | "matching";
  achieved: InboundAchieved;
  /** All null in clear text. `serverName` is the SNI. */
  protocol: string | null;
  cipher: string | null;
  bits: number | null;
  group: string | null;
  serverName: string | null;
  resumed: boolean;
  /** Of the client's certificate: `trusted`, or OpenSSL's code for what is wrong; null where none was shown. */
  chain: string | null;
  client: CertificateRecord | null;
  /** What an enforced demand would have done, when `mode: monitor` let the mail pass. */
  monitor: "would-pass" | "would-fail" | null;
}>;

export type InboundRecord = Readonly<{
  /** The message id, or `<session id>.<number>` of a refusal. */
  id: string;
  /** ISO 8601, UTC. */
  time: string;
  event: "accepted" | "refused";
  /** Of a refusal: where. */
  stage: "client" | "starttls" | "auth" | "mail" | "rcpt" | "data" | null;
  /**
   * Of a refusal: `policy` is the rule that `rule` names, `relay` mail to elsewhere without a right to send it,
   * `log-in` a failed one; for the rest, whether it may go better later.
   */
  reason: "policy" | "relay" | "log-in" | "temporary" | "permanent" | null;
  session: string;
  messageId: string | null;
  listener: string;
  client: string;
  clientPort: number;
  /** What the client connected to. */
  localAddress: string | null;
  localPort: number;
  /** The verified PTR name. */
  clientName: string | null;
  ehlo: string;
  /** As in `Received: with` (RFC 3848): `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`. */
  protocol: string;
  /** Null before MAIL. */
  from: string | null;
  /** RFC 3461, decoded. */
  envid: string | null;
  /** At most the first thousand. */
  to: readonly string[];
  /** RFC 3461, `type;address` decoded, of each of `to`; empty where no recipient has one. */
  orcpts: readonly (string | null)[];
  /** Under which it leaves. */
  binding: string | null;
  bindingGroup: string | null;
  /** Of a message: first value of each header field that a log prints, by lower-case name; absent ones are left out. */
  headers: Readonly<Record<string, string>>;
  tls: InboundTls;
  /** The line that demanded it. */
  rule: Readonly<{ source: string; file: string | null; line: number | null; text: string }> | null;
  /** Who logged in, or who was named in a log-in that failed; `by` is the SASL mechanism or `certificate`. */
  user: string | null;
  by: string | null;
  /** By what right it goes to recipients that are not ours; null where no such right was needed or given. */
  relay: "network" | "user" | "certificate" | null;
  reply: Readonly<{ code: number; enhanced: string | null; text: string }>;
  sizeBytes: number | null;
}>;
