/**
 * One question put to both: to Sendmail's rulesets in address-test mode, and to Letterlock, which compiled the same files.
 */
import assert from "node:assert/strict";
import { domainOf, type IpAddress } from "../../../src/mail/address.ts";
import type { Domain } from "../../../src/mail/domain.ts";
import { isIpv6, parseIp } from "../../../src/mail/ip.ts";
import { certificateText } from "../../../src/policy/certificate-text.ts";
import { decide } from "../../../src/policy/decide.ts";
import { judge } from "../../../src/policy/judge.ts";
import { unmetRequirement } from "../../../src/policy/requirements.ts";
import type {
  InboundRule,
  OutboundQuestion,
  PeerRequirement,
  PolicySource,
  TlsRule,
} from "../../../src/policy/rules.ts";
import { parseMailbox } from "../../../src/smtp/path.ts";
import type { PeerState } from "./peers.ts";
import type { Ask, Returned } from "./real-sendmail.ts";

/** A host or client; without a name it is called by its address in brackets. */
export type Party = Readonly<{ name: string | undefined; address: string }>;

export type Question = Readonly<{
  ruleset: "tls_server" | "tls_client" | "try_tls" | "tls_rcpt" | "RelayTLS";
  party: Party;
  peer: PeerState;
  recipient: string;
}>;

/** What Sendmail's configuration needs beside its own rulesets: address-test mode takes no `$|`. */
export const askTlsClient = 'LOCAL_RULESETS\nSAsk_tls_client\nR $* ; $*\t\t$@ $>"tls_client" $1 $| $2\n';

export function asAsked({ ruleset, party, peer, recipient }: Question): Ask {
  const { verify, bits, certificate } = peer;
  const role = ruleset === "tls_client" || ruleset === "RelayTLS" ? "client" : "server";
  const macros = {
    [`${role}_name`]: party.name ?? `[${addressText(party.address)}]`,
    [`${role}_addr`]: addressText(party.address),
    verify,
    cipher_bits: bits,
    cn_subject: certificate.cn,
    cert_subject: certificate.subject,
    cert_issuer: certificate.issuer,
  };
  switch (ruleset) {
    case "tls_server":
      return { ruleset, argument: verify, macros };
    case "tls_client":
      return { ruleset: "Ask_tls_client", argument: `${verify} ; MAIL`, macros };
    case "try_tls":
      return { ruleset, argument: party.name ?? `[${addressText(party.address)}]`, macros };
    case "tls_rcpt":
      return { ruleset, argument: recipient, macros };
    case "RelayTLS":
      return { ruleset, argument: "may-it", macros };
  }
}

/** As Sendmail writes addresses: all eight groups of IPv6, and its tag. */
function addressText(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.split("::");
  const [front, back] = [head.split(":"), tail === "" ? [] : tail.split(":")];
  const middle = address.includes("::") ? Array<string>(8 - front.length - back.length).fill("0") : [];
  return `IPv6:${[...front, ...middle, ...back].join(":")}`;
}

export function asLetterlock(source: PolicySource, question: Question): Returned {
  switch (question.ruleset) {
    case "tls_server":
      return outboundAnswer(source, question, "host");
    case "tls_rcpt":
      return outboundAnswer(source, question, "recipient");
    case "tls_client":
      return firstUnmet(inboundRule(source, question)?.requirements ?? [], question, "client");
    case "try_tls":
      return tryAnswer(source, question);
    case "RelayTLS":
      return { kind: mayRelay(source, question) ? "relay" : "ok" };
  }
}

function outboundAnswer(source: PolicySource, question: Question, of: PeerRequirement["of"]): Returned {
  const asked = outboundQuestion(question);
  const demands = (source.requirements?.(asked) ?? []).filter((requirement) => requirement.of === of);
  const answer = firstUnmet(demands, question, "server");
  const rule = source.outbound(asked);
  assert.ok(rule, "a complete configuration has a rule for everybody");
  return answer.kind === "error" || of !== "host" ? answer : hardFailure(rule, question);
}

