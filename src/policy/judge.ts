/**
 * The finished handshake held against the decision: may mail flow on this connection? Pure.
 * Every check is made and reported whatever the level; only what the decision requires can stop the mail.
 *
 * Outcomes follow Postfix (reference cases OUT-1 to OUT-8), safer where docs/decisions/0003-tls-outcomes.md says so,
 * and exactly as the original where a dialect's rule asks for that.
 */
import { assertNever } from "../mail/assert-never.ts";
import type { Achieved } from "../mail/attempt.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import { formatReply, type Reply } from "../mail/reply.ts";
import { certificateMatches, describeReference } from "../tls/names.ts";
import type { CertificateFacts, HandshakeFacts, PeerFacts } from "../tls/peer-facts.ts";
import type { ConnectDecision } from "./decide.ts";
import { pinFits } from "./pins.ts";
import { because, type Reason } from "./reasons.ts";
import { unmetRequirement } from "./requirements.ts";
import type { CommonNameUse, PeerRequirement } from "./rules.ts";
import { type TlsFailure, type Unproven, wordFailure } from "./wording.ts";

/** What each check came to; null where there was nothing to check. */
export type Checks = Readonly<{
  /** `trusted`, or OpenSSL's code. */
  chain: string | null;
  name: "matched" | "mismatch" | null;
  matchedName: string | null;
  pin: "matched" | "mismatch" | null;
}>;

type Finding = Readonly<{
  achieved: Achieved;
  checks: Checks;
  why: readonly Reason[];
  monitor: "would-pass" | "would-fail" | null;
}>;

/**
 * What a failure means for the walk. `defer`: another host may do better, else the mail waits. `wait`: the same, whatever
 * the other hosts say. `bounce-if-last`: as long as no other host does better; the last host's word decides. `bounce`: the mail is returned, no other host is tried.
 */
export type Severity = "defer" | "wait" | "bounce-if-last" | "bounce";

type Stop = Finding & Readonly<{ status: EnhancedStatus; text: string; failure: TlsFailure }>;

/**
 * - `flow`: speak on over this connection, in TLS or, where the decision lets it, in clear.
 * - `clear-again`: TLS cannot be had here; clear text may be used on a new connection (when: `clearTextTurn`).
 * - `next-host`: this host gets no mail under this decision; `status` and `text` say why if no other host does better.
 */
export type TlsVerdict =
  | (Finding & Readonly<{ kind: "flow" }>)
  | (Stop & Readonly<{ kind: "clear-again" }>)
  | (Stop & Readonly<{ kind: "next-host"; severity: Severity }>);

const nothingChecked: Checks = { chain: null, name: null, matchedName: null, pin: null };

/**
 * @param peer how the host is called in texts: `mx.example.net[192.0.2.1]`
 */
export function judge(decision: ConnectDecision, facts: PeerFacts, peer: string): TlsVerdict {
  return withRequirements(asListed(judgeByLevel(decision, facts, peer), decision), decision, facts);
}

/** Monitor mode: a host that an enforced rule would not even have been connected to. */
function asListed(verdict: TlsVerdict, { isUnlisted }: ConnectDecision): TlsVerdict {
  return isUnlisted ? wouldFail(verdict, []) : verdict;
}

function wouldFail(verdict: TlsVerdict, why: readonly Reason[]): TlsVerdict {
  const told = verdict.why.some(({ code }) => code === "would-fail") ? [] : [because("would-fail")];
  return { ...verdict, why: [...verdict.why, ...why, ...told], monitor: "would-fail" };
}

