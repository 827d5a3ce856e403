/**
 * A chain of certificates held against what RFC 5280 §6.1 asks of it, for where OpenSSL's own word is about another
 * chain, or stops at something that does not matter to us. Signatures are `chain-end.ts`'s.
 *
 * Stricter than a validator has to be: a CA that may name only some hosts vouches for nobody here, since names are
 * compared by others, later.
 */
import { X509Certificate } from "node:crypto";
import { type CertificateExtension, readExtensions } from "./certificate-fields.ts";
import { chainEnd } from "./chain-end.ts";
import { readDer, readDerSequence } from "./der.ts";

/** Extended key usages. */
export const purposeIds = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

/** DER of object identifiers, in hex. */
const ids = { keyUsage: "551d0f", altName: "551d11", basic: "551d13", nameConstraints: "551d1e", extended: "551d25" };
/** May be critical: understood here, or of no weight without a policy that is asked for (RFC 5280 §6.1.1). */
const understood = new Set([ids.keyUsage, ids.altName, ids.basic, ids.extended, "551d20"]);

/**
 * @param chain DER, the leaf first, the CA at its end last
 * @param now ms since 1970
 * @returns SHA-256 of the CA where a sound chain ends: whether that CA counts is for others to say
 */
export function soundChainEnd(
  chain: readonly Uint8Array[],
  purpose: keyof typeof purposeIds,
  now: number,
): string | undefined {
  const isSound = chain.every((der, depth) => isSoundAt(der, depth, purposeIds[purpose], now));
  return isSound ? chainEnd(chain) : undefined;
}

/** @param depth certificates below it */
function isSoundAt(der: Uint8Array, depth: number, purpose: string, now: number): boolean {
  const { validFromDate, validToDate, keyUsage } = new X509Certificate(der);
  const extensions = readExtensions(der);
  if (extensions === undefined || !(validFromDate.getTime() <= now && now <= validToDate.getTime())) return false;
  if (extensions.some(({ id, critical }) => critical && !understood.has(id))) return false;
  if (depth === 0) return true;
  if (extensions.some(({ id }) => id === ids.nameConstraints)) return false;
  return (keyUsage === undefined || keyUsage.includes(purpose)) && depth - 1 <= longestBelow(extensions);
}

/** How many CAs may stand between this one and the leaf. RFC 5280 §4.2.1.9 */
function longestBelow(extensions: readonly CertificateExtension[]): number {
  const basic = extensions.find(({ id }) => id === ids.basic);
  if (basic === undefined) return Number.POSITIVE_INFINITY;
  const fields = readDerSequence(readDer(basic.value, 0)?.content ?? new Uint8Array());
  const length = fields?.find(({ tag }) => tag === 0x02);
  if (fields === undefined) return -1;
  return length === undefined
    ? Number.POSITIVE_INFINITY
    : length.content.reduce((value, octet) => value * 256 + octet, 0);
}
