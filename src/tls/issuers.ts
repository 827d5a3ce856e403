/**
 * The certificates behind a peer's own, as it sent them.
 */
import type { X509Certificate } from "node:crypto";

/** Longest chain that is looked at; OpenSSL itself refuses certificate messages above 100 KB. */
const maxIntermediates = 20;

/** DER, from the leaf's issuer upwards; none without a leaf. */
export function issuersOf(leaf: X509Certificate | undefined): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let next = leaf?.issuerCertificate; next !== undefined; next = next.issuerCertificate) {
    if (found.length === maxIntermediates) break;
    found.push(next.raw);
  }
  return found;
}
