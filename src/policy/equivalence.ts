/**
 * Do two policies mean the same? Both are asked every question and held against every situation that a peer can bring
 * about; what is demanded before the fact and what becomes of the mail after it are compared. Pure.
 *
 * A situation is a made-up peer: what it offers, how it answers STARTTLS, what certificate it shows. So the comparison
 * finds also what two decisions that read alike do differently. Texts are not compared: only who words them.
 */
import { X509Certificate } from "node:crypto";
import { LRUCache } from "lru-cache";
import { formatNexthop } from "../mail/nexthop.ts";
import { reply } from "../mail/reply.ts";
import { defaultCiphers, defaultGroups } from "../tls/client-context.ts";
import { digestOf } from "../tls/digest.ts";
import type { Credential, TrustAnchors } from "../tls/handshake-settings.ts";
import { describeReference } from "../tls/names.ts";
import type { CertificateFacts, HandshakeFacts, PeerFacts, TlsProgress } from "../tls/peer-facts.ts";
import { type ConnectDecision, decide, defaultFallback, type TlsDecision } from "./decide.ts";
import { judge, type Severity } from "./judge.ts";
import type { Policy } from "./policy.ts";
import { describeRequirement } from "./requirements.ts";
import type { Origin, OutboundQuestion } from "./rules.ts";
import { describeFallback } from "./scoped-rules.ts";

/** One side: the policy, and the client certificate of the binding in question. */
export type Side = Readonly<{
  policy: Policy;
  credential: (binding: string) => Credential | undefined;
  /** The nexthop that this side's routing chooses; the question's own where it has no say. */
  question: (question: OutboundQuestion) => OutboundQuestion;
}>;

export type Difference = Readonly<{ what: string; before: string; after: string }>;

/** One question and what both sides say. */
export type Comparison = Readonly<{
  recipient: string;
  binding: string;
  nexthop: string;
  host: string | null;
  /** In short: `verify, STARTTLS always, names mx.example.com`. */
  before: string;
  after: string;
  /** The line that decides before, and the one after. */
  lineBefore: Origin;
  lineAfter: Origin;
  /** What becomes of the mail in each situation. */
  outcomes: readonly Difference[];
  /** Of demands and of outcomes. Empty: the same. */
  differences: readonly Difference[];
}>;

export function compare(question: OutboundQuestion, before: Side, after: Side): Comparison {
  const [was, is] = [answer(question, before), answer(question, after)];
  const parts = compareParts(partsOf(was.decision, was.question), partsOf(is.decision, is.question));
  const outcomes = sharedList(
    situations.map(({ name, aged, meet }) => ({
      what: name,
      before: outcome(aged ? was.aged : was.decision, meet, was.question),
      after: outcome(aged ? is.aged : is.decision, meet, is.question),
    })),
  );
  return {
    recipient: question.recipient.text,
    binding: question.binding,
    nexthop: nexthopText(was.question),
    host: question.host ?? null,
    before: inShort(was.decision),
    after: inShort(is.decision),
    lineBefore: was.decision.from,
    lineAfter: is.decision.from,
    outcomes,
    differences: [...parts, ...outcomes.filter((one) => one.before !== one.after)],
  };
}

/** A report of a large policy has the same few outcomes very many times: each list is kept once. */
const shared = new LRUCache<string, readonly Difference[]>({ max: 5000 });

function sharedList(outcomes: readonly Difference[]): readonly Difference[] {
  const key = outcomes.map(({ before, after }) => `${before}|${after}`).join("\n");
  const known = shared.get(key) ?? outcomes;
  shared.set(key, known);
  return known;
}

type Answer = Readonly<{ question: OutboundQuestion; decision: TlsDecision; aged: TlsDecision }>;

const oneDay = 86_400_000;

function answer(asked: OutboundQuestion, { policy, credential, question }: Side): Answer {
  const routed = question(asked);
  const rule = policy.rule(routed);
  const { nexthop, host, address } = routed;
  const implicitTls = nexthop.implicitTls === true;
  const evidence = { nexthop, host, address, mxStatus: "insecure" as const, implicitTls, messageAgeMs: 0 };
  return {
    question: routed,
    decision: decide(rule, evidence, credential(routed.binding)),
    aged: decide(rule, { ...evidence, messageAgeMs: oneDay }, credential(routed.binding)),
  };
}

function nexthopText({ nexthop }: OutboundQuestion): string {
  return nexthop.written ?? formatNexthop(nexthop);
}

type Parts = Readonly<Record<string, string>>;

