/**
 * A plain session and its surroundings, which tests vary: a stranger in clear, under rules that say nothing.
 */
import type { IpAddress } from "../mail/address.ts";
import type { EnvelopeSender } from "../mail/envelope.ts";
import type { Origin, PolicySource, Sourced } from "../policy/rules.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import { sampleSession as sessionOf } from "../smtp/server/session-sample.ts";
import { sampleClientHandshake } from "../tls/client-sample.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";

export const sampleOrigin: Origin = { source: "letterlock", file: "/l.yaml", line: 7, column: 1, scope: "test" };

export function said<T>(value: T): Sourced<T> {
  return { value, from: sampleOrigin };
}

export function sampleSession(change: Partial<SessionFacts> = {}): SessionFacts {
  const mine = { id: "S", listener: "mx", clientAddress: "198.51.100.9" as IpAddress, clientPort: 4000 };
  return sessionOf({ ...mine, ehlo: "client.example", ...change });
}

/** The same client inside TLS, with a trusted certificate unless told otherwise. */
export function insideTls(change: Partial<HandshakeFacts> = {}): Pick<SessionFacts, "tls"> {
  return { tls: { handshake: { ...sampleClientHandshake, ...change }, serverName: undefined } };
}

export const untrustedClient = {
  chain: { kind: "untrusted", code: "DEPTH_ZERO_SELF_SIGNED_CERT", text: "self-signed certificate" },
} as const satisfies Partial<HandshakeFacts>;

export const noCertificate = {
  ...untrustedClient,
  certificate: undefined,
  clientCertificate: "asked",
} as const satisfies Partial<HandshakeFacts>;

export function sampleSource(answers: Partial<PolicySource>): PolicySource {
  return { name: "test", outbound: () => undefined, candidates: () => [], ...answers };
}

export function sampleSender(text: string | undefined): EnvelopeSender {
  const mailbox = text === undefined ? undefined : parseMailbox(text);
  return { mailbox, body: "7bit", smtputf8: false, ret: undefined, envid: undefined };
}
