/**
 * The shape of a SASL exchange as the session drives it (RFC 4422, RFC 4954): the session speaks AUTH, base64, line
 * limits and replies; a mechanism sees octets and says what follows.
 */
import type { SessionFacts } from "../receiver.ts";

export const saslMechanisms = [
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-256",
  "PLAIN",
  "LOGIN",
  "CRAM-MD5",
  "EXTERNAL",
] as const;
export type SaslMechanism = (typeof saslMechanisms)[number];

/**
 * `challenge`: to be sent, the next response follows. `done`: logged in as `user`; `data` goes to the client first where
 * the mechanism has something to say at its end (SCRAM's server signature).
 * `failed`: `credentials` is told in one text whoever was meant (AU-4); `malformed` is the client's slip of syntax;
 * `locked` too many tries from this address or for now; `temporary` our own trouble.
 */
export type SaslStep =
  | Readonly<{ kind: "challenge"; data: Buffer }>
  | Readonly<{ kind: "done"; user: string; data?: Buffer }>
  | Readonly<{ kind: "failed"; why: "credentials" | "malformed" | "locked" | "temporary"; triedUser?: string }>;

export interface SaslExchange {
  /** @param response undefined at the start of an exchange without initial response. Never rejects. */
  step(response: Buffer | undefined): SaslStep | Promise<SaslStep>;
}

export type SaslContext = Readonly<{
  session: SessionFacts;
  /** What was offered in this session: SCRAM tells a downgrade by it (AU-8). */
  offered: readonly SaslMechanism[];
  /** The `tls-exporter` value (RFC 9266), 32 octets; undefined where there is none. */
  channelBinding: () => Buffer | undefined;
}>;

export type StartSasl = (mechanism: SaslMechanism, context: SaslContext) => SaslExchange;
