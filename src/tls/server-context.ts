/**
 * The server's side of a handshake: contexts made once per profile, and a socket wrapped in one of them.
 *
 * Promises (standards.md section 8):
 *  - never below TLS 1.2, whatever a profile says; only forward-secret AEAD suites unless it lists others, and never
 *    those of `neverCiphers` (TL-1 to TL-4);
 *  - no renegotiation, no compression, no early data (TL-5 to TL-7); client certificates are not asked for (TL-17);
 *  - an unknown or missing SNI is served the default certificate (TL-9);
 *  - a client that offers ALPN without an SMTP name gets `no_application_protocol` (TL-10);
 *  - the ticket keys are OpenSSL's own, of one listener alone, live at most a day, and die with the process. Where SNI
 *    chooses among several certificates there are no tickets: OpenSSL would let one name's ticket open another (TL-16).
 * Leaves to the caller: time-outs of the handshake, and what follows it.
 */
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import type { Clock } from "../mail/clock.ts";
import { allowedCiphers } from "./cipher-settings.ts";
import type { Credential } from "./handshake-settings.ts";
import type { ServerTlsProfile } from "./server-tls.ts";

/** TLS 1.3 suites, then the TLS 1.2 suites of RFC 9325 §4.2. */
const DEFAULT_SERVER_CIPHERS = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_AES_128_GCM_SHA256",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const DEFAULT_SERVER_GROUPS = "X25519MLKEM768:X25519:P-256:P-384";

const TICKET_LIFE_MS = 24 * 60 * 60 * 1000;

/** What one handshake needs; shared by all connections that meet the same profile. */
export type ServerHandshake = Readonly<{ options: TLSSocketOptions; madeAt: number }>;

/** The contexts of one listener, cached by the identity of the profile. */
export class ServerContexts {
  readonly #listener: string;
  readonly #clock: Clock;
  readonly #made = new WeakMap<ServerTlsProfile, ServerHandshake>();

  /** @param listener the session id context: tickets of one listener open no other */
  constructor(listener: string, clock: Clock) {
    this.#listener = listener;
    this.#clock = clock;
  }

  /** Throws when OpenSSL refuses key, certificate, cipher or group list: whoever loads a profile checks it by this call. */
  handshakeFor(profile: ServerTlsProfile): ServerHandshake {
    const now = this.#clock.now();
    const cached = this.#made.get(profile);
    if (cached !== undefined && now - cached.madeAt < TICKET_LIFE_MS) return cached;
    const made = { options: socketOptions(profile, this.#listener), madeAt: now };
    this.#made.set(profile, made);
    return made;
  }
}

/** Starts the handshake on a connected socket. `secure` follows, or `error` and `close`. */
export function acceptTls(socket: Socket, { options }: ServerHandshake): TLSSocket {
  return new TLSSocket(socket, options);
}

function socketOptions(profile: ServerTlsProfile, listener: string): TLSSocketOptions {
  const byName = new Map<string, SecureContext>();
  for (const { credential, names } of profile.others) {
    const context = makeContext(profile, credential, listener);
    for (const name of names) byName.set(name.toLowerCase(), context);
  }
  const options: TLSSocketOptions = {
    isServer: true,
    requestCert: false,
    secureContext: makeContext(profile, profile.default.credential, listener),
    ALPNCallback: ({ protocols }) => protocols.find((name) => name === "smtp" || name === "esmtp"),
  };
  if (byName.size === 0) return options;
  return { ...options, SNICallback: (name, done) => done(null, contextFor(byName, name)) };
}

/** The exact name, then a wildcard over its first label; undefined leaves the default in place. */
function contextFor(byName: ReadonlyMap<string, SecureContext>, serverName: string): SecureContext | undefined {
  const name = serverName.toLowerCase().replace(/\.$/, "");
  return byName.get(name) ?? byName.get(`*${name.slice(Math.max(0, name.indexOf(".")))}`);
}

function makeContext(profile: ServerTlsProfile, credential: Credential, listener: string): SecureContext {
  const tickets = profile.others.length === 0 ? 0 : constants.SSL_OP_NO_TICKET;
  return createSecureContext({
    cert: credential.certificateChain,
    key: credential.privateKey,
    minVersion: profile.minVersion,
    maxVersion: profile.maxVersion,
    ciphers: profile.ciphers === undefined ? DEFAULT_SERVER_CIPHERS : allowedCiphers(profile.ciphers),
    ecdhCurve: profile.groups ?? DEFAULT_SERVER_GROUPS,
    honorCipherOrder: true,
    sessionIdContext: listener.slice(0, 32),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | tickets,
  });
}
