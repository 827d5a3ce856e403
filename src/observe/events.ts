/**
 * The one list of events that can be logged and counted. Rooms report them to an `Observer` they are handed;
 * the human log (`record/human-log.ts`) and the metrics (`record/metrics.ts`) are readings of them.
 * Text from peers is raw here: the readings escape it.
 */
import type { AttemptRecord, CertificateRecord } from "../mail/attempt.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";

/** Whose session it is. */
export type SessionLabel = Readonly<{
  session: string;
  listener: string;
  client: string;
  clientPort: number;
  /** The verified PTR name, where somebody asked for it. */
  clientName: string | null;
}>;

/** Verbs of SMTP in lower case, `unknown` for all others: how often they were said, and how often with success. */
export type CommandCounts = Readonly<Record<string, Readonly<{ said: number; good: number }>>>;

/** `EventOf<"attempt">` */
export type EventOf<K extends LetterlockEvent["kind"]> = Extract<LetterlockEvent, Readonly<{ kind: K }>>;

export type LetterlockEvent =
  | Readonly<{ kind: "listening"; listener: string; address: string; port: number; tls: string }>
  | (SessionLabel & Readonly<{ kind: "session-started" }>)
  | (SessionLabel &
      Readonly<{
        kind: "session-ended";
        ehlo: string;
        tls: string | null;
        messages: number;
        refusals: number;
        reason: string;
        durationMs: number;
        commands: CommandCounts;
        /** One of them; `connect` before any. */
        lastCommand: string;
      }>)
  | Readonly<{ kind: "connection-refused"; listener: string; client: string; reason: string }>
  | (SessionLabel &
      Readonly<{
        kind: "inbound-handshake";
        protocol: string;
        cipher: string;
        bits: number;
        group: string | null;
        resumed: boolean;
        /** The client's, escaped; `chain` is `trusted` or OpenSSL's code. */
        certificate: CertificateRecord | null;
        chain: string | null;
        /** The client was asked for one. */
        certificateAsked: boolean;
        serverName: string | null;
      }>)
  | (SessionLabel & Readonly<{ kind: "inbound-handshake-failed"; error: string }>)
  /** An AUTH exchange that ended. */
  | (SessionLabel &
      Readonly<{
        kind: "log-in";
        mechanism: string;
        /** `failed`: the credentials or the client's syntax. `temporary`: our own trouble. */
        result: "ok" | "failed" | "locked" | "temporary";
        /** Who logged in, or was named. */
        user: string | null;
      }>)
  | Readonly<{ kind: "attempt"; record: AttemptRecord }>
  /** A message that was taken and is on disk, or something that was refused to a client. */
  | Readonly<{ kind: "inbound"; record: InboundRecord }>
  | Readonly<{
      kind: "outbound-handshake";
      host: string;
      address: string;
      protocol: string | null;
      error: string | null;
      durationMs: number;
    }>
  | Readonly<{
      kind: "notice-queued";
      messageId: string;
      about: string;
      to: string;
      action: "failed" | "delayed" | "relayed" | "expired";
      /** Its Message-ID, with the angle brackets. */
      headerId: string;
      sizeBytes: number;
      binding: string;
    }>
  | Readonly<{ kind: "commit"; operations: number; seconds: number }>
  | Readonly<{ kind: "store-trouble"; error: string }>
  /** `changes`: what a reload made different, in words; undefined at the start. */
  | Readonly<{ kind: "configuration-loaded"; files: readonly string[]; changes?: readonly string[] }>
  | Readonly<{ kind: "configuration-rejected"; problems: readonly string[] }>
  | Readonly<{ kind: "certificate-swapped"; name: string; notAfter: string }>
  | Readonly<{ kind: "worker-started"; worker: number; pid: number }>
  | Readonly<{ kind: "worker-ended"; worker: number; pid: number; reason: string }>
  | Readonly<{ kind: "recovered"; worker: number; trying: number }>
  | Readonly<{ kind: "stopping"; reason: string }>
  /** A log cannot be written, or can be again: told once for each change. `lost`: lines that nobody will ever see there. */
  | Readonly<{ kind: "log-trouble"; log: string; target: string; error: string }>
  | Readonly<{ kind: "log-recovered"; log: string; target: string; lost: number }>
  | Readonly<{ kind: "log-lines-lost"; log: string; lines: number }>
  | Readonly<{ kind: "trouble"; where: string; error: string }>;

export type Observer = (event: LetterlockEvent) => void;
