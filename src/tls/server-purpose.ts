/**
 * A client that shows the certificate with which it serves. Public CAs stop issuing the client purpose, so a mail server
 * has nothing else to show (TL-17); OpenSSL calls such a chain wrong for its purpose, and nothing else tells whether it
 * is good otherwise. So it is walked once more, link by link.
 *
 * Called only where the purpose is the last thing that OpenSSL found: all that it looks at afterwards (signatures, dates,
 * name constraints, strength) it found in order. What it may have found before, an issuer that is missing, is looked at
 * here, and everything else again, cheaply.
 */
import { X509Certificate } from "node:crypto";
import { chainEnd } from "./chain-end.ts";

const serverAuth = "1.3.6.1.5.5.7.3.1";

/**
 * @param chain DER, the leaf first, the CA at its end last
 * @param now ms since 1970
 * @returns SHA-256 of the CA where a sound chain ends: whether that CA counts is for others to say
 */
export function serverChainAnchor(chain: readonly Uint8Array[], now: number): string | undefined {
  const certificates = chain.map((der) => new X509Certificate(der));
  const [leaf, ...above] = certificates;
  if (leaf === undefined || above.length === 0 || !leaf.keyUsage?.includes(serverAuth)) return undefined;
  const isSound = certificates.every((each) => isValid(each, now)) && above.every(({ ca }) => ca);
  return isSound ? chainEnd(chain) : undefined;
}

function isValid({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}
