/**
 * The fields of a certificate that OpenSSL's text forms would blur: SubjectAltName entries, the common name and the
 * public key, read from the DER itself. Printed forms quote, join with commas and stop at NUL (standards.md AT-14);
 * here an entry is exactly its octets.
 * Guarantees: linear time, no throw; a malformed SubjectAltName has no names at all, so it matches nothing.
 * RFC 5280 §4.1, §4.2.1.6.
 */
import type { IpAddress } from "../mail/address.ts";
import { parseIp } from "../mail/ip.ts";
import { type DerElement, readDer, readDerSequence } from "./der.ts";

export type CertificateFields = Readonly<{
  commonName: string | undefined;
  /** SAN dNSName entries, octets as Latin-1. */
  dnsNames: readonly string[];
  ipAddresses: readonly IpAddress[];
  /** SubjectPublicKeyInfo, whole. */
  spkiDer: Uint8Array;
}>;

const tags = { sequence: 0x30, explicitVersion: 0xa0, extensions: 0xa3, dnsName: 0x82, ipAddress: 0x87 } as const;
const oidCommonName = Uint8Array.of(0x06, 3, 0x55, 4, 3);
const oidSubjectAltName = Uint8Array.of(0x06, 3, 0x55, 0x1d, 17);

/** @returns `undefined` for bytes that are no certificate. */
export function readCertificateFields(der: Uint8Array): CertificateFields | undefined {
  const certificate = readDer(der, 0);
  const tbs = certificate === undefined ? undefined : readDer(certificate.content, 0);
  const fields = tbs === undefined ? undefined : readDerSequence(tbs.content);
  if (fields === undefined) return undefined;
  // Version 1 certificates leave the version out.
  const first = fields[0]?.tag === tags.explicitVersion ? 1 : 0;
  const subject = fields[first + 4];
  const spki = fields[first + 5];
  if (subject === undefined || spki === undefined) return undefined;
  const names = readAltNames(fields.find((field) => field.tag === tags.extensions));
  return { commonName: readCommonName(subject), spkiDer: spki.whole, ...names };
}

export type CertificateExtension = Readonly<{
  /** The object identifier's octets in hex: `551d13`. */
  id: string;
  critical: boolean;
  value: Uint8Array;
}>;

/** @returns `undefined` for bytes that are no certificate; none for one without extensions. */
export function readExtensions(der: Uint8Array): CertificateExtension[] | undefined {
  const certificate = readDer(der, 0);
  const tbs = certificate === undefined ? undefined : readDer(certificate.content, 0);
  const fields = tbs === undefined ? undefined : readDerSequence(tbs.content);
  if (fields === undefined) return undefined;
  const field = fields.find(({ tag }) => tag === tags.extensions);
  if (field === undefined) return [];
  const list = readDer(field.content, 0);
  const items = list === undefined ? undefined : readDerSequence(list.content)?.map(readExtension);
  return items?.every((item) => item !== undefined) ? items : undefined;
}

function readExtension({ content }: DerElement): CertificateExtension | undefined {
  const [id, ...rest] = readDerSequence(content) ?? [];
  const value = rest.at(-1);
  if (id === undefined || value === undefined) return undefined;
  return { id: Buffer.from(id.content).toString("hex"), critical: rest.length > 1, value: value.content };
}

type AltNames = Pick<CertificateFields, "dnsNames" | "ipAddresses">;

const noNames: AltNames = { dnsNames: [], ipAddresses: [] };

function readAltNames(extensions: DerElement | undefined): AltNames {
  const list = extensions === undefined ? undefined : readDer(extensions.content, 0);
  const value = list === undefined ? undefined : findValue(list.content, oidSubjectAltName);
  // The extension's value is an OCTET STRING that holds the DER of a sequence of names.
  const general = value === undefined ? undefined : readDer(value.content, 0);
  if (general?.tag !== tags.sequence || general.whole.length !== value?.content.length) return noNames;
  const entries = readDerSequence(general.content);
  if (entries === undefined) return noNames;
  const dnsNames: string[] = [];
  const ipAddresses: IpAddress[] = [];
  for (const { tag, content } of entries) {
    if (tag === tags.dnsName) dnsNames.push(latin1(content));
    const ip = tag === tags.ipAddress ? formatIp(content) : undefined;
    if (ip !== undefined) ipAddresses.push(ip);
  }
  return { dnsNames, ipAddresses };
}

/** The last element of the first `SEQUENCE { oid, ..., value }` in a list. */
function findValue(list: Uint8Array, oid: Uint8Array): DerElement | undefined {
  for (const item of readDerSequence(list) ?? []) {
    const parts = readDerSequence(item.content);
    const name = parts?.[0];
    if (name !== undefined && Buffer.compare(name.whole, oid) === 0) return parts?.at(-1);
  }
  return undefined;
}

/** A name is a sequence of sets of attributes; the common name nearest to the holder is the last one. */
function readCommonName(subject: DerElement): string | undefined {
  let found: DerElement | undefined;
  for (const set of readDerSequence(subject.content) ?? []) found = findValue(set.content, oidCommonName) ?? found;
  return found === undefined ? undefined : Buffer.from(found.content).toString("utf8");
}

function latin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function formatIp(octets: Uint8Array): IpAddress | undefined {
  if (octets.length === 4) return parseIp(octets.join("."));
  if (octets.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((octets[2 * at] ?? 0) * 256 + (octets[2 * at + 1] ?? 0)).toString(16),
  );
  return parseIp(groups.join(":"));
}
