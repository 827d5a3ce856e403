/**
 * What a response says about a question: CNAMEs followed by owner name (RS-7), TTLs capped (RS-11), the DNSSEC status
 * of the whole chain (RS-6). Pure.
 */
import type { Domain } from "../mail/domain.ts";
import { escapeText } from "../mail/escape.ts";
import { type DnsMessage, type DnsRecord, rcodes } from "./message.ts";
import type { QuestionType } from "./query.ts";
import type { DnsAnswer, DnssecStatus } from "./resolver.ts";
import { hostName, reverseAlias } from "./wire-name.ts";

export const maxCnames = 8;
const maxPositiveSeconds = 3600;
const maxNegativeSeconds = 900;
/** What carries no TTL of its own, a denial without SOA say, is shared for a moment only. */
export const minimumSeconds = 1;

/** How far a question has got: `name` is to be asked next. */
export type Chain = Readonly<{
  name: Domain;
  /** Every owner passed so far, for loops and the bound. */
  passed: readonly Domain[];
  ttlSeconds: number;
  status: DnssecStatus;
}>;

/** `continues`: the chain leaves the answer, and the resolver that we asked did not follow it. */
export type ChainReading<T> =
  | Readonly<{ kind: "answer"; answer: DnsAnswer<T> }>
  | Readonly<{ kind: "continues"; chain: Chain }>;

export function startChain(name: Domain): Chain {
  return { name, passed: [], ttlSeconds: maxPositiveSeconds, status: "secure" };
}

/**
 * @param message RCODE 0 or 3, not truncated
 * @param status of this response alone
 */
export function readChain<T>(
  message: DnsMessage,
  type: QuestionType,
  from: Chain,
  status: DnssecStatus,
): ChainReading<T> {
  const start: Chain = { ...from, status: status === "secure" ? from.status : "insecure" };
  const end = followCnames(message.answers, type, start);
  if (end.kind === "error") return { kind: "answer", answer: dnsError(end.error) };
  const { chain } = end;
  const records = message.answers.filter((record) => record.owner === chain.name && record.type === type);
  if (records.length > 0) return { kind: "answer", answer: positive(records, chain) };
  // NXDOMAIN under a CNAME speaks of the target (RS-15).
  if (message.rcode === rcodes.nxDomain) return { kind: "answer", answer: negative("no-name", message, chain) };
  const left = chain.passed.length > from.passed.length && !deniesName(message, chain.name);
  return left ? { kind: "continues", chain } : { kind: "answer", answer: negative("no-data", message, chain) };
}

export function dnsError(error: string, extended?: string): Extract<DnsAnswer<never>, { kind: "error" }> {
  return { kind: "error", error, extended };
}

function followCnames(
  answers: readonly DnsRecord[],
  type: QuestionType,
  start: Chain,
): Readonly<{ kind: "end"; chain: Chain } | { kind: "error"; error: string }> {
  let chain = start;
  for (;;) {
    const { name } = chain;
    if (answers.some((record) => record.owner === name && record.type === type)) return { kind: "end", chain };
    const link = answers.find((record) => record.owner === name && record.type === "CNAME");
    if (link?.type !== "CNAME") return { kind: "end", chain };
    const target = type === "PTR" ? reverseAlias(link.value) : hostName(link.value);
    if (target === undefined)
      return chainError(`${name} is an alias of ${escapeText(link.value)}, which is no host name`);
    const passed = [...chain.passed, name];
    if (passed.includes(target)) return chainError(`CNAME loop at ${target}`);
    if (passed.length > maxCnames) return chainError(`more than ${maxCnames} CNAMEs from ${passed[0]}`);
    chain = { ...chain, name: target, passed, ttlSeconds: Math.min(chain.ttlSeconds, link.ttlSeconds) };
  }
}

function chainError(error: string): Readonly<{ kind: "error"; error: string }> {
  return { kind: "error", error };
}

/** `records` are of the type `T` stands for: the caller filtered them by its QuestionType. */
function positive<T>(records: readonly DnsRecord[], { name, ttlSeconds, status }: Chain): DnsAnswer<T> {
  const shortest = records.reduce((seconds, record) => Math.min(seconds, record.ttlSeconds), ttlSeconds);
  return {
    kind: "records",
    records: records.map((record) => record.value as T),
    status,
    name,
    ttlSeconds: Math.max(shortest, minimumSeconds),
  };
}

function negative(kind: "no-data" | "no-name", { soa }: DnsMessage, chain: Chain): DnsAnswer<never> {
  const seconds = Math.min(soa?.ttlSeconds ?? minimumSeconds, chain.ttlSeconds, maxNegativeSeconds);
  return { kind, status: chain.status, name: chain.name, ttlSeconds: Math.max(seconds, minimumSeconds) };
}

/** An SOA of a zone that holds the name says that its emptiness was looked at (RFC 2308 §2.2). */
function deniesName({ soa }: DnsMessage, name: Domain): boolean {
  return soa !== undefined && (soa.owner === "." || name === soa.owner || name.endsWith(`.${soa.owner}`));
}
