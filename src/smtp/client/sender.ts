/**
 * The shapes at the border of the SMTP client: open a connection, learn what TLS came to, send mail over it.
 * It reports what it saw and decides nothing: between `open` and `send` stands the verdict.
 */
import type { IpAddress } from "../../mail/address.ts";
import type { Body, BodyFacts } from "../../mail/body.ts";
import type { EnvelopeRecipient, EnvelopeSender } from "../../mail/envelope.ts";
import type { EnhancedStatus } from "../../mail/outcome.ts";
import type { Reply } from "../../mail/reply.ts";
import type { SmtpStage } from "../../mail/smtp-stage.ts";
import type { HandshakeSettings } from "../../tls/handshake-settings.ts";
import type { PeerFacts } from "../../tls/peer-facts.ts";

/** `never`: clear text even when offered. `if-offered`. `always`: no HELO fall-back either (ST-16). */
export type StarttlsAsk = "never" | "if-offered" | "always";

/** All in ms; the minimums of RFC 5321 §4.5.3.2 are the defaults (CL-5, CL-6). */
export type SenderTimeouts = Readonly<{
  connectMs: number;
  greetingMs: number;
  ehloMs: number;
  starttlsMs: number;
  handshakeMs: number;
  mailMs: number;
  rcptMs: number;
  dataMs: number;
  dataBlockMs: number;
  finalDotMs: number;
  /** A whole attempt, whatever the peer drips. */
  totalMs: number;
}>;

export const defaultTimeouts: SenderTimeouts = {
  connectMs: 30_000,
  greetingMs: 300_000,
  ehloMs: 300_000,
  starttlsMs: 120_000,
  handshakeMs: 60_000,
  mailMs: 300_000,
  rcptMs: 300_000,
  dataMs: 120_000,
  dataBlockMs: 180_000,
  finalDotMs: 600_000,
  totalMs: 3_600_000,
};

/** What is known of a connection apart from TLS. */
export type ConnectionFacts = Readonly<{
  /** As its opener named it. */
  id: string;
  localAddress: string | null;
  localPort: number | null;
  /** Lines of the first EHLO reply (in clear, where TLS begins by STARTTLS) behind the greeting line, raw; at most 100. */
  keywords: readonly string[];
}>;

export type OpenOptions = Readonly<{
  /** A name for the connection, for records. */
  id: string;
  address: IpAddress;
  port: number;
  localAddress: IpAddress | undefined;
  ehlo: string;
  implicitTls: boolean;
  starttls: StarttlsAsk;
  handshake: HandshakeSettings;
  timeouts: SenderTimeouts;
  /** EX-8: 8-bit content to a peer without 8BITMIME; `bounce` where absent. */
  eightBitWithoutExtension?: "bounce" | "send";
}>;

export type OpenResult =
  /** Speak on: in TLS, or in clear because TLS was not offered, skipped or refused. Nothing of a message was sent. */
  | Readonly<{ kind: "open"; facts: PeerFacts; connection: SmtpConnection }>
  /**
   * The connection is gone: handshake failed, lost at STARTTLS, octets injected; STARTTLS refused with 421; EHLO refused
   * for good where STARTTLS was asked for `always`, which is as good as not offered (ST-16, AT-3).
   * From `prepare`: the peer broke TLS off behind the handshake, as TLS 1.3 servers do that miss a client certificate.
   */
  | Readonly<{ kind: "tls-broken"; facts: PeerFacts; connection: ConnectionFacts }>
  /** Greeting or EHLO answered by 4yz or 5yz (CL-14, CL-15). */
  | Readonly<{ kind: "refused"; stage: "greeting" | "ehlo"; reply: Reply; connection: ConnectionFacts }>
  /**
   * No connection, time-out, closed early, protocol error: always temporary. `code` is the system's or OpenSSL's,
   * `TIMEOUT` or `PROTOCOL`; `connection` where TCP came about.
   */
  | Readonly<{
      kind: "unreachable";
      stage: SmtpStage;
      status: EnhancedStatus;
      code: string;
      text: string;
      connection?: ConnectionFacts;
    }>;

export type OutboundMessage = Readonly<{
  sender: EnvelopeSender;
  recipients: readonly EnvelopeRecipient[];
  body: Body;
  facts: BodyFacts;
}>;

/** What became of one recipient, in the order of `OutboundMessage.recipients`. */
export type RecipientResult =
  | Readonly<{
      kind: "delivered";
      reply: Reply;
      /** The peer offers DSN and was given this recipient's NOTIFY (DS-2). */
      dsnPassedOn: boolean;
    }>
  /** A 4yz or 5yz to MAIL, RCPT, DATA or the final dot. */
  | Readonly<{ kind: "refused"; stage: SmtpStage; reply: Reply }>
  /** The peer lacks what the message needs (SMTPUTF8, 8BITMIME, SIZE): permanent here, another host may differ. */
  | Readonly<{ kind: "unsuitable"; status: EnhancedStatus; text: string }>
  /** The connection broke or timed out (`code` as above); `uncertain` after the final dot was on its way (CL-8). */
  | Readonly<{
      kind: "broken";
      stage: SmtpStage;
      status: EnhancedStatus;
      code: string;
      text: string;
      uncertain: boolean;
    }>;

export interface SmtpConnection {
  readonly facts: PeerFacts;
  readonly connection: ConnectionFacts;
  /** Messages begun on this connection. */
  readonly messages: number;
  /** False once it was closed, broke, answered 421 or is in an unknown state. */
  readonly reusable: boolean;
  /** EHLO again inside TLS (ST-12); undefined when ready, else why not. Call once, after the verdict; in clear it does nothing. */
  prepare(): Promise<Exclude<OpenResult, Readonly<{ kind: "open" }>> | undefined>;
  /** One transaction. Never throws; results in the order of the recipients. */
  send(message: OutboundMessage): Promise<readonly RecipientResult[]>;
  /** QUIT without waiting for the answer beyond a few seconds (CL-13); safe to call at any time. */
  quit(): void;
  /** Called once when the connection is over, however it ended; at once when it is over already. */
  onClose(listener: () => void): void;
}
