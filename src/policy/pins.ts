/**
 * Does a certificate, or its key, have the digest that a pin names? The public key is looked at first (Postfix: INB-16).
 */
import { digestOf } from "../tls/digest.ts";
import type { CertificateFacts } from "../tls/peer-facts.ts";
import type { Pin } from "./rules.ts";

export function pinFits({ of, algorithm, digest }: Pin, { der, spkiDer }: CertificateFacts): boolean {
  if (of !== "certificate" && digest === digestOf(spkiDer, algorithm)) return true;
  return of !== "spki" && digest === digestOf(der, algorithm);
}