/** What is demanded before the fact, part by part. */
function partsOf(decision: TlsDecision, { nexthop }: OutboundQuestion): Parts {
  const hop = {
    nexthop: formatNexthop(nexthop),
    "implicit TLS": String(nexthop.implicitTls === true),
  };
  if (decision.kind === "refuse") return { ...hop, connects: "no", status: decision.status };
  const { authenticate, handshake, requirements, rule } = decision;
  const always = {
    ...hop,
    connects: "yes",
    level: decision.level,
    starttls: decision.starttls,
    mode: decision.monitor ? "monitor" : "enforce",
    demands: requirements.map(describeRequirement).join(", "),
    wording: rule.wording?.value ?? "letterlock",
  };
  // What a handshake would have to prove says nothing where there is none.
  if (decision.starttls === "never") return always;
  return {
    ...always,
    proof: authenticate.required,
    names: authenticate.references.map(describeReference).toSorted().join(" "),
    "common name": authenticate.commonName,
    pins: authenticate.pins
      .map((pin) => `${pin.of}:${pin.algorithm}:${pin.digest}`)
      .toSorted()
      .join(" "),
    ...handshakeParts(handshake),
    "cipher bits": String(decision.minCipherBits),
    "clear text": clearText(decision),
    failure: decision.onFailure,
  };
}

function clearText({ clearText: now, rule }: ConnectDecision): string {
  if (now === "never") return "never";
  return rule.level.value === "none" ? "always" : describeFallback(rule.fallback?.value ?? defaultFallback);
}

function handshakeParts(handshake: ConnectDecision["handshake"]): Parts {
  const { serverName, anchors, minVersion, maxVersion, ciphers, groups, credential } = handshake;
  return {
    "server name": serverName ?? "none",
    CAs: describeAnchors(anchors),
    versions: minVersion > maxVersion ? "none left" : `${minVersion} to ${maxVersion}`,
    ciphers: ciphers ?? defaultCiphers,
    groups: groups ?? defaultGroups,
    "client certificate": credential?.id ?? "none",
  };
}

const described = new WeakMap<TrustAnchors, string>();

/** By the certificates in it, wherever they were read. */
function describeAnchors(anchors: TrustAnchors): string {
  if (anchors.kind === "system") return "system";
  const known = described.get(anchors);
  if (known !== undefined) return known;
  const digests = anchors.pem.map((pem) => new X509Certificate(pem).fingerprint256).toSorted();
  const flags = [anchors.partialChains ? "partial chains" : "", anchors.withSystem ? "and the system's" : ""];
  const all = digestOf(Buffer.from([...new Set(digests)].join()), "sha256").slice(0, 16);
  const text = [`${new Set(digests).size} of digest ${all}`, ...flags].filter((part) => part !== "").join(", ");
  described.set(anchors, text);
  return text;
}

function compareParts(before: Parts, after: Parts): Difference[] {
  // Of a connection that only one of them makes there is nothing to compare.
  const names =
    before.connects === after.connects
      ? [...new Set([...Object.keys(before), ...Object.keys(after)])]
      : ["nexthop", "implicit TLS", "connects", "status"];
  return names.flatMap((what) => {
    const [was = "", is = ""] = [before[what], after[what]];
    return was === is ? [] : [{ what, before: was, after: is }];
  });
}

function outcome(decision: TlsDecision, meet: Meet, question: OutboundQuestion): string {
  if (decision.kind === "refuse") return `no connection, ${decision.status}`;
  const facts = meet(question);
  const tls: TlsProgress = decision.starttls === "never" && facts.kind !== "not-offered" ? { kind: "skipped" } : facts;
  return verdictInWords(decision, { offered: tls.kind !== "not-offered", tls, seenAt: made });
}

function verdictInWords(decision: ConnectDecision, facts: PeerFacts): string {
  const verdict = judge(decision, facts, "host");
  switch (verdict.kind) {
    case "flow":
      return verdict.achieved === "none" ? "mail flows in clear" : `mail flows, ${verdict.achieved}`;
    case "clear-again":
      return `clear text on a new connection (${decision.clearTextTurn})`;
    case "next-host":
      return `${severityWords[verdict.severity]}, ${verdict.status}`;
  }
}

const severityWords: Readonly<Record<Severity, string>> = {
  defer: "next host, else waits",
  wait: "next host, else waits whatever that one says",
  "bounce-if-last": "next host, else returned",
  bounce: "returned",
};

