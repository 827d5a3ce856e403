/**
 * cidr: tables (cidr_table(5)): addresses and blocks, `!` before one, `if` and `endif`. Only keys that are addresses are
 * found; an IPv4 address is never in an IPv6 block.
 */
import ipaddr from "ipaddr.js";
import { skipSpace, skipWord } from "../logical-lines.ts";
import { closesBlock, openRules, opensBlock, type RuleReading } from "./rule-builder.ts";
import type { RuleLine } from "./rule-list.ts";
import type { LookupAnswer, OpenedTable, TableRequest } from "./table.ts";

/** The octets of an address: 4 or 16. */
type Octets = readonly number[];
type Block = Readonly<{ network: Octets; bits: number }>;

export function openCidr(request: TableRequest): OpenedTable {
  return openRules<Octets>(request, readRule, octetsOf);
}

function readRule({ text, at }: RuleLine): RuleReading<Octets> {
  if (closesBlock.test(text)) return { kind: "endif" };
  const opens = opensBlock.test(text);
  const { negated, from } = skipNegations(text, opens ? 2 : 0);
  const end = opens ? text.length : skipWord(text, from);
  const written = text.slice(from, end);
  const block = written === "" ? "no address pattern" : parseBlock(written);
  if (typeof block === "string") return { kind: "skip", why: block };
  const test = (octets: Octets): boolean =>
    octets.length === block.network.length && inBlock(octets, block) !== negated;
  if (opens) return { kind: "if", test };
  const value = text.slice(skipSpace(text, end));
  if (value === "") return { kind: "skip", why: "no lookup result" };
  const hit = { value, from: { ...at, written: text } };
  const answer: LookupAnswer = { kind: "found", hit };
  return { kind: "match", rule: { op: "match", key: text.slice(0, end), hit, test, answer: () => answer } };
}

function skipNegations(text: string, start: number): Readonly<{ negated: boolean; from: number }> {
  let negated = false;
  let from = skipSpace(text, start);
  for (; text[from] === "!"; from = skipSpace(text, from + 1)) negated = !negated;
  return { negated, from };
}

/** `192.0.2.0/24`, `[2001:db8::]/32`, `[2001:db8::/32]`; a string tells what is wrong. */
function parseBlock(written: string): Block | string {
  const text = /^\[[^[\]]*\](?:\/\d+)?$/.test(written) ? written.replace(/[[\]]/g, "") : written;
  const [address = "", mask, ...more] = text.split("/");
  const network = octetsOf(address);
  if (mask !== undefined && (more.length > 0 || !/^\d+$/.test(mask))) return `bad mask value in "${written}"`;
  if (network === undefined) return `bad address pattern: "${written}"`;
  const bits = mask === undefined ? network.length * 8 : Number(mask);
  if (bits > network.length * 8) return `bad mask length in "${written}"`;
  const block = { network, bits };
  const clean = network.every((octet, index) => (octet & ~maskAt(bits, index) & 255) === 0);
  return clean ? block : `non-null host address bits in "${written}"`;
}

function inBlock(octets: Octets, { network, bits }: Block): boolean {
  return network.every((octet, index) => ((octets[index] ?? 0) & maskAt(bits, index)) === octet);
}

/** The bits of one octet that belong to the network. */
function maskAt(bits: number, index: number): number {
  const kept = Math.min(8, Math.max(0, bits - index * 8));
  return (255 << (8 - kept)) & 255;
}

function octetsOf(text: string): Octets | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toByteArray();
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text).toByteArray();
}
