/**
 * What an inbound listener offers in its handshakes.
 */
import type { Credential, TlsVersion, TrustAnchors } from "./handshake-settings.ts";

/**
 * Certificates for the same names, of different key types: OpenSSL shows the one that the client can check. `names` are
 * those for which SNI chooses them (A-labels): `*.example.com` covers one label, `.example.com` any number (Postfix).
 */
export type ServerCredential = Readonly<{
  credentials: readonly [Credential, ...Credential[]];
  names: readonly string[];
}>;

export type ServedCertificates = Readonly<{
  /** Served without SNI or for unknown names (TL-9). */
  default: ServerCredential;
  others: readonly ServerCredential[];
}>;

export type ServerTlsProfile = ServedCertificates &
  Readonly<{
    minVersion: TlsVersion;
    maxVersion: TlsVersion;
    /** OpenSSL cipher list and suites; undefined: Letterlock's own list (TL-3, TL-4). */
    ciphers: string | undefined;
    /** OpenSSL group list; undefined: `X25519MLKEM768:X25519:P-256:P-384`. */
    groups: string | undefined;
    /** Whom clients' certificates are checked against; undefined: clients are not asked for one (TL-17). */
    clientAnchors: TrustAnchors | undefined;
  }>;
