/**
 * A DNS response, read from octets that a stranger may have forged (RS-3, RS-6, RS-8).
 * Promises: never throws, time and memory in proportion to the packet; a name in the answer is either exactly what
 * its octets say or escaped, so nothing else can be taken for it. Only what a mail relay asks for is decoded;
 * other records are skipped by their length.
 * `dns-packet` writes our queries but does not read answers: docs/decisions/0010-dns-answers.md.
 */
import type { IpAddress } from "../mail/address.ts";
import { escapeText } from "../mail/escape.ts";
import { parseIp } from "../mail/ip.ts";
import { Malformed, PacketReader } from "./packet-reader.ts";
import type { Query, QuestionType } from "./query.ts";
import type { MxRecord, PtrRecord } from "./resolver.ts";
import { hostName } from "./wire-name.ts";

type RecordData =
  | Readonly<{ type: "A" | "AAAA"; value: IpAddress }>
  | Readonly<{ type: "MX"; value: MxRecord }>
  | Readonly<{ type: "PTR"; value: PtrRecord }>
  | Readonly<{ type: "TXT"; value: string }>
  | Readonly<{ type: "CNAME"; value: string }>;

/** `owner` as `PacketReader.name` writes it. */
export type DnsRecord = Readonly<{ owner: string; ttlSeconds: number }> & RecordData;

export type DnsMessage = Readonly<{
  /** 12 bits, with the EDNS part. */
  rcode: number;
  authentic: boolean;
  /** Nothing else of a truncated answer may be used; its sections are not read (RS-5). */
  truncated: boolean;
  answers: readonly DnsRecord[];
  /** The SOA that stands beside a negative answer, with the smaller of its TTL and MINIMUM (RFC 2308 §5). */
  soa: Readonly<{ owner: string; ttlSeconds: number }> | undefined;
  /** RFC 8914, escaped. */
  extended: string | undefined;
}>;

/**
 * - `not-ours`: wrong id, no response, another question: to be dropped, the wait goes on (RS-3).
 * - `malformed`: answers our question, and breaks the format.
 */
export type Response =
  | Readonly<{ kind: "message"; message: DnsMessage }>
  | Readonly<{ kind: "not-ours" | "malformed" }>;

export const rcodes = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVers: 16 } as const;

const typeNumbers: Record<QuestionType, number> = { A: 1, PTR: 12, MX: 15, TXT: 16, AAAA: 28 };
const cnameType = 5;
const soaType = 6;
const optType = 41;
const classIn = 1;
const extendedErrorOption = 15;
/** Of all sections together. 64 KiB hold thousands: no mail domain needs them, and reading them takes time. */
const maxRecords = 512;

export function parseResponse(bytes: Buffer, query: Query): Response {
  try {
    return readResponse(new PacketReader(bytes), query);
  } catch (error) {
    if (error instanceof Malformed) return { kind: startsAsOurs(bytes, query) ? "malformed" : "not-ours" };
    throw error;
  }
}

/** QR, opcode 0 and our id: what can be said of a packet whose rest cannot be read. */
function startsAsOurs(bytes: Buffer, { id }: Query): boolean {
  return bytes.length >= 12 && bytes.readUInt16BE(0) === id && (bytes.readUInt8(2) & 0xf8) === 0x80;
}

function readResponse(reader: PacketReader, query: Query): Response {
  if (!startsAsOurs(reader.bytes, query)) return { kind: "not-ours" };
  reader.offset = 2;
  const flags = reader.u16();
  const [questions, answers, authorities, additionals] = [reader.u16(), reader.u16(), reader.u16(), reader.u16()];
  const rcode = flags & 0xf;
  // Servers that know no EDNS may send the bare header back; it says only "ask without" (RS-9).
  const bareRefusal = questions === 0 && (rcode === rcodes.formErr || rcode === rcodes.notImp);
  if (!bareRefusal && !(questions === 1 && isSameQuestion(reader, query))) return { kind: "not-ours" };
  const head = { rcode, authentic: (flags & 0x20) !== 0, truncated: (flags & 0x200) !== 0 };
  if (head.truncated || bareRefusal) {
    return { kind: "message", message: { ...head, answers: [], soa: undefined, extended: undefined } };
  }
  if (answers + authorities + additionals > maxRecords) throw new Malformed("too many records");
  const records = readAnswers(reader, answers);
  const soa = readAuthorities(reader, authorities);
  const edns = readAdditionals(reader, additionals);
  if (!reader.atEnd) throw new Malformed("octets after the last record");
  return {
    kind: "message",
    message: { ...head, rcode: rcode | (edns.rcodeHigh << 4), answers: records, soa, extended: edns.extended },
  };
}

function isSameQuestion(reader: PacketReader, { question }: Query): boolean {
  const name = reader.name();
  const type = reader.u16();
  return reader.u16() === classIn && type === typeNumbers[question.type] && name === question.name;
}

