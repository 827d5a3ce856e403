/**
 * Events that tests tell logs of: the sample records, varied, and a session's.
 */
import type { AttemptRecord } from "../mail/attempt.ts";
import { sampleAttempt } from "../mail/attempt-sample.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";
import { sampleInbound, sampleInboundRefusal } from "../mail/inbound-sample.ts";
import type { EventOf, SessionLabel } from "./events.ts";

export const sampleLabel: SessionLabel = {
  session: "01KD8W7F2Q",
  listener: "smtp",
  client: "192.0.2.9",
  clientPort: 4000,
  clientName: null,
};

/** Of a client that showed no certificate, and was not asked for one. */
export const sampleHandshake: EventOf<"inbound-handshake"> = {
  ...sampleLabel,
  kind: "inbound-handshake",
  protocol: "TLSv1.2",
  cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  bits: 128,
  group: null,
  resumed: false,
  certificate: null,
  chain: null,
  certificateAsked: false,
  serverName: null,
};

export function attempt(change: Partial<AttemptRecord> = {}): EventOf<"attempt"> {
  return { kind: "attempt", record: { ...sampleAttempt, ...change } };
}

/** A message that was taken. */
export function taken(change: Partial<InboundRecord> = {}): EventOf<"inbound"> {
  return { kind: "inbound", record: { ...sampleInbound, ...change } };
}

export function refused(change: Partial<InboundRecord> = {}): EventOf<"inbound"> {
  return { kind: "inbound", record: { ...sampleInboundRefusal, ...change } };
}
