/**
 * The line that tells of a handshake, and what Postfix says of the certificate before it (postfix reference 4.1 to 4.3).
 * What the record does not know is left out: the hash of an RSA signature, the key of our own certificate.
 */
import type { AttemptTls, CertificateRecord } from "../../mail/attempt.ts";
import { provingLevels } from "../../policy/rules.ts";
import { attributesOf, commonNameOf } from "../words/distinguished-name.ts";
import { algorithmBits, opensslCipherName } from "../words/openssl-cipher.ts";

/** Of one handshake, in either direction. */
export type Handshake = Readonly<{
  protocol: string;
  cipher: string;
  bits: number;
  group: string | null;
  resumed: boolean;
}>;

/**
 * `TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange x25519 ...`
 * @param by whose certificate the last part tells of
 */
export function describeHandshake(tls: Handshake, by: "server" | "client", peer: CertificateRecord | null): string {
  const { protocol, cipher, bits, group, resumed } = tls;
  const base = `${protocol} with cipher ${opensslCipherName(cipher)} (${bits}/${algorithmBits(cipher)} bits)`;
  if (protocol !== "TLSv1.3") return base;
  const exchange = group === null ? "" : ` key-exchange ${groupNames[group] ?? group}`;
  return `${base}${exchange}${peer === null || resumed ? "" : describeSignature(by, peer)}`;
}

/** Node's names of groups that OpenSSL 3.5, and so Postfix on it, calls otherwise. */
const groupNames: Readonly<Record<string, string>> = {
  X25519: "x25519",
  X448: "x448",
  prime256v1: "secp256r1",
};

/** TLS 1.3 binds curve and hash together (RFC 8446 section 4.2.3); of an RSA key it tells only the padding. */
function describeSignature(by: "server" | "client", { keyType, keyBits }: CertificateRecord): string {
  if (keyType === "rsa" || keyType === "rsa-pss") return ` ${by}-signature RSA-PSS (${keyBits} bits)`;
  if (keyType === "ed25519" || keyType === "ed448") return ` ${by}-signature ${keyType.toUpperCase()}`;
  const curve = keyType === "ec" ? curves[keyBits] : undefined;
  return curve === undefined ? "" : ` ${by}-signature ECDSA (${curve.name}) ${by}-digest ${curve.hash}`;
}

const curves: Readonly<Record<number, Readonly<{ name: string; hash: string }>>> = {
  256: { name: "prime256v1", hash: "SHA256" },
  384: { name: "secp384r1", hash: "SHA384" },
  521: { name: "secp521r1", hash: "SHA512" },
};

export type Trust = "Anonymous" | "Untrusted" | "Trusted" | "Verified";

/**
 * Postfix's word for what a host proved: `Verified` only where the level asked for a name, a digest or TLSA; a digest
 * that does not match leaves the chain unasked.
 */
export function trustOf({ required, achieved, peer, verify }: AttemptTls): Trust {
  if (peer === null) return "Anonymous";
  if (provingLevels.has(required) && achieved === "verified") return "Verified";
  return required !== "fingerprint" && verify.chain === "trusted" ? "Trusted" : "Untrusted";
}

/** @param peer `mx.example.net[192.0.2.7]:25`. @returns the line about a host that did not prove what its level asks for */
export function verificationLine(tls: AttemptTls, peer: string): string | undefined {
  const { required, achieved, verify } = tls;
  if (tls.peer === null || !provingLevels.has(required) || achieved === "verified") return undefined;
  if (required !== "fingerprint" && verify.chain !== null && verify.chain !== "trusted") {
    return chainLine(verify.chain, tls.peer, peer);
  }
  const byName = required === "verify" || required === "secure";
  const wrong = byName ? "num=62:hostname mismatch" : "num=65:no matching DANE TLSA records";
  const missing = byName ? verify.name === "mismatch" : verify.pin !== "matched";
  return missing ? `server certificate verification failed for ${peer}: ${wrong}` : undefined;
}

/** @param code OpenSSL's, without `X509_V_ERR_` */
function chainLine(code: string, { issuer }: CertificateRecord, peer: string): string {
  if (noIssuer.has(code)) return `certificate verification failed for ${peer}: untrusted issuer ${slashName(issuer)}`;
  const text = chainTexts[code];
  if (text !== undefined) return `certificate verification failed for ${peer}: ${text}`;
  const said = certificateTexts[code] ?? `num=1:${code}`;
  return `server certificate verification failed for ${peer}: ${said}`;
}

const noIssuer: ReadonlySet<string> = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
]);

const chainTexts: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate",
  INVALID_PURPOSE: "not designated for use as a server certificate",
  CERT_CHAIN_TOO_LONG: "certificate chain longer than limit(9)",
  CERT_UNTRUSTED: "not trusted by local or TLSA policy",
  CERT_REJECTED: "not trusted by local or TLSA policy",
};

/** With OpenSSL's numbers and words. */
const certificateTexts: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "certificate has expired",
  CERT_NOT_YET_VALID: "certificate not yet valid",
  CERT_SIGNATURE_FAILURE: "num=7:certificate signature failure",
  CERT_REVOKED: "num=23:certificate revoked",
  PATH_LENGTH_EXCEEDED: "num=25:path length constraint exceeded",
  INVALID_CA: "num=79:invalid CA certificate",
  UNSPECIFIED: "num=1:unspecified certificate verification error",
};

/** `O=Example\, Inc, CN=Root` as OpenSSL's one line: `/O=Example, Inc/CN=Root`. */
function slashName(name: string): string {
  const attributes = attributesOf(name).map((attribute) => attribute.replaceAll(/\\([,+"\\<>;=# ])/g, "$1"));
  return `/${attributes.join("/")}`;
}

/** Level 2: whose certificate it was, and what matched. */
export function certificateLines(tls: AttemptTls, peer: string): readonly string[] {
  const { verify, required, resumed } = tls;
  const lines: string[] = [];
  if (resumed) lines.push(`${peer}: Reusing old session`);
  if (required !== "fingerprint" && provingLevels.has(required) && verify.matchedName !== null) {
    lines.push(`${peer}: matched peername: ${verify.matchedName}`);
  }
  if (tls.peer !== null) {
    if (required === "fingerprint" && verify.pin === "matched") lines.push(`${peer}: Matched fingerprint`);
    lines.push(`${peer}: ${certificateOf(tls.peer)}`);
  }
  return lines;
}

/** `subject_CN=mx.example.net, issuer=Example CA, cert fingerprint=AB:..., pkey fingerprint=CD:...` */
export function certificateOf({ subject, issuer, sha256, spkiSha256 }: CertificateRecord): string {
  const names = `subject_CN=${commonNameOf(subject) ?? ""}, issuer=${commonNameOf(issuer) ?? ""}`;
  return `${names}, cert fingerprint=${colons(sha256)}, pkey fingerprint=${colons(spkiSha256)}`;
}

function colons(hex: string): string {
  return (hex.toUpperCase().match(/../g) ?? []).join(":");
}
