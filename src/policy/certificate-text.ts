/**
 * How Sendmail writes what stands in a certificate: `/C=CH/O=Clinic+20CA/CN=Root`, attributes in the certificate's own
 * order, and one octet of `+`, blank and the like as `+` and two hex digits. Rules are compared with these texts.
 *
 * Read from the DER, as OpenSSL's one-line form prints it: printed forms that people prefer turn the order round and
 * quote. Linear time, no throw. Sendmail reference, section 8; certificate fields: RFC 5280 §4.1.
 */
import { LRUCache } from "lru-cache";
import { readDer, readDerSequence } from "../tls/der.ts";
import type { CertificateFacts } from "../tls/peer-facts.ts";

export type CertificateText = Readonly<{
  /** `${cn_subject}`: the first common name; `BadCertificate...` where there is none that can be used. */
  commonName: string;
  /** `${cert_subject}` and `${cert_issuer}`. */
  subject: string;
  issuer: string;
}>;

const known = new LRUCache<string, CertificateText>({ max: 2000 });

/** Kept by fingerprint: a relay meets the same few thousand certificates again and again. */
export function certificateText({ sha256, der }: Pick<CertificateFacts, "sha256" | "der">): CertificateText {
  const before = known.get(sha256);
  if (before !== undefined) return before;
  const text = readText(der);
  known.set(sha256, text);
  return text;
}

/** Blanks, octets that are no printable ASCII, and `+ \ ( ) < > "` as `+` and two hex digits. */
export function encodeText(text: string): string {
  return text.replace(/[^!-~]|[+\\()<>"]/g, (octet) => `+${hex(octet.charCodeAt(0))}`);
}

function readText(der: Uint8Array): CertificateText {
  const certificate = readDer(der, 0);
  const tbs = certificate === undefined ? undefined : readDer(certificate.content, 0);
  const fields = (tbs === undefined ? undefined : readDerSequence(tbs.content)) ?? [];
  const first = fields[0]?.tag === 0xa0 ? 1 : 0;
  const issuer = readName(fields[first + 2]?.content);
  const subject = readName(fields[first + 4]?.content);
  return {
    commonName: encodeText(commonNameOf(subject)),
    subject: encodeText(oneLine(subject)),
    issuer: encodeText(oneLine(issuer)),
  };
}

type Attribute = Readonly<{ type: string; octets: Uint8Array }>;

/** A name is a sequence of sets of attributes; octets of a value are taken as they stand. */
function readName(name: Uint8Array | undefined): readonly Attribute[] {
  const attributes: Attribute[] = [];
  for (const set of (name === undefined ? undefined : readDerSequence(name)) ?? []) {
    for (const { content } of readDerSequence(set.content) ?? []) {
      const [type, value] = readDerSequence(content) ?? [];
      if (type === undefined || value === undefined) continue;
      attributes.push({ type: attributeName(type.content), octets: value.content });
    }
  }
  return attributes;
}

/** Sendmail's buffer holds 255 octets: attributes that do not fit, and all that follow, are left out. */
const maxLength = 255;

function oneLine(attributes: readonly Attribute[]): string {
  let line = "";
  for (const { type, octets } of attributes) {
    const next = `${line}/${type}=${escaped(octets)}`;
    if (next.length > maxLength) break;
    line = next;
  }
  return line;
}

function escaped(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) {
    const letter = String.fromCharCode(octet);
    if (octet < 0x20 || octet > 0x7e) text += `\\x${hex(octet)}`;
    else text += letter === "/" || letter === "+" ? `\\${letter}` : letter;
  }
  return text;
}

function commonNameOf(subject: readonly Attribute[]): string {
  const octets = subject.find(({ type }) => type === "CN")?.octets;
  if (octets === undefined) return "BadCertificateUnknown";
  if (octets.length >= maxLength) return "BadCertificateTooLong";
  if (octets.includes(0)) return "BadCertificateContainsNUL";
  return Buffer.from(octets).toString("latin1");
}

function hex(octet: number): string {
  return octet.toString(16).toUpperCase().padStart(2, "0");
}

function attributeName(octets: Uint8Array): string {
  const dotted = objectIdentifier(octets);
  return shortNames.get(dotted) ?? dotted;
}

function objectIdentifier(octets: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const octet of octets) {
    number = number * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    if (numbers.length === 0) {
      const top = Math.min(2, Math.floor(number / 40));
      numbers.push(top);
      number -= top * 40;
    }
    numbers.push(number);
    number = 0;
  }
  return numbers.join(".");
}

/** As OpenSSL abbreviates them. */
const shortNames: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.4", "SN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "street"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.12", "title"],
  ["2.5.4.13", "description"],
  ["2.5.4.15", "businessCategory"],
  ["2.5.4.16", "postalAddress"],
  ["2.5.4.17", "postalCode"],
  ["2.5.4.18", "postOfficeBox"],
  ["2.5.4.20", "telephoneNumber"],
  ["2.5.4.41", "name"],
  ["2.5.4.42", "GN"],
  ["2.5.4.43", "initials"],
  ["2.5.4.44", "generationQualifier"],
  ["2.5.4.45", "x500UniqueIdentifier"],
  ["2.5.4.46", "dnQualifier"],
  ["2.5.4.65", "pseudonym"],
  ["2.5.4.97", "organizationIdentifier"],
  ["1.2.840.113549.1.9.1", "emailAddress"],
  ["1.2.840.113549.1.9.2", "unstructuredName"],
  ["1.2.840.113549.1.9.8", "unstructuredAddress"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"],
  ["1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"],
  ["1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"],
]);
