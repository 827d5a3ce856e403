/**
 * What the report counts of an attempt record, in four words for each host that was met. Pure.
 * The words are kept once in a dictionary (`tally-words.ts`); an attempt is then five small numbers (`tally.ts`).
 */
import { domainPartOf } from "../../mail/address-text.ts";
import type { AttemptEvent, AttemptFailure, AttemptRecord, EarlierHost } from "../../mail/attempt.ts";
import { parseDomain } from "../../mail/domain.ts";
import { placeOfRule } from "../../mail/rule-place.ts";
import { type CountName, countNames, noProtocol, protocolsByStrength } from "../tls-report.ts";

export type TallyRow = Readonly<{
  /** ms since 1970. */
  time: number;
  /**
   * Four words for each host, domain, host, rule and facts, the host that settled it first; empty where there is none.
   * One text with tabs in between, which crosses to the store's thread at a third of the cost of a list: records hold
   * nothing but printable characters.
   */
  words: string;
}>;

export const wordsOfHost = 4;
/** As many as a block has room for, with some to spare. */
const mostHosts = 100;
/** Hours since 1970 fit in 20 bits until 2089. */
const latest = 2 ** 20 * 3_600_000;

type Outcome = "encrypted" | "trusted" | "verified" | "clear" | "failed" | "unsent";

type HostMet = Pick<EarlierHost, "mx" | "address" | "rule" | "tls" | "failure">;

/** An earlier host of an attempt has no event of its own. */
type Settled = AttemptEvent | "passed";

/** Stages at which the message itself was being sent. */
const messageStages: ReadonlySet<AttemptFailure["stage"]> = new Set(["mail", "rcpt", "data", "body", "final-dot"]);

export function tallyOf(record: AttemptRecord): TallyRow {
  const domain = domainWord(record.to);
  let words = wordsOf(record, domain, record.event, record);
  for (const host of record.earlier.slice(0, mostHosts)) words += `\t${wordsOf(host, domain, "passed", record)}`;
  return { time: Math.min(Math.max(Date.parse(record.time), 0), latest), words };
}

function wordsOf(host: HostMet, domain: string, event: Settled, record: AttemptRecord): string {
  return `${domain}\t${hostWord(host)}\t${placeOfRule(host.rule)}\t${factsText(host, event, record)}`;
}

/** Unless a message is SMTPUTF8, its domains are in normal form already. */
function domainWord(to: string): string {
  const name = domainPartOf(to);
  if (!/[A-Z\\]/.test(name)) return name;
  const raw = name.replace(/\\(?:x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})/g, (_all, short?: string, long?: string) =>
    String.fromCodePoint(Math.min(Number.parseInt(short ?? long ?? "", 16), 0x10ffff)),
  );
  return parseDomain(raw) ?? name.toLowerCase();
}

function hostWord({ mx, address }: HostMet): string {
  return mx ?? (address === null ? "" : `[${address}]`);
}

function outcomeOf({ tls, failure }: HostMet): Outcome {
  if (failure !== null) {
    if (failure.kind === "tls" || failure.kind === "rule") return "failed";
    const begun = (failure.kind === "refused" || failure.kind === "broken") && messageStages.has(failure.stage);
    if (!begun) return "unsent";
  }
  const achieved = tls?.achieved ?? "none";
  return achieved === "none" ? "clear" : achieved;
}

/** Fields in lines: few different texts, since none of it is a peer's. */
function factsText(host: HostMet, event: Settled, record: AttemptRecord): string {
  const { tls } = host;
  const monitor = tls?.monitor === "would-fail" ? "1" : "";
  const reasons = event === "passed" ? "" : record.reasons.map(({ code }) => code).join(" ");
  const handshake = `${tls?.protocol ?? ""}\n${tls?.cipher ?? ""}\n${tls?.group ?? ""}`;
  return `${outcomeOf(host)}\n${event}\n${monitor}\n${handshake}\n${reasons}\n${record.binding}`;
}

/** A facts text, read back for counting. */
export type TallyFacts = Readonly<{
  /** A host met before the one that settled the attempt: counted among hosts, not among attempts. */
  earlier: boolean;
  protocol: string;
  cipher: string;
  group: string;
  /** Each once. */
  reasons: readonly string[];
  binding: string;
  /** Places in `Figures` that go up by one. */
  counts: readonly number[];
  /** Place in `protocolsByStrength`, else `noProtocol`. */
  strength: number;
}>;

const outcomeCounts: Readonly<Record<Outcome, readonly CountName[]>> = {
  encrypted: ["encrypted"],
  trusted: ["encrypted", "trusted"],
  verified: ["encrypted", "trusted", "verified"],
  clear: ["clear"],
  failed: ["failed"],
  unsent: ["unsent"],
};

const eventCounts: Readonly<Record<Settled, readonly CountName[]>> = {
  delivered: ["delivered"],
  deferred: ["deferred"],
  failed: ["bounced"],
  expired: ["bounced"],
  passed: [],
};

export function parseFacts(text: string): TallyFacts {
  const [outcome = "", event = "", monitor = "", protocol = "", cipher = "", group = "", reasons = "", binding = ""] =
    text.split("\n");
  const names: CountName[] = ["attempts", ...outcomeCounts[outcome as Outcome], ...eventCounts[event as Settled]];
  if (monitor !== "") names.push("wouldFail");
  const strength = protocolsByStrength.indexOf(protocol);
  return {
    earlier: event === "passed",
    protocol,
    cipher,
    group,
    reasons: [...new Set(reasons === "" ? [] : reasons.split(" "))],
    binding,
    counts: names.map((name) => countNames.indexOf(name)),
    strength: strength < 0 ? noProtocol : strength,
  };
}
