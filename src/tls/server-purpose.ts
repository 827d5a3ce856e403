/**
 * A client that shows the certificate with which it serves. Public CAs stop issuing the client purpose, so a mail server
 * has nothing else to show (TL-17); OpenSSL calls such a chain wrong for its purpose, and nothing else tells whether it
 * is good otherwise. So it is walked once more, link by link.
 *
 * Called only where the purpose is the last thing that OpenSSL found: what it looks at afterwards (strength, signatures,
 * dates) it found in order. That may have been another chain, and something may have been wrong before: so all that can be
 * is looked at again.
 */
import { X509Certificate } from "node:crypto";
import { purposeIds, soundChainEnd } from "./sound-chain.ts";

/**
 * @param chain DER, the leaf first, the CA at its end last
 * @param now ms since 1970
 * @returns SHA-256 of the CA where a sound chain ends: whether that CA counts is for others to say
 */
export function serverChainAnchor(chain: readonly Uint8Array[], now: number): string | undefined {
  const [leaf, ...above] = chain.map((der) => new X509Certificate(der));
  if (leaf === undefined || above.length === 0 || !leaf.keyUsage?.includes(purposeIds.server)) return undefined;
  return above.every(({ ca }) => ca) ? soundChainEnd(chain, "server", now) : undefined;
}
