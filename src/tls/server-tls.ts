/**
 * What an inbound listener offers in its handshakes.
 */
import type { Credential, TlsVersion } from "./handshake-settings.ts";

/** A certificate and the names for which SNI chooses it (A-labels; `*.example.com` covers one label). */
export type ServerCredential = Readonly<{ credential: Credential; names: readonly string[] }>;

export type ServerTlsProfile = Readonly<{
  /** Served without SNI or for unknown names (TL-9). */
  default: ServerCredential;
  others: readonly ServerCredential[];
  minVersion: TlsVersion;
  maxVersion: TlsVersion;
  /** OpenSSL cipher list and suites; undefined: Letterlock's own list (TL-3, TL-4). */
  ciphers: string | undefined;
  /** OpenSSL group list; undefined: `X25519MLKEM768:X25519:P-256:P-384`. */
  groups: string | undefined;
}>;
