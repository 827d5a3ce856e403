/**
 * Where a chain of certificates ends, if each is signed by the next. Node's lists are put together by names and key
 * identifiers, which anybody can copy; signatures nobody can.
 */
import { X509Certificate } from "node:crypto";
import { digestOf } from "./digest.ts";

/**
 * @param chain DER, the leaf first
 * @returns SHA-256 of the last; undefined where a link does not hold, or a certificate in between is no CA's
 */
export function chainEnd(chain: readonly Uint8Array[]): string | undefined {
  const last = chain.at(-1);
  if (last === undefined) return undefined;
  const certificates = chain.map((der) => new X509Certificate(der));
  const holds = certificates.every((certificate, at) => {
    const issuer = certificates[at + 1];
    // The end itself may be older than the mark of a CA; whether it is one is for those to say who name it.
    return issuer === undefined || ((issuer.ca || at + 2 === chain.length) && isSignedBy(certificate, issuer));
  });
  return holds ? digestOf(last, "sha256") : undefined;
}

/** A key that this OpenSSL cannot load has signed nothing. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