function readAnswers(reader: PacketReader, count: number): DnsRecord[] {
  const records: DnsRecord[] = [];
  for (let left = count; left > 0; left--) {
    const owner = reader.name();
    const type = reader.u16();
    const isInternet = reader.u16() === classIn;
    const ttlSeconds = reader.ttl();
    const data = reader.rdata(isInternet ? dataReader(reader, type) : undefined);
    if (data !== undefined) records.push({ owner, ttlSeconds, ...data });
  }
  return records;
}

function dataReader(reader: PacketReader, type: number): ((octets: number) => RecordData) | undefined {
  switch (type) {
    case typeNumbers.A:
      return () => ({ type: "A", value: readIpv4(reader) });
    case typeNumbers.AAAA:
      return () => ({ type: "AAAA", value: readIpv6(reader) });
    case typeNumbers.MX:
      return () => ({ type: "MX", value: readMx(reader) });
    case typeNumbers.PTR:
      return () => ({ type: "PTR", value: hostName(reader.name()) });
    case typeNumbers.TXT:
      return () => ({ type: "TXT", value: readTxt(reader) });
    case cnameType:
      return () => ({ type: "CNAME", value: reader.name() });
    default:
      return undefined;
  }
}

function readIpv4(reader: PacketReader): IpAddress {
  return `${reader.u8()}.${reader.u8()}.${reader.u8()}.${reader.u8()}` as IpAddress;
}

function readIpv6(reader: PacketReader): IpAddress {
  const groups = Array.from({ length: 8 }, () => reader.u16().toString(16));
  const address = parseIp(groups.join(":"));
  if (address === undefined) throw new Error(`eight groups are no IPv6 address: ${groups.join(":")}`);
  return address;
}

function readMx(reader: PacketReader): MxRecord {
  const preference = reader.u16();
  const target = reader.name();
  if (target === ".") return { preference, exchange: undefined };
  const exchange = hostName(target);
  return exchange === undefined
    ? { preference, exchange: undefined, invalidTarget: escapeText(target) }
    : { preference, exchange };
}

/** The strings of one record in one piece (RFC 7208 §3.3, RFC 8461 §3.1), an octet a character. */
function readTxt(reader: PacketReader): string {
  let text = "";
  while (!reader.atEnd) text += reader.slice(reader.u8()).toString("latin1");
  return text;
}

function readAuthorities(reader: PacketReader, count: number): DnsMessage["soa"] {
  let soa: DnsMessage["soa"];
  for (let left = count; left > 0; left--) {
    const owner = reader.name();
    const isSoa = reader.u16() === soaType;
    const isInternet = reader.u16() === classIn;
    const ttl = reader.ttl();
    const minimum = reader.rdata(isSoa && isInternet ? () => readSoaMinimum(reader) : undefined);
    if (minimum !== undefined) soa ??= { owner, ttlSeconds: Math.min(ttl, minimum) };
  }
  return soa;
}

function readSoaMinimum(reader: PacketReader): number {
  reader.name();
  reader.name();
  reader.slice(16);
  return reader.ttl();
}

type Edns = Readonly<{ rcodeHigh: number; extended: string | undefined }>;

function readAdditionals(reader: PacketReader, count: number): Edns {
  let edns: Edns | undefined;
  for (let left = count; left > 0; left--) {
    const owner = reader.name();
    const isOpt = reader.u16() === optType;
    reader.u16();
    const rcodeHigh = reader.u8();
    reader.slice(3);
    const extended = reader.rdata(isOpt ? () => readExtendedErrors(reader) : undefined);
    if (!isOpt) continue;
    // One OPT at most, and at the root (RFC 6891 §6.1.1)
    if (edns !== undefined || owner !== ".") throw new Malformed("a second OPT");
    edns = { rcodeHigh, extended };
  }
  return edns ?? { rcodeHigh: 0, extended: undefined };
}

function readExtendedErrors(reader: PacketReader): string | undefined {
  const errors: string[] = [];
  while (!reader.atEnd) {
    const code = reader.u16();
    const data = reader.slice(reader.u16());
    if (code === extendedErrorOption && data.length >= 2) errors.push(formatExtendedError(data));
  }
  return errors.length === 0 ? undefined : escapeText(errors.join("; "));
}

function formatExtendedError(data: Buffer): string {
  const code = data.readUInt16BE(0);
  const text = data.toString("utf8", 2);
  return [`${code}`, extendedErrorNames[code], text === "" ? undefined : `(${text})`].filter(Boolean).join(" ");
}

/** RFC 8914 §4: those that say why a validating resolver gave no answer. */
const extendedErrorNames: Readonly<Record<number, string>> = {
  1: "unsupported DNSKEY algorithm",
  2: "unsupported DS digest type",
  3: "stale answer",
  5: "DNSSEC indeterminate",
  6: "DNSSEC bogus",
  7: "signature expired",
  8: "signature not yet valid",
  9: "DNSKEY missing",
  10: "RRSIGs missing",
  11: "no zone key bit set",
  12: "NSEC missing",
  13: "cached error",
  14: "not ready",
  15: "blocked",
  16: "censored",
  17: "filtered",
  18: "prohibited",
  20: "not authoritative",
  22: "no reachable authority",
  23: "network error",
};
