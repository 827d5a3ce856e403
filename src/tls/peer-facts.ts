/**
 * A handshake as data: what one peer showed us, whatever the decision asked for. Every check is run and recorded
 * also where the rule does not ask for it, so that judging, probing, what-if and reports read the same value.
 */
import type { Reply } from "../mail/reply.ts";

/** Chain check against the anchors the decision named (or the default ones). `code` is OpenSSL's (`CERT_HAS_EXPIRED`). */
export type ChainResult =
  /**
   * Of a client's chain: `under` is the id of the CAs that OpenSSL held it against, `anchor` SHA-256 of the one where it
   * ended, which tells where several sets of CAs were asked at once.
   */
  | Readonly<{ kind: "trusted"; under?: string; anchor?: string }>
  /** `asServer`: good but for its purpose: a server's certificate, whose chain ends at the CA with that SHA-256. */
  | Readonly<{ kind: "untrusted"; code: string; text: string; asServer?: string }>;

/** The peer's own certificate, and what names it carries. Text is the peer's: escape before showing. */
export type CertificateFacts = Readonly<{
  subject: string;
  issuer: string;
  serial: string;
  /** ms since 1970. */
  notBefore: number;
  notAfter: number;
  /** SAN dNSName entries as they stand; only printable-ASCII ones can ever match (NC-6). */
  dnsNames: readonly string[];
  /** SAN iPAddress entries in canonical text. */
  ipAddresses: readonly string[];
  commonName: string | undefined;
  /** Lower-case hex without colons. */
  sha256: string;
  spkiSha256: string;
  /** `rsa`, `ec`, `ed25519` ...; bits of the key (RSA modulus, curve order). */
  keyType: string;
  keyBits: number;
  /** DER, for digests by other algorithms and for DANE. */
  der: Uint8Array;
  spkiDer: Uint8Array;
}>;

export type HandshakeFacts = Readonly<{
  /** `TLSv1.3`. */
  protocol: string;
  /** IANA name: `TLS_AES_256_GCM_SHA384`. */
  cipher: string;
  /** Symmetric key bits of the cipher. */
  bits: number;
  /** Key exchange group: `X25519MLKEM768`, `X25519`, `prime256v1` ...; undefined where it has none. */
  group: string | undefined;
  resumed: boolean;
  chain: ChainResult;
  certificate: CertificateFacts | undefined;
  /** The other certificates as sent, DER, leaf excluded. */
  intermediates: readonly Uint8Array[];
  /** The peer asked for a client certificate; we sent one. Of a client's handshake: we asked; it sent one. */
  clientCertificate: "not-asked" | "asked" | "sent";
  durationMs: number;
}>;

/**
 * How far TLS got with this peer.
 * - `not-offered`: EHLO (or only HELO) without the keyword.
 * - `refused`: STARTTLS answered by something other than 220 (ST-17), the reply attached.
 * - `lost`: connection closed between STARTTLS and its reply.
 * - `injected`: octets in clear after the 220 (ST-11).
 * - `failed`: the handshake broke; `code` is Node's or OpenSSL's.
 * - `skipped`: the decision says never, the peer offered it.
 */
export type TlsProgress =
  | Readonly<{ kind: "not-offered" }>
  | Readonly<{ kind: "skipped" }>
  | Readonly<{ kind: "refused"; reply: Reply }>
  | Readonly<{ kind: "lost" }>
  | Readonly<{ kind: "injected" }>
  | Readonly<{ kind: "failed"; code: string; text: string }>
  | Readonly<{ kind: "done"; handshake: HandshakeFacts }>;

export type PeerFacts = Readonly<{
  /** The keyword stood in EHLO, or the port is implicit TLS. */
  offered: boolean;
  tls: TlsProgress;
  /** When this was seen, ms since 1970: dates are judged against it. */
  seenAt: number;
}>;
