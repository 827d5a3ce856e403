/**
 * Whatever the rule, whatever the peer: mail flows only where a second, plain statement of the policy lets it. The
 * statement knows nothing of how `decide` and `judge` are made; it is read off docs/decisions/0003 and 0006.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { domain } from "../src/mail/domain.ts";
import { reply } from "../src/mail/reply.ts";
import { decide, inClear } from "../src/policy/decide.ts";
import { judge } from "../src/policy/judge.ts";
import type {
  CommonNameUse,
  Fallback,
  Origin,
  PeerRequirement,
  Pin,
  RequirementExtension,
  Sourced,
  TlsRule,
} from "../src/policy/rules.ts";
import { tlsLevels } from "../src/policy/rules.ts";
import type { TlsProgress } from "../src/tls/peer-facts.ts";
import { tls } from "./dialects/sendmail/lab.ts";

const origin = (source: string): Origin => ({ source, file: undefined, line: undefined, column: undefined, scope: "" });

function is<T>(value: T, source = "own"): Sourced<T> {
  return { value, from: origin(source) };
}

const host = "mx.example.com";
const pinned: Pin = { of: "either", algorithm: "sha256", digest: "never" };

type Peer = Readonly<{
  what: "done" | "not-offered" | "skipped" | "lost" | "failed" | "injected" | "refused";
  code: number;
  trusted: boolean;
  certificate: boolean;
  sans: readonly string[];
  cn: string;
  bits: number;
}>;

const someNames = [host, "example.com", "other.example"];
const peers: fc.Arbitrary<Peer> = fc.record({
  what: fc.constantFrom<Peer["what"]>(
    "done",
    "done",
    "not-offered",
    "skipped",
    "lost",
    "failed",
    "injected",
    "refused",
  ),
  code: fc.constantFrom(250, 421, 454, 501, 554),
  trusted: fc.boolean(),
  certificate: fc.boolean(),
  sans: fc.subarray(someNames),
  cn: fc.constantFrom(...someNames),
  bits: fc.constantFrom(128, 256),
});

const extensions = fc.constantFrom<RequirementExtension>(
  { kind: "cn", name: undefined },
  { kind: "cn", name: "example.com" },
  { kind: "issuer", dn: "/CN=CA" },
  { kind: "issuer", dn: "/CN=Other" },
  { kind: "issuer-tag", tag: "t", issuers: new Set(["/cn=ca"]) },
);

const demands: fc.Arbitrary<PeerRequirement> = fc.record({
  from: fc.constantFrom(origin("own"), origin("other")),
  text: fc.constant("demand"),
  of: fc.constantFrom<PeerRequirement["of"]>("host", "recipient"),
  verify: fc.boolean(),
  bits: fc.option(
    fc.constantFrom(0, 128, 256).map((atLeast) => ({ atLeast, digits: String(atLeast) })),
    {
      nil: undefined,
    },
  ),
  extensions: fc.array(extensions, { maxLength: 2 }),
  reply: fc.constantFrom<PeerRequirement["reply"]>({ code: 454, status: "4.7.0" }, { code: 503, status: "5.7.0" }),
});

const fallbacks = fc.constantFrom<Fallback>(
  { kind: "never" },
  { kind: "at-once" },
  { kind: "after", ms: 1000 },
  { kind: "at-once", turn: "same-host" },
  { kind: "at-once", alsoUnproven: true },
  { kind: "after", ms: 1000, alsoUnproven: true },
);

function sometimes<T>(values: fc.Arbitrary<T>): fc.Arbitrary<Sourced<T> | undefined> {
  return fc.option(
    values.map((value) => is(value)),
    { nil: undefined },
  );
}

const rules = fc
  .record({
    level: fc.constantFrom(...tlsLevels).map((level) => is(level)),
    fallback: sometimes(fallbacks),
    proof: sometimes(fc.constantFrom("nothing" as const, "chain" as const, "chain-and-name" as const)),
    commonName: sometimes(fc.constantFrom<CommonNameUse>("never", "without-san", "also")),
    whenRefused: sometimes(fc.constantFrom("clear" as const, "next-host" as const, "bounce-5yz" as const)),
    minCipherBits: sometimes(fc.constantFrom(0, 128, 256)),
    mxPatterns: sometimes(fc.constantFrom(["*.example.com"], ["*.com"], [host, "*.x"], ["*"])),
    pins: sometimes(fc.constantFrom([] as Pin[], [pinned])),
    onFailure: sometimes(fc.constantFrom("defer" as const, "bounce" as const)),
    mode: sometimes(fc.constantFrom("enforce" as const, "monitor" as const)),
    refuse: sometimes(fc.constantFrom("no" as const, false as const)),
    requirements: fc.array(demands, { maxLength: 2 }),
  })
  .map(
    (all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as TlsRule,
  );

function facts(peer: Peer): TlsProgress {
  switch (peer.what) {
    case "done":
      return tls({
        cn: peer.cn,
        sans: peer.sans,
        issuer: "/CN=CA",
        bits: peer.bits,
        ...(peer.trusted ? {} : { untrusted: "SELF_SIGNED_CERT_IN_CHAIN" }),
        ...(peer.certificate ? {} : { noCertificate: true as const, untrusted: "NONE" }),
      });
    case "refused":
      return { kind: "refused", reply: reply(peer.code, undefined, "no") };
    case "failed":
      return { kind: "failed", code: "X", text: "x" };
    default:
      return { kind: peer.what };
  }
}

// The statement.

function connects(rule: TlsRule): boolean {
  const { level, pins, mxPatterns, mode } = rule;
  if (rule.refuse?.value === "no" || level.value === "dane" || level.value === "dane-only") return false;
  if (level.value === "fingerprint" && !pins?.value.length) return false;
  return mode?.value === "monitor" || mxPatterns === undefined || !mxPatterns.value.includes("*.com");
}

/** Clear text is a matter of the operator's wish at all. */
function isOptional({ level, mode }: TlsRule): boolean {
  return level.value === "none" || level.value === "may" || mode?.value === "monitor";
}

