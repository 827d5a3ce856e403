/**
 * Certificates with every kind of subject, and their names as Sendmail's macros show them. The macros are written down,
 * not computed: Letterlock reads the certificate itself.
 */
import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** As `${cn_subject}`, `${cert_subject}` and `${cert_issuer}`. */
export type CertificateMacros = Readonly<{ cn: string; subject: string; issuer: string }>;

export type Made = Readonly<{ macros: CertificateMacros; der: Uint8Array; chainPem: string; privateKeyPem: string }>;

type Attribute = readonly [type: "C" | "ST" | "O" | "OU" | "CN" | "E", value: string];

export type Wanted = Readonly<{
  attributes: readonly Attribute[];
  macros: Readonly<{ cn: string; subject: string }>;
  /** SAN entries. */
  names?: readonly string[];
  expired?: true;
  /** Default: the authority. */
  signedBy?: "authority" | "stranger" | "itself";
}>;

const day = 86_400_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };

type Root = Readonly<{ attributes: readonly Attribute[]; text: string }>;

const roots: Readonly<Record<"authority" | "stranger", Root>> = {
  authority: {
    attributes: [
      ["C", "CH"],
      ["O", "Clinic Mail"],
      ["CN", "Root (test)"],
    ],
    text: "/C=CH/O=Clinic+20Mail/CN=Root+20+28test+29",
  },
  stranger: { attributes: [["CN", "Some Stranger"]], text: "/CN=Some+20Stranger" },
};

export const authorityText = roots.authority.text;
export const strangerText = roots.stranger.text;

export class CertificateMaker {
  /** PEM of the authority that Sendmail and Letterlock trust. */
  readonly authorityPem: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #privateKeyPem: string;
  readonly #authority: X509Certificate;

  static async create(): Promise<CertificateMaker> {
    const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
    const name = nameOf(roots.authority.attributes);
    const extensions = [new BasicConstraintsExtension(true, undefined, true)];
    const root = await X509CertificateGenerator.createSelfSigned({
      name,
      keys,
      ...dates(),
      signingAlgorithm,
      extensions,
    });
    const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    return new CertificateMaker(keys, root, `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`);
  }

  private constructor(keys: webcrypto.CryptoKeyPair, root: X509Certificate, privateKeyPem: string) {
    this.#keys = keys;
    this.#privateKeyPem = privateKeyPem;
    this.#authority = root;
    this.authorityPem = `${root.toString("pem")}\n`;
  }

  /** One key serves all; a stranger's signature is made with another. */
  async make({ attributes, macros, names = [], expired, signedBy = "authority" }: Wanted): Promise<Made> {
    const subject = nameOf(attributes);
    const issuerName = { ...roots, itself: { attributes, text: macros.subject } }[signedBy];
    const signer = signedBy === "stranger" ? await strangersKey() : this.#keys.privateKey;
    const certificate = await X509CertificateGenerator.create({
      subject,
      issuer: signedBy === "authority" ? this.#authority.subject : nameOf(issuerName.attributes),
      publicKey: this.#keys.publicKey,
      signingKey: signer,
      ...dates(expired),
      signingAlgorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        ...(names.length === 0 ? [] : [alternatives(names)]),
      ],
    });
    return {
      macros: { ...macros, issuer: issuerName.text },
      der: new Uint8Array(certificate.rawData),
      chainPem: `${certificate.toString("pem")}\n`,
      privateKeyPem: this.#privateKeyPem,
    };
  }
}

async function strangersKey(): Promise<webcrypto.CryptoKey> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  return keys.privateKey;
}

function alternatives(names: readonly string[]): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value })));
}

function nameOf(attributes: readonly Attribute[]): Record<string, string[]>[] {
  return attributes.map(([type, value]) => ({ [type]: [value] }));
}

function dates(expired?: true): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return expired
    ? { notBefore: new Date(now - 30 * day), notAfter: new Date(now - day) }
    : { notBefore: new Date(now - day), notAfter: new Date(now + 30 * day) };
}
