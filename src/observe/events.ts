/**
 * The one list of events that can be logged and counted. Rooms report them to an `Observer` they are handed;
 * the human log (`record/human-log.ts`) and the metrics (`record/metrics.ts`) are readings of them.
 * Text from peers is raw here: the readings escape it.
 */
import type { AttemptRecord } from "../mail/attempt.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";

export type LetterlockEvent =
  | Readonly<{ kind: "listening"; listener: string; address: string; port: number; tls: string }>
  | Readonly<{
      kind: "session-ended";
      listener: string;
      client: string;
      ehlo: string;
      tls: string | null;
      messages: number;
      refusals: number;
      reason: string;
      durationMs: number;
    }>
  | Readonly<{ kind: "connection-refused"; listener: string; client: string; reason: string }>
  | Readonly<{
      kind: "inbound-handshake";
      listener: string;
      client: string;
      protocol: string;
      cipher: string;
      group: string | null;
      resumed: boolean;
    }>
  | Readonly<{ kind: "inbound-handshake-failed"; listener: string; client: string; error: string }>
  /** An AUTH exchange that ended. */
  | Readonly<{
      kind: "log-in";
      listener: string;
      client: string;
      mechanism: string;
      /** `failed`: the credentials or the client's syntax. `temporary`: our own trouble. */
      result: "ok" | "failed" | "locked" | "temporary";
      /** Who logged in, or was named. */
      user: string | null;
    }>
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
  | Readonly<{ kind: "trouble"; where: string; error: string }>;

export type Observer = (event: LetterlockEvent) => void;