function fallbackNow({ level, fallback }: TlsRule, ageMs: number): boolean {
  if (level.value === "none") return true;
  const { kind, ms = 300_000 } = { ms: undefined, ...(fallback?.value ?? { kind: "after" as const }) };
  return kind === "at-once" || (kind === "after" && ageMs >= ms);
}

function names({ sans, cn }: Peer, use: CommonNameUse | undefined): readonly string[] {
  return use === "also" || (use === "without-san" && sans.length === 0) ? [...sans, cn] : sans;
}

/** What the level and `proof` ask of a handshake. */
function isProven(rule: TlsRule, peer: Peer): boolean {
  const level = rule.level.value;
  const strong = level === "may" || peer.bits >= (rule.minCipherBits?.value ?? 0);
  if (level === "fingerprint") return false;
  const proof = level === "none" ? "nothing" : (rule.proof?.value ?? "nothing");
  const strict = level === "verify" || level === "secure";
  const trusted = peer.certificate && peer.trusted && !rule.pins?.value.length;
  const wanted = level === "secure" ? "example.com" : host;
  const below = level === "secure" ? [host] : [];
  const named =
    peer.certificate && names(peer, rule.commonName?.value).some((name) => [wanted, ...below].includes(name));
  if ((strict || proof !== "nothing") && !trusted) return false;
  return strong && (named || !(strict || proof === "chain-and-name"));
}

