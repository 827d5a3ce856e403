/**
 * The server's side of a handshake: contexts made once per profile, and a socket wrapped in one of them.
 *
 * Promises (standards.md section 8):
 *  - never below TLS 1.2, whatever a profile says; only forward-secret AEAD suites unless it lists others, and never
 *    those of `neverCiphers` (TL-1 to TL-4);
 *  - no renegotiation, no compression, no early data (TL-5 to TL-7);
 *  - client certificates are asked for only where a profile says against which CAs (TL-17), and whatever comes never
 *    breaks the handshake: whether it is enough is judged later, on `clientHandshakeFacts`;
 *  - an unknown or missing SNI is served the default certificate (TL-9);
 *  - a client that offers ALPN without an SMTP name gets `no_application_protocol` (TL-10);
 *  - the ticket keys are OpenSSL's own, of one listener alone, live at most a day, and die with the process. Where SNI
 *    chooses among several certificates there are no tickets: OpenSSL would let one name's ticket open another (TL-16);
 *    nor where clients are asked for certificates: a resumed session has no chain that could be judged again (AT-12).
 * Leaves to the caller: time-outs of the handshake, and what follows it.
 */
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import type { Clock } from "../mail/clock.ts";
import { authorityOptions } from "./authority-options.ts";
import { allowedCiphers } from "./cipher-settings.ts";
import type { ServerCredential, ServerTlsProfile } from "./server-tls.ts";

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
  const secure = new TLSSocket(socket, options);
  // What breaks TLS after the handshake is an error only of sockets that `tls.connect` or a `tls.Server` made: of this
  // one Node 24 tells it by this event alone, and the connection would stay open until some deadline.
  secure.on("_tlsError", (error: Error) => secure.destroy(error));
  return secure;
}

function socketOptions(profile: ServerTlsProfile, listener: string): TLSSocketOptions {
  const byName = new Map<string, SecureContext>();
  for (const served of profile.others) {
    const context = makeContext(profile, served, listener);
    for (const name of served.names) byName.set(name.toLowerCase(), context);
  }
  const options: TLSSocketOptions = {
    isServer: true,
    requestCert: profile.clientAnchors !== undefined,
    rejectUnauthorized: false,
    secureContext: makeContext(profile, profile.default, listener),
    ALPNCallback: ({ protocols }) => protocols.find((name) => name === "smtp" || name === "esmtp"),
  };
  if (byName.size === 0) return options;
  return { ...options, SNICallback: (name, done) => done(null, contextFor(byName, name)) };
}

/** The exact name, a wildcard over its first label, then the domains above it; undefined leaves the default in place. */
function contextFor(byName: ReadonlyMap<string, SecureContext>, serverName: string): SecureContext | undefined {
  const name = serverName.toLowerCase().replace(/\.$/, "");
  const found = byName.get(name) ?? byName.get(`*${name.slice(Math.max(0, name.indexOf(".")))}`);
  if (found !== undefined) return found;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const above = byName.get(name.slice(dot));
    if (above !== undefined) return above;
  }
  return undefined;
}

function makeContext(profile: ServerTlsProfile, { credentials }: ServerCredential, listener: string): SecureContext {
  const { clientAnchors } = profile;
  const mayResume = profile.others.length === 0 && clientAnchors === undefined;
  return createSecureContext({
    cert: credentials.map(({ certificateChain }) => certificateChain),
    key: credentials.map(({ privateKey }) => privateKey),
    ...(clientAnchors === undefined ? {} : authorityOptions(clientAnchors)),
    minVersion: profile.minVersion,
    maxVersion: profile.maxVersion,
    ciphers: profile.ciphers === undefined ? DEFAULT_SERVER_CIPHERS : allowedCiphers(profile.ciphers),
    ecdhCurve: profile.groups ?? DEFAULT_SERVER_GROUPS,
    honorCipherOrder: true,
    sessionIdContext: listener.slice(0, 32),
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION |
      constants.SSL_OP_NO_COMPRESSION |
      (mayResume ? 0 : constants.SSL_OP_NO_TICKET),
  });
}