function inShort(decision: TlsDecision): string {
  if (decision.kind === "refuse") return `no connection: ${decision.text}`;
  const { authenticate, requirements } = decision;
  const names = authenticate.references.map(describeReference).join(" or ");
  const parts: Record<typeof authenticate.required, string> = {
    nothing: "",
    pin: `, one of ${authenticate.pins.length} pins`,
    chain: ", trusted chain",
    "chain-and-name": `, trusted chain and name ${names}`,
  };
  const demands = requirements.map(({ text }) => `, ${text}`).join("");
  return `${decision.level}${parts[authenticate.required]}${demands}`;
}

/** What the peer does, for a question that says how it is called. */
type Meet = (question: OutboundQuestion) => TlsProgress;
type Situation = Readonly<{ name: string; aged?: true; meet: Meet }>;

const made = Date.UTC(2026, 0, 1);

function certificate(change: Partial<CertificateFacts>): CertificateFacts {
  const bytes = new Uint8Array([0x30, 0x00]);
  return {
    subject: "CN=stranger.invalid",
    issuer: "CN=CA",
    serial: "01",
    notBefore: made - oneDay,
    notAfter: made + oneDay,
    dnsNames: ["stranger.invalid"],
    ipAddresses: [],
    commonName: undefined,
    sha256: "",
    spkiSha256: "",
    keyType: "ec",
    keyBits: 256,
    der: bytes,
    spkiDer: bytes,
    ...change,
  };
}

const selfSigned: HandshakeFacts["chain"] = {
  kind: "untrusted",
  code: "DEPTH_ZERO_SELF_SIGNED_CERT",
  text: "self-signed certificate",
};
const expired: HandshakeFacts["chain"] = { kind: "untrusted", code: "CERT_HAS_EXPIRED", text: "expired" };

function shows(facts: Partial<HandshakeFacts>): TlsProgress {
  return {
    kind: "done",
    handshake: {
      protocol: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      bits: 256,
      group: "X25519",
      resumed: false,
      chain: { kind: "trusted" },
      certificate: certificate({}),
      intermediates: [],
      clientCertificate: "not-asked",
      durationMs: 1,
      ...facts,
    },
  };
}

const hostName = ({ host }: OutboundQuestion): string => host ?? "mx.invalid";
const nexthopName = ({ nexthop }: OutboundQuestion): string => (nexthop.kind === "mx" ? nexthop.domain : nexthop.host);
const named = (...dnsNames: string[]): CertificateFacts => certificate({ dnsNames });

const situations: readonly Situation[] = [
  { name: "STARTTLS not offered", meet: () => ({ kind: "not-offered" }) },
  { name: "STARTTLS answered 454", meet: () => ({ kind: "refused", reply: reply(454, "4.7.0", "not now") }) },
  { name: "STARTTLS answered 554", meet: () => ({ kind: "refused", reply: reply(554, "5.7.0", "never") }) },
  { name: "STARTTLS answered 421", meet: () => ({ kind: "refused", reply: reply(421, "4.3.0", "busy") }) },
  { name: "connection lost at STARTTLS", meet: () => ({ kind: "lost" }) },
  { name: "handshake fails", meet: () => ({ kind: "failed", code: "ERR_SSL", text: "garbage" }) },
  {
    name: "handshake fails, the message a day old",
    aged: true,
    meet: () => ({ kind: "failed", code: "ERR_SSL", text: "garbage" }),
  },
  { name: "certificate for the MX host", meet: (asked) => shows({ certificate: named(hostName(asked)) }) },
  { name: "certificate for the nexthop", meet: (asked) => shows({ certificate: named(nexthopName(asked)) }) },
  { name: "certificate for another name", meet: () => shows({}) },
  {
    name: "common name of the MX host alone",
    meet: (asked) => shows({ certificate: certificate({ dnsNames: [], commonName: hostName(asked) }) }),
  },
  {
    name: "common name of the MX host beside another name",
    meet: (asked) => shows({ certificate: certificate({ commonName: hostName(asked) }) }),
  },
  {
    name: "self-signed certificate for the MX host",
    meet: (asked) => shows({ certificate: named(hostName(asked)), chain: selfSigned }),
  },
  {
    name: "expired certificate for the MX host",
    meet: (asked) => shows({ certificate: { ...named(hostName(asked)), notAfter: made - 1 }, chain: expired }),
  },
  { name: "no certificate", meet: () => shows({ certificate: undefined, chain: selfSigned }) },
  {
    name: "a cipher of 128 bits",
    meet: (asked) => shows({ certificate: named(hostName(asked)), cipher: "TLS_AES_128_GCM_SHA256", bits: 128 }),
  },
];
