/**
 * One certificate as a value. Reading one costs a few tenths of a millisecond, and a relay meets the same few thousand
 * again and again, so facts are kept by fingerprint.
 */
import { X509Certificate } from "node:crypto";
import { LRUCache } from "lru-cache";
import { type CertificateFields, readCertificateFields } from "./certificate-fields.ts";
import { digestOf } from "./digest.ts";
import type { CertificateFacts } from "./peer-facts.ts";

/** About 3 KB each. Anybody may show some of 100 KB, whose names take ten times that: so octets are counted, too. */
const known = new LRUCache<string, CertificateFacts>({
  max: 2000,
  maxSize: 4_000_000,
  sizeCalculation: ({ der }) => der.length,
});

/** @param der a certificate that OpenSSL has parsed already: anything else throws. */
export function certificateFacts(der: Uint8Array): CertificateFacts {
  const sha256 = digestOf(der, "sha256");
  const before = known.get(sha256);
  if (before !== undefined) return before;
  const facts = readFacts(der, sha256);
  known.set(sha256, facts);
  return facts;
}

/** OpenSSL can read this PEM block as a certificate. */
export function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function readFacts(der: Uint8Array, sha256: string): CertificateFacts {
  const certificate = new X509Certificate(der);
  const { spkiDer, commonName, dnsNames, ipAddresses } = readCertificateFields(der) ?? illegible(der);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    dnsNames,
    ipAddresses,
    commonName,
    sha256,
    spkiSha256: digestOf(spkiDer, "sha256"),
    ...readKey(certificate),
    der: Uint8Array.from(der),
    spkiDer: Uint8Array.from(spkiDer),
  };
}

/**
 * OpenSSL takes lengths that DER forbids (RFC 5280 §4.1), and anybody may send them: such a certificate carries no name,
 * and no key that a pin or a TLSA record could mean.
 */
function illegible(der: Uint8Array): CertificateFields {
  return { spkiDer: der, commonName: undefined, dnsNames: [], ipAddresses: [] };
}

/** A name as text. OpenSSL puts one attribute on a line, its values already free of line breaks; absent for an empty name. */
export function oneLine(name: string | undefined): string {
  return (name ?? "").replaceAll("\n", ", ");
}

type KeyFacts = Pick<CertificateFacts, "keyType" | "keyBits">;

/** A key that this OpenSSL cannot load is `unknown` with 0 bits: it authenticates nothing, but it is no reason to fail. */
function readKey(certificate: X509Certificate): KeyFacts {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
    const keyType = asymmetricKeyType ?? "unknown";
    return {
      keyType,
      keyBits: asymmetricKeyDetails?.modulusLength ?? curveBits(asymmetricKeyDetails?.namedCurve ?? keyType),
    };
  } catch {
    return { keyType: "unknown", keyBits: 0 };
  }
}

/** Curves carry their size in their name (`prime256v1`, `secp384r1`, `brainpoolP512r1`), all but these two. */
function curveBits(name: string): number {
  if (name === "ed25519") return 256;
  return Number(/\d{3}/.exec(name)?.[0] ?? 0);
}