function meets({ verify, bits, extensions: wanted }: PeerRequirement, peer: Peer | "in clear"): boolean {
  const certificate =
    peer !== "in clear" && peer.certificate ? { cn: peer.cn, issuer: "/CN=CA" } : { cn: "", issuer: "" };
  if (verify && (peer === "in clear" || !peer.certificate || !peer.trusted)) return false;
  if ((peer === "in clear" ? 0 : peer.bits) < (bits?.atLeast ?? 0)) return false;
  return wanted.every((one) => {
    if (one.kind === "cn") return certificate.cn === (one.name ?? host);
    return one.kind === "issuer-tag"
      ? certificate.issuer === "/CN=CA"
      : one.kind === "issuer" && certificate.issuer === one.dn;
  });
}

function demandsMet(rule: TlsRule, peer: Peer | "in clear"): boolean {
  const watched = rule.mode?.value === "monitor" ? "own" : undefined;
  return (rule.requirements ?? []).every((one) => one.from.source === watched || meets(one, peer));
}

function mayFlow(rule: TlsRule, peer: Peer): boolean {
  const monitored = rule.mode?.value === "monitor";
  switch (peer.what) {
    case "done":
      return (monitored || isProven(rule, peer)) && demandsMet(rule, peer);
    case "not-offered":
      return isOptional(rule) && demandsMet(rule, "in clear");
    case "skipped":
      return rule.level.value === "none" && demandsMet(rule, "in clear");
    case "refused": {
      if (rule.level.value === "none" || !isOptional(rule) || peer.code === 421) return false;
      const taken =
        rule.whenRefused?.value === "clear"
          ? peer.code >= 400
          : rule.whenRefused?.value !== "next-host" && rule.fallback?.value.kind !== "never";
      // Sendmail: what is neither yes nor no is a failure of its own where there is a demand.
      const odd =
        peer.code < 400 && (rule.requirements ?? []).some(({ from }) => !monitored || from.source === "other");
      return taken && !odd && demandsMet(rule, "in clear");
    }
    default:
      return false;
  }
}

/** A second connection, in clear, may carry the mail. */
function mayRetry(rule: TlsRule, peer: Peer, ageMs: number): boolean {
  const monitored = rule.mode?.value === "monitor";
  const unproven = peer.what === "done" && !monitored && !isProven(rule, peer);
  const isReason =
    peer.what === "failed" || (unproven && rule.fallback?.value.kind !== "never" && alsoUnproven(rule.fallback?.value));
  return isReason && isOptional(rule) && fallbackNow(rule, ageMs) && demandsMet(rule, "in clear");
}

function alsoUnproven(fallback: Fallback | undefined): boolean {
  return fallback !== undefined && fallback.kind !== "never" && fallback.alsoUnproven === true;
}

test("mail never flows against the rule: every rule, every peer, against a plain statement of the policy", () => {
  fc.assert(
    fc.property(rules, peers, fc.constantFrom(0, 2000, 1e6), (rule, peer, messageAgeMs) => {
      const decision = decide(rule, {
        nexthop: { kind: "mx", domain: domain("example.com"), port: 25 },
        host: domain(host),
        address: undefined,
        mxStatus: "insecure",
        implicitTls: false,
        messageAgeMs,
      });
      assert.equal(decision.kind === "connect", connects(rule));
      if (decision.kind === "refuse") return;
      const seen = { offered: peer.what !== "not-offered", tls: facts(peer), seenAt: 1 };
      const verdict = judge(decision, seen, host);
      // Where the rule never asks, a refusal or a broken handshake cannot be seen.
      const isPossible = decision.starttls !== "never" || ["skipped", "not-offered", "done"].includes(peer.what);
      if (!isPossible) return;
      assert.equal(verdict.kind === "flow", mayFlow(rule, peer), `${verdict.kind} ${JSON.stringify(verdict)}`);
      const again =
        verdict.kind === "clear-again" &&
        judge(inClear(decision), { offered: true, tls: { kind: "skipped" }, seenAt: 1 }, host).kind === "flow";
      assert.equal(again, mayRetry(rule, peer, messageAgeMs), verdict.kind);
    }),
    { numRuns: 20_000 },
  );
});
