/**
 * Certificates made on the spot: authorities, leaves with any fault a peer's certificate can have, and the self-signed
 * certificate with which a fresh relay starts. Everything is made in process with WebCrypto; nothing is written to disk.
 */
import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import {
  AuthorityInfoAccessExtension,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const dayMs = 86_400_000;
const purposes = {
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
  email: "1.3.6.1.5.5.7.3.4",
} as const;
const subjectAltName = "2.5.29.17";

export type KeyKind = "ec-p256" | "ec-p384" | "ed25519" | "rsa-2048" | "rsa-1024";

/** A certificate and its key. `chainPem` is the certificate, then the intermediate authorities up to but without the root. */
export type IssuedCertificate = Readonly<{
  certificatePem: string;
  chainPem: string;
  privateKeyPem: string;
  der: Uint8Array;
}>;

export type LeafOptions = Readonly<{
  /** SAN dNSName entries, as they stand. */
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  /** DER of a whole SubjectAltName value, in place of the two above: for names that no honest CA would sign. */
  rawSubjectAltName?: Uint8Array<ArrayBuffer>;
  /** Default: the first DNS name, else `Letterlock lab`. */
  commonName?: string;
  /** ms since 1970. Default: from an hour ago for 90 days. */
  notBefore?: number;
  notAfter?: number;
  keyKind?: KeyKind;
  /** What it is made for. Default: server and client. */
  purposes?: readonly (keyof typeof purposes)[];
  /** Where the issuer's certificate is found, as public CAs say it. */
  caIssuers?: string;
}>;

export type Authority = Readonly<{
  certificatePem: string;
  der: Uint8Array;
  issue(options: LeafOptions): Promise<IssuedCertificate>;
  /** An authority below this one; its leaves carry it in `chainPem`. */
  intermediate(name: string): Promise<Authority>;
}>;

type Signer = Readonly<{ certificate: X509Certificate; keys: webcrypto.CryptoKeyPair; above: readonly string[] }>;

/** A root of its own, good for ten years from an hour ago. */
export async function makeAuthority(name = "Letterlock lab root"): Promise<Authority> {
  const keys = await makeKeys("ec-p256");
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: nameOf(name),
    keys,
    ...tenYears(),
    signingAlgorithm: signingAlgorithm(keys.privateKey),
    extensions: [...authorityExtensions(), ...(await keyIdentifiers(keys))],
  });
  return authority({ certificate, keys, above: [] });
}

/** A certificate that vouches for itself: for the lab's bad hosts, and for a relay's first start (ten years by default). */
export async function makeSelfSigned(options: LeafOptions): Promise<IssuedCertificate> {
  const keys = await makeKeys(options.keyKind ?? "ec-p256");
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: nameOf(commonNameOf(options)),
    keys,
    ...tenYears(),
    ...datesOf(options),
    signingAlgorithm: signingAlgorithm(keys.privateKey),
    extensions: [...leafExtensions(options), ...(await keyIdentifiers(keys))],
  });
  return issued(certificate, keys, []);
}

function authority(signer: Signer): Authority {
  return {
    certificatePem: pemOf(signer.certificate),
    der: new Uint8Array(signer.certificate.rawData),
    issue: (options) => issue(signer, options),
    intermediate: (name) => intermediate(signer, name),
  };
}

async function intermediate(signer: Signer, name: string): Promise<Authority> {
  const keys = await makeKeys("ec-p256");
  const certificate = await X509CertificateGenerator.create({
    subject: nameOf(name),
    issuer: signer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    ...tenYears(),
    signingAlgorithm: signingAlgorithm(signer.keys.privateKey),
    extensions: [...authorityExtensions(), ...(await keyIdentifiers(keys, signer.keys))],
  });
  return authority({ certificate, keys, above: [pemOf(certificate), ...signer.above] });
}

async function issue(signer: Signer, options: LeafOptions): Promise<IssuedCertificate> {
  const keys = await makeKeys(options.keyKind ?? "ec-p256");
  const now = Date.now();
  const certificate = await X509CertificateGenerator.create({
    subject: nameOf(commonNameOf(options)),
    issuer: signer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    notBefore: new Date(now - dayMs / 24),
    notAfter: new Date(now + 90 * dayMs),
    ...datesOf(options),
    signingAlgorithm: signingAlgorithm(signer.keys.privateKey),
    extensions: [...leafExtensions(options), ...(await keyIdentifiers(keys, signer.keys))],
  });
  return issued(certificate, keys, signer.above);
}

async function issued(
  certificate: X509Certificate,
  keys: webcrypto.CryptoKeyPair,
  above: readonly string[],
): Promise<IssuedCertificate> {
  const certificatePem = pemOf(certificate);
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificatePem,
    chainPem: certificatePem + above.join(""),
    privateKeyPem: `${PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`,
    der: new Uint8Array(certificate.rawData),
  };
}

async function makeKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = keyAlgorithms[kind];
  return (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

const rsa = { name: "RSASSA-PKCS1-v1_5", publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };

const keyAlgorithms = {
  "ec-p256": { name: "ECDSA", namedCurve: "P-256" },
  "ec-p384": { name: "ECDSA", namedCurve: "P-384" },
  ed25519: { name: "Ed25519" },
  "rsa-2048": { ...rsa, modulusLength: 2048 },
  "rsa-1024": { ...rsa, modulusLength: 1024 },
} as const satisfies Record<KeyKind, object>;

function signingAlgorithm({ algorithm }: webcrypto.CryptoKey): webcrypto.Algorithm | webcrypto.EcdsaParams {
  return algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : { name: algorithm.name };
}

function authorityExtensions(): Extension[] {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

function leafExtensions(options: LeafOptions): Extension[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension((options.purposes ?? ["server", "client"]).map((purpose) => purposes[purpose])),
    ...subjectAltNames(options),
    ...(options.caIssuers === undefined ? [] : [new AuthorityInfoAccessExtension({ caIssuers: options.caIssuers })]),
  ];
}

/** Strict verifiers want both (RFC 5280 §4.2.1.1, §4.2.1.2). @param signer absent for a self-signed certificate. */
async function keyIdentifiers(keys: webcrypto.CryptoKeyPair, signer = keys): Promise<Extension[]> {
  return [
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(signer.publicKey),
  ];
}

function subjectAltNames({ rawSubjectAltName, dnsNames = [], ipAddresses = [] }: LeafOptions): Extension[] {
  if (rawSubjectAltName !== undefined) return [new Extension(subjectAltName, false, rawSubjectAltName)];
  const names = [
    ...dnsNames.map((value) => ({ type: "dns" as const, value })),
    ...ipAddresses.map((value) => ({ type: "ip" as const, value })),
  ];
  return names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)];
}

function commonNameOf({ commonName, dnsNames }: LeafOptions): string {
  return commonName ?? dnsNames?.[0] ?? "Letterlock lab";
}

function nameOf(commonName: string): { CN: string[] }[] {
  return [{ CN: [commonName] }];
}

function tenYears(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - dayMs / 24), notAfter: new Date(now + 3650 * dayMs) };
}

function datesOf({ notBefore, notAfter }: LeafOptions): { notBefore?: Date; notAfter?: Date } {
  return {
    ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore) }),
    ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter) }),
  };
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}
