/**
 * OpenSSL contexts for outbound handshakes, made once per distinct settings. A context holds anchors, versions, ciphers,
 * groups and our own key; SNI is given per handshake.
 *
 * Hygiene that no setting turns off: TLS 1.2 or newer, no compression, no renegotiation, no tickets asked for, and no
 * session is ever offered again (standards.md TL-1, TL-5, TL-15).
 */
import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { LRUCache } from "lru-cache";
import { authorityOptions } from "./authority-options.ts";
import { allowedCiphers } from "./cipher-settings.ts";
import { type HandshakeSettings, handshakeId } from "./handshake-settings.ts";

/** Offers the hybrid group with only an X25519 key share: a ClientHello that fits one segment (TL-13). */
export const defaultGroups = "?X25519MLKEM768:DEFAULT";

/** TLS 1.3 suites, then forward secrecy with AEAD only (RFC 9325 §4.2). */
export const defaultCiphers = [
  "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
  "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!eNULL:!PSK:!SRP",
].join(":");

const secureOptions = constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET;

const contexts = new LRUCache<string, SecureContext>({ max: 256 });

/** Throws only on settings that `checkCipherString`, `checkGroups` or `checkCredential` would have refused. */
export function clientContext(settings: HandshakeSettings): SecureContext {
  const id = handshakeId({ ...settings, serverName: undefined });
  const before = contexts.get(id);
  if (before !== undefined) return before;
  const context = createSecureContext(contextOptions(settings));
  contexts.set(id, context);
  return context;
}

function contextOptions(settings: HandshakeSettings): SecureContextOptions {
  const { anchors, minVersion, maxVersion, ciphers, groups, credential } = settings;
  return {
    minVersion,
    maxVersion,
    ciphers: ciphers === undefined ? defaultCiphers : allowedCiphers(ciphers),
    ecdhCurve: groups ?? defaultGroups,
    secureOptions,
    ...authorityOptions(anchors),
    ...(credential === undefined ? {} : { cert: credential.certificateChain, key: credential.privateKey }),
  };
}
