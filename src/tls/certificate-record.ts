/**
 * What records of either direction tell of a certificate, and how much of a stranger's words they keep (AT-28).
 */
import type { CertificateRecord } from "../mail/attempt.ts";
import { escapeText } from "../mail/escape.ts";
import { isoTime } from "../mail/iso-time.ts";
import type { CertificateFacts, HandshakeFacts } from "./peer-facts.ts";

/** Longest address (RFC 5321 §4.5.3.1 with room for escapes), reply, and any other text, in characters after escaping. */
export const maxAddress = 640;
export const maxReply = 1024;
export const maxText = 512;

/** `trusted`, or OpenSSL's code for what is wrong; null where the peer showed no certificate. */
export function describeChain({ chain, certificate }: HandshakeFacts): string | null {
  if (certificate === undefined) return null;
  return chain.kind === "trusted" ? "trusted" : escapeText(chain.code, maxText);
}

const described = new WeakMap<CertificateFacts, CertificateRecord>();

/** Kept by certificate: a peer shows the same one with every message. */
export function describeCertificate(certificate: CertificateFacts): CertificateRecord {
  const known = described.get(certificate);
  if (known !== undefined) return known;
  const record = {
    subject: escapeText(certificate.subject, maxText),
    issuer: escapeText(certificate.issuer, maxText),
    notAfter: isoTime(certificate.notAfter),
    sha256: certificate.sha256,
    spkiSha256: certificate.spkiSha256,
    keyType: certificate.keyType,
    keyBits: certificate.keyBits,
  };
  described.set(certificate, record);
  return record;
}