function judgeByLevel(decision: ConnectDecision, facts: PeerFacts, peer: string): TlsVerdict {
  const { tls } = facts;
  switch (tls.kind) {
    case "skipped":
      // A connection on which TLS was never asked for is good only for a decision that never asks.
      if (decision.starttls === "never") return clear(decision, [because("tls-not-asked")]);
      return nextHost(decision, [because("tls-not-asked")], { kind: "not-asked" }, peer);
    case "not-offered":
      return decision.starttls === "never" ? clear(decision, [because("tls-not-asked")]) : notOffered(decision, peer);
    case "refused":
      return refused(decision, peer, tls.reply);
    case "lost":
      return nextHost(decision, [because("starttls-lost")], { kind: "lost" }, peer);
    case "injected":
      return nextHost(decision, [because("injected")], { kind: "injected" }, peer);
    case "failed": {
      const why = because("handshake-failed", `${tls.code}: ${tls.text}`);
      return broken(decision, [why], { kind: "handshake", text: tls.text }, peer);
    }
    case "done":
      return judgeHandshake(decision, tls.handshake, facts.seenAt, peer);
    default:
      return assertNever(tls);
  }
}

/** Demands on top, in their order: the first that is not met speaks with its own reply. */
function withRequirements(judged: TlsVerdict, decision: ConnectDecision, { tls }: PeerFacts): TlsVerdict {
  let verdict = judged;
  for (const requirement of decision.requirements) {
    // Nobody asks about recipients where the host is given up already.
    if (requirement.of === "recipient" && verdict.kind !== "flow") continue;
    const peer = {
      role: "server" as const,
      tls: decision.retryInClear ? ("disabled-locally" as const) : tls,
      hostName: decision.peerName,
    };
    const unmet = unmetRequirement(requirement, peer);
    if (unmet === undefined) continue;
    const { code, status, text } = unmet;
    const why = because("requirement-unmet", `${requirement.text}: ${text}`);
    if (isWatched(requirement, decision)) {
      verdict = wouldFail(verdict, [why]);
      continue;
    }
    const failure: TlsFailure = verdict.kind === "flow" ? { kind: kindOf(requirement), text } : verdict.failure;
    if (verdict.kind === "clear-again") return { ...verdict, status, text: `${code} ${status} ${text}` };
    return {
      ...verdict,
      kind: "next-host",
      failure,
      why: [...verdict.why.filter((reason) => reason.code !== "fallback-clear"), why],
      status,
      text: `${code} ${status} ${text}`,
      severity: severityOf(requirement),
    };
  }
  return verdict;
}

function kindOf({ of }: PeerRequirement): "requirement" | "recipient-requirement" {
  return of === "recipient" ? "recipient-requirement" : "requirement";
}

/** Monitor mode covers what its own source demands; what another source demands on top still holds. */
function isWatched({ from }: PeerRequirement, { monitor, rule }: ConnectDecision): boolean {
  return monitor && rule.mode?.from.source === from.source;
}

/** Sendmail: a host's verdict stands until another host does better; for a recipient, "later" and "never" both stand. */
function severityOf({ of, reply }: PeerRequirement): Severity {
  if (reply.code < 500) return of === "recipient" ? "wait" : "defer";
  return of === "recipient" ? "bounce" : "bounce-if-last";
}

/**
 * The connection broke after a good handshake, before the message was through: at an opportunistic level clear text may
 * still get through later (reference case OUT-10).
 */
export function mayTryClear(decision: ConnectDecision): boolean {
  return decision.rule.level.value !== "none" && decision.clearText === "allowed" && !decision.retryInClear;
}

function clear({ monitor, rule }: ConnectDecision, why: readonly Reason[]): TlsVerdict {
  const level = rule.level.value;
  const wouldFail = monitor && level !== "may" && level !== "none";
  return {
    kind: "flow",
    achieved: "none",
    checks: nothingChecked,
    why: wouldFail ? [...why, because("would-fail")] : why,
    monitor: monitor ? (wouldFail ? "would-fail" : "would-pass") : null,
  };
}

function nextHost(
  decision: ConnectDecision,
  why: readonly Reason[],
  failure: TlsFailure,
  peer: string,
  severity: Severity = "defer",
): TlsVerdict {
  return { ...stop(decision, why, failure, peer), kind: "next-host", severity };
}

