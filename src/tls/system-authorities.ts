/**
 * Whether a CA of the system issued a certificate, told by name and key. Read once, when first asked.
 */
import { X509Certificate } from "node:crypto";
import { getCACertificates } from "node:tls";

let known: ReadonlyMap<string, readonly X509Certificate[]> | undefined;

export function isIssuedBySystem(certificate: X509Certificate): boolean {
  known ??= Map.groupBy(
    getCACertificates("default").map((pem) => new X509Certificate(pem)),
    ({ subject }) => subject,
  );
  return (known.get(certificate.issuer) ?? []).some((authority) => certificate.checkIssued(authority));
}