function firstUnmet(
  requirements: readonly PeerRequirement[],
  { party, peer }: Question,
  role: "server" | "client",
): Returned {
  const hostName = party.name ?? `[${addressText(party.address)}]`;
  for (const requirement of requirements) {
    const unmet = unmetRequirement(requirement, { role, tls: peer.tls, hostName });
    if (unmet !== undefined) return { kind: "error", ...unmet };
  }
  return { kind: "ok" };
}

/** What fails without any requirement, as the whole judgement tells it. */
function hardFailure({ requirements: _, level, ...rule }: TlsRule, question: Question): Returned {
  const { tls } = question.peer;
  const failed = typeof tls !== "string" && (tls.kind === "failed" || (tls.kind === "refused" && tls.reply.code < 400));
  if (!failed) return { kind: "ok" };
  const { nexthop, host, address } = outboundQuestion(question);
  const evidence = { nexthop, host, address, mxStatus: "insecure", implicitTls: false, messageAgeMs: 0 } as const;
  const decision = decide({ ...rule, level: { value: "may", from: level.from } }, evidence);
  assert.equal(decision.kind, "connect");
  if (decision.kind !== "connect") return { kind: "ok" };
  const verdict = judge(decision, { offered: true, tls, seenAt: Date.now() }, "the host");
  if (verdict.kind === "flow") return { kind: "ok" };
  const [, code, text = verdict.text] = /^(\d{3}) \d\.\d\.\d (.*)$/.exec(verdict.text) ?? [];
  return { kind: "error", status: verdict.status, code: Number(code), text };
}

function tryAnswer(source: PolicySource, question: Question): Returned {
  const rule = source.outbound(outboundQuestion(question));
  if (rule?.level.value !== "none") return { kind: "ok" };
  const { name, address } = question.party;
  const shown = addressText(address);
  return { kind: "error", status: "5.7.1", code: 550, text: `do not try TLS with ${name ?? `[${shown}]`} [${shown}]` };
}

/** As the rule's form is to be read: a trusted certificate, by its issuer, and where that is not enough by its subject. */
function mayRelay(source: PolicySource, question: Question): boolean {
  const { tls } = question.peer;
  if (typeof tls === "string" || tls.kind !== "done") return false;
  const { certificate, chain } = tls.handshake;
  const rule = inboundRule(source, question)?.relayByCertificate?.value;
  if (certificate === undefined || chain.kind !== "trusted" || rule?.kind !== "names") return false;
  const { issuer, subject } = certificateText(certificate);
  const byIssuer = rule.issuers.get(issuer.toLowerCase());
  return byIssuer === "relay" || (byIssuer === "subject" && rule.subjects.has(subject.toLowerCase()));
}

function inboundRule(source: PolicySource, { party }: Question): InboundRule | undefined {
  return source.inbound?.({
    listener: "smtp",
    localAddress: undefined,
    localPort: 25,
    client: ip(party.address),
    clientName: party.name as Domain | undefined,
    user: undefined,
    now: Date.now(),
  });
}

function outboundQuestion({ party, recipient }: Question): OutboundQuestion {
  const mailbox = parseMailbox(recipient);
  assert.ok(mailbox, recipient);
  const address = ip(party.address);
  const domain = domainOf(mailbox);
  const nexthop: OutboundQuestion["nexthop"] =
    party.name === undefined || domain === undefined
      ? { kind: "host", host: address, isIp: true, port: 25, implicitTls: false }
      : { kind: "mx", domain, port: 25 };
  return {
    sender: undefined,
    recipient: mailbox,
    recipientDomain: domain,
    nexthop,
    binding: "default",
    bindingGroup: undefined,
    host: party.name as Domain | undefined,
    address,
    now: Date.now(),
  };
}

function ip(text: string): IpAddress {
  const address = parseIp(text);
  assert.ok(address, text);
  assert.equal(isIpv6(address), text.includes(":"));
  return address;
}
