/**
 * Digests of a `fingerprint` policy (Postfix: MAT-14, MAT-15): hex in any case, with or without colons, of the
 * certificate or of its public key.
 */
import type { Pin } from "../../rules.ts";

export type Fingerprints =
  | Readonly<{
      kind: "pins";
      pins: readonly Pin[];
      /** No hexadecimal digits: Postfix leaves them out. */
      malformed: readonly string[];
      /** Kept, although no certificate can have them (MAT-15). */
      wrongLength: readonly string[];
    }>
  | Readonly<{ kind: "unsupported"; algorithm: string }>;

const hexDigits: Readonly<Record<Pin["algorithm"], number>> = { md5: 32, sha1: 40, sha256: 64, sha512: 128 };

/** @param algorithm `smtp_tls_fingerprint_digest`. @param digests already split. */
export function parseFingerprints(algorithm: string, digests: readonly string[]): Fingerprints {
  const known = algorithmOf(algorithm);
  if (known === undefined) return { kind: "unsupported", algorithm };
  const pins: Pin[] = [];
  const malformed: string[] = [];
  const wrongLength: string[] = [];
  for (const text of digests) {
    const digest = text.replaceAll(":", "").toLowerCase();
    if (!/^(?:[0-9a-f]{2})+$/.test(digest)) {
      malformed.push(text);
      continue;
    }
    if (digest.length !== hexDigits[known]) wrongLength.push(text);
    pins.push({ of: "either", algorithm: known, digest });
  }
  return { kind: "pins", pins, malformed, wrongLength };
}

function algorithmOf(text: string): Pin["algorithm"] | undefined {
  const name = text.toLowerCase().replace(/^sha-/, "sha");
  return Object.hasOwn(hexDigits, name) ? (name as Pin["algorithm"]) : undefined;
}

/** In the spelling of Postfix's log: upper case, colons. */
export function printFingerprints(pins: readonly Pin[]): string {
  return pins.map(({ digest }) => (digest.toUpperCase().match(/../g) ?? []).join(":")).join("|");
}
