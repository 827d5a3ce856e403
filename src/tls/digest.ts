/**
 * Digests of certificates and keys, as pins are written: lower-case hex without colons.
 */
import { hash } from "node:crypto";

export type DigestAlgorithm = "sha256" | "sha512" | "sha1" | "md5";

export function digestOf(der: Uint8Array, algorithm: DigestAlgorithm): string {
  return hash(algorithm, der, "hex");
}