function stop(decision: ConnectDecision, why: readonly Reason[], failure: TlsFailure, peer: string): Stop {
  const monitor = decision.monitor ? "would-fail" : null;
  return { achieved: "none", checks: nothingChecked, why, monitor, failure, ...worded(decision, failure, peer) };
}

function worded({ rule }: ConnectDecision, failure: TlsFailure, peer: string): ReturnType<typeof wordFailure> {
  return wordFailure(rule.wording?.value ?? "letterlock", failure, peer);
}

function notOffered(decision: ConnectDecision, peer: string): TlsVerdict {
  const why = because("not-offered");
  if (decision.starttls === "if-offered") return clear(decision, [why, because("fallback-clear")]);
  return nextHost(decision, [why], { kind: "not-offered" }, peer);
}

/** Opportunistic: on in clear over the same connection, unless the rule says otherwise. ST-15, reference case OUT-2. */
function refused(decision: ConnectDecision, peer: string, reply: Reply): TlsVerdict {
  const why = because("starttls-refused", formatReply(reply));
  if (decision.starttls === "if-offered" && clearWhenRefused(decision, reply)) {
    return clear(decision, [why, because("fallback-clear")]);
  }
  const returned = decision.rule.whenRefused?.value === "bounce-5yz" && reply.code >= 500 && !decision.monitor;
  if (!returned) return nextHost(decision, [why], { kind: "refused", reply }, peer);
  const verdict = nextHost(decision, [why], { kind: "refused", reply }, peer, "bounce");
  return verdict.kind === "next-host"
    ? { ...verdict, status: `5${verdict.status.slice(1)}` as EnhancedStatus }
    : verdict;
}

/** A host that says 421 closes: nothing more is said to it. RFC 5321 §3.8 */
function clearWhenRefused({ rule, clearText }: ConnectDecision, { code }: Reply): boolean {
  if (code === 421) return false;
  switch (rule.whenRefused?.value) {
    case "clear":
      return code >= 400;
    case "next-host":
      return false;
    default:
      return clearText !== "never";
  }
}

function broken(decision: ConnectDecision, why: readonly Reason[], failure: TlsFailure, peer: string): TlsVerdict {
  if (decision.clearText === "allowed") {
    return { ...stop(decision, [...why, because("fallback-clear")], failure, peer), kind: "clear-again" };
  }
  const reasons = decision.clearText === "not-yet" ? [...why, because("fallback-not-yet")] : why;
  return nextHost(decision, reasons, failure, peer);
}

function judgeHandshake(
  decision: ConnectDecision,
  handshake: HandshakeFacts,
  seenAt: number,
  peer: string,
): TlsVerdict {
  const { authenticate, monitor } = decision;
  const checks = runChecks(decision, handshake);
  const why = describeChecks(decision, handshake, checks, seenAt);
  const problems = findProblems(decision, handshake, checks, seenAt);
  const achieved = achievedBy(checks, authenticate.required);
  const finding: Finding = { achieved, checks, why, monitor: null };
  if (problems.length === 0) return { ...finding, kind: "flow", monitor: monitor ? "would-pass" : null };
  if (monitor) return { ...finding, kind: "flow", why: [...why, because("would-fail")], monitor: "would-fail" };
  const failure: TlsFailure = { kind: "unproven", problems };
  if (decision.clearTextIfUnproven && decision.clearText === "allowed") {
    return {
      ...finding,
      ...worded(decision, failure, peer),
      failure,
      kind: "clear-again",
      why: [...why, because("fallback-clear")],
    };
  }
  return { ...finding, ...worded(decision, failure, peer), failure, kind: "next-host", severity: "defer" };
}

