/**
 * `%vctx_conn{}` and `%vctx_mess{}`: facts of the client's connection and of the message, under the names of Momentum's
 * validation context. What is not so is not set, and prints nothing.
 */
import { domainPartOf, localPartOf } from "../../mail/address-text.ts";
import type { AttemptRecord } from "../../mail/attempt.ts";
import type { InboundRecord } from "../../mail/inbound-record.ts";
import { commonName } from "../momentum/identity.ts";
import { opensslCipherName } from "../words/openssl-cipher.ts";

/** The client's connection, whichever record tells it. */
type Client = Readonly<{
  by: string | null;
  user: string | null;
  loginFailed: boolean;
  mayRelay: boolean;
  ehlo: string | null;
  protocol: string;
  tls: Readonly<{ cipher: string | null; bits: number | null }> | null;
  subject: string | null;
  issuer: string | null;
  chain: string | null;
  recipients: number;
}>;

export function clientOfAttempt({ origin, recipients }: AttemptRecord): Client {
  const { by, user, ehlo, protocol, tls } = origin;
  const certificate = { subject: tls?.subject ?? null, issuer: tls?.issuer ?? null, chain: tls?.chain ?? null };
  return { by, user, loginFailed: false, mayRelay: false, ehlo, protocol, tls, ...certificate, recipients };
}

export function clientOfInbound({ by, user, reason, relay, ehlo, protocol, tls, to }: InboundRecord): Client {
  const certificate = { subject: tls.client?.subject ?? null, issuer: tls.client?.issuer ?? null, chain: tls.chain };
  const shared = { by, user, ehlo, protocol, ...certificate, recipients: to.length };
  return {
    ...shared,
    loginFailed: reason === "log-in",
    mayRelay: relay !== null,
    tls: tls.protocol === null ? null : tls,
  };
}

type FromClient = (client: Client) => string;

function bits({ tls }: Client): string {
  return tls?.bits == null ? "" : `${tls.bits}`;
}

/** Momentum 4 manual, Validation Context Variables; `on` from its page on inbound TLS. */
const connectionValues: Readonly<Record<string, FromClient>> = {
  auth_name: ({ by }) => by ?? "",
  auth_status: ({ user, loginFailed }) => (loginFailed ? "fail" : user === null ? "" : "pass"),
  auth_user: ({ user }) => user ?? "",
  can_relay: ({ mayRelay }) => (mayRelay ? "true" : ""),
  ehlo_domain: ({ ehlo }) => ehlo ?? "",
  ehlo_string: ({ ehlo, protocol }) => (ehlo ? `${protocol === "SMTP" ? "HELO" : "EHLO"} ${ehlo}` : ""),
  message_rcpt_count: ({ recipients }) => `${recipients}`,
  pathway: () => "default",
  tls: ({ tls }) => (tls === null ? "" : "on"),
  tls_cipher: ({ tls }) => opensslCipherName(tls?.cipher),
  tls_cipher_algbits: bits,
  tls_cipher_usebits: bits,
  tls_client_cert_subject: ({ subject }) => subject ?? "",
  tls_client_cert_subject_cn: ({ subject }) => commonName(subject ?? ""),
  tls_client_cert_issuer: ({ issuer }) => issuer ?? "",
  tls_client_cert_issuer_cn: ({ issuer }) => commonName(issuer ?? ""),
  tls_client_verified: ({ chain }) => (chain === "trusted" ? "yes" : ""),
};

export function connectionValue(key: string): FromClient | undefined {
  return Object.hasOwn(connectionValues, key) ? connectionValues[key] : undefined;
}

/** Everything that the context of this connection has, in the manual's order of names. */
export function connectionContext(client: Client): readonly (readonly [string, string])[] {
  return Object.entries(connectionValues)
    .map(([key, value]) => [key, value(client)] as const)
    .filter(([, value]) => value !== "");
}

type FromEnvelope = (from: string, to: string) => string;

const messageValues: Readonly<Record<string, FromEnvelope>> = {
  mailfrom_domain: domainPartOf,
  mailfrom_localpart: localPartOf,
  mailfrom_string: (from) => `MAIL FROM:<${from}>`,
  rcptto_domain: (_, to) => domainPartOf(to),
  rcptto_localpart: (_, to) => localPartOf(to),
  rcptto_string: (_, to) => (to === "" ? "" : `RCPT TO:<${to}>`),
};

export function messageValue(key: string): FromEnvelope | undefined {
  return Object.hasOwn(messageValues, key) ? messageValues[key] : undefined;
}

/** Of a rejection: MAIL has been said; `to` is empty before RCPT. */
export function messageContext(from: string, to: string): readonly (readonly [string, string])[] {
  const names = Object.keys(messageValues).filter((key) => to !== "" || key.startsWith("mailfrom"));
  return names.map((key) => [key, messageValues[key]?.(from, to) ?? ""]);
}