/** What the decision requires and the peer did not prove. */
function findProblems(
  decision: ConnectDecision,
  { certificate, bits, cipher }: HandshakeFacts,
  checks: Checks,
  seenAt: number,
): Unproven[] {
  const { required } = decision.authenticate;
  const problems: Unproven[] = [];
  const byChain = required === "chain" || required === "chain-and-name";
  if (byChain && checks.chain !== "trusted") {
    const expired = certificate !== undefined && seenAt > certificate.notAfter;
    const text = `certificate not trusted (${checks.chain ?? "no certificate"})`;
    problems.push({ of: expired ? "expired" : "chain", text });
  }
  if (required === "chain-and-name" && checks.name !== "matched") {
    problems.push({ of: "name", text: `certificate names do not match ${expectedNames(decision)}` });
  }
  const pinned = required === "pin" ? checks.pin === "matched" : !byChain || checks.pin !== "mismatch";
  if (!pinned) problems.push({ of: "pin", text: "certificate and key are not pinned" });
  if (decision.rule.level.value !== "may" && bits < decision.minCipherBits) {
    problems.push({ of: "bits", text: `${cipher} has ${bits} bits, ${decision.minCipherBits} are required` });
  }
  return problems;
}

function runChecks({ authenticate }: ConnectDecision, { chain, certificate }: HandshakeFacts): Checks {
  if (certificate === undefined) {
    const pin = authenticate.pins.length === 0 ? null : "mismatch";
    return { chain: null, name: "mismatch", matchedName: null, pin };
  }
  const matchedName = firstMatch(authenticate, certificate) ?? null;
  return {
    chain: chain.kind === "trusted" ? "trusted" : chain.code,
    name: matchedName === null ? "mismatch" : "matched",
    matchedName,
    pin:
      authenticate.pins.length === 0
        ? null
        : authenticate.pins.some((pin) => pinFits(pin, certificate))
          ? "matched"
          : "mismatch",
  };
}

function firstMatch(
  { references, commonName }: ConnectDecision["authenticate"],
  certificate: CertificateFacts,
): string | undefined {
  const names = { dnsNames: namesThatCount(certificate, commonName), ipAddresses: certificate.ipAddresses };
  for (const reference of references) {
    const found = certificateMatches(names, reference);
    if (found !== undefined) return found;
  }
  return undefined;
}

function namesThatCount({ dnsNames, commonName }: CertificateFacts, use: CommonNameUse): readonly string[] {
  if (commonName === undefined || use === "never" || (use === "without-san" && dnsNames.length > 0)) return dnsNames;
  return [...dnsNames, commonName];
}

/** A pin proves who the peer is as well as chain and name do; at the levels that ask for pins it alone counts. */
function achievedBy({ pin, chain, name }: Checks, required: ConnectDecision["authenticate"]["required"]): Achieved {
  if (pin === "matched") return "verified";
  if (chain !== "trusted") return "encrypted";
  return name === "matched" && required !== "pin" ? "verified" : "trusted";
}

function describeChecks(
  decision: ConnectDecision,
  handshake: HandshakeFacts,
  checks: Checks,
  seenAt: number,
): Reason[] {
  const { certificate, chain } = handshake;
  const why: Reason[] = [because("encrypted", `${handshake.protocol} ${handshake.cipher}`)];
  if (certificate === undefined) why.push(because("no-certificate"));
  else {
    why.push(
      chain.kind === "trusted" ? because("chain-trusted") : because("chain-untrusted", `${chain.code}: ${chain.text}`),
    );
    if (seenAt > certificate.notAfter || seenAt < certificate.notBefore) {
      why.push(
        because("certificate-expired", `valid ${isoDate(certificate.notBefore)} to ${isoDate(certificate.notAfter)}`),
      );
    }
    const name = checks.matchedName;
    why.push(name === null ? because("name-mismatch", expectedNames(decision)) : because("name-matched", name));
  }
  if (checks.pin !== null) why.push(because(checks.pin === "matched" ? "pin-matched" : "pin-mismatch"));
  if (handshake.bits < decision.minCipherBits) why.push(because("cipher-too-weak", `${handshake.bits} bits`));
  return why;
}

function expectedNames({ authenticate }: ConnectDecision): string {
  return authenticate.references.map(describeReference).join(", ") || "any name";
}

function isoDate(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
