/**
 * The finished handshake held against the decision: may mail flow on this connection? Pure.
 * Every check is made and reported whatever the level; only what the decision requires can stop the mail.
 *
 * Outcomes follow Postfix (reference cases OUT-1 to OUT-8); where a 5yz to STARTTLS would bounce at once there, the
 * next MX host is tried here and the mail waits (docs/decisions/0003-tls-outcomes.md).
 */
import { assertNever } from "../mail/assert-never.ts";
import type { Achieved } from "../mail/attempt.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import { formatReply } from "../mail/reply.ts";
import { digestOf } from "../tls/digest.ts";
import { certificateMatches, describeReference } from "../tls/names.ts";
import type { CertificateFacts, HandshakeFacts, PeerFacts } from "../tls/peer-facts.ts";
import type { ConnectDecision } from "./decide.ts";
import { because, type Reason } from "./reasons.ts";
import type { Pin } from "./rules.ts";

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
 * - `flow`: speak on over this connection, in TLS or, where the decision lets it, in clear.
 * - `clear-again`: TLS cannot be had here; clear text may be used on a new connection once the other hosts were tried.
 * - `next-host`: this host gets no mail under this decision; `status` and `text` say why if no other host does better.
 */
export type TlsVerdict =
  | (Finding & Readonly<{ kind: "flow" }>)
  | (Finding & Readonly<{ kind: "clear-again"; status: EnhancedStatus; text: string }>)
  | (Finding & Readonly<{ kind: "next-host"; status: EnhancedStatus; text: string }>);

const nothingChecked: Checks = { chain: null, name: null, matchedName: null, pin: null };

/**
 * @param peer how the host is called in texts: `mx.example.net[192.0.2.1]`
 */
export function judge(decision: ConnectDecision, facts: PeerFacts, peer: string): TlsVerdict {
  const { tls } = facts;
  switch (tls.kind) {
    case "skipped":
      // A connection on which TLS was never asked for is good only for a decision that never asks.
      if (decision.starttls === "never") return clear(decision, [because("tls-not-asked")]);
      return stop("next-host", decision, [because("tls-not-asked")], "4.7.4", `TLS was not asked of ${peer}`);
    case "not-offered":
      return decision.starttls === "never" ? clear(decision, [because("tls-not-asked")]) : notOffered(decision, peer);
    case "refused":
      return refused(decision, peer, formatReply(tls.reply), tls.reply.enhanced);
    case "lost":
      return broken(decision, because("starttls-lost"), "4.4.2", `lost connection with ${peer} at STARTTLS`, "never");
    case "injected":
      return broken(
        decision,
        because("injected"),
        "4.7.5",
        `${peer} sent octets in clear after its reply to STARTTLS`,
        "never",
      );
    case "failed":
      return broken(
        decision,
        because("handshake-failed", `${tls.code}: ${tls.text}`),
        "4.7.5",
        `TLS handshake with ${peer} failed: ${tls.text}`,
        decision.clearText,
      );
    case "done":
      return judgeHandshake(decision, tls.handshake, facts.seenAt, peer);
    default:
      return assertNever(tls);
  }
}

/**
 * The connection broke after a good handshake, before the message was through: at an opportunistic level clear text may
 * still get through later (reference case OUT-10).
 */
export function mayTryClear(decision: ConnectDecision): boolean {
  return decision.level !== "none" && decision.clearText === "allowed";
}

function clear({ monitor, level }: ConnectDecision, why: readonly Reason[]): TlsVerdict {
  const wouldFail = monitor && level !== "may" && level !== "none";
  return {
    kind: "flow",
    achieved: "none",
    checks: nothingChecked,
    why: wouldFail ? [...why, because("would-fail")] : why,
    monitor: monitor ? (wouldFail ? "would-fail" : "would-pass") : null,
  };
}

function stop(
  kind: "clear-again" | "next-host",
  decision: ConnectDecision,
  why: readonly Reason[],
  status: EnhancedStatus,
  text: string,
): TlsVerdict {
  const monitor = decision.monitor ? "would-fail" : null;
  return { kind, achieved: "none", checks: nothingChecked, why, monitor, status, text };
}

function notOffered(decision: ConnectDecision, peer: string): TlsVerdict {
  const why = because("not-offered");
  if (decision.starttls === "if-offered") return clear(decision, [why, because("fallback-clear")]);
  return stop("next-host", decision, [why], "4.7.4", `TLS is required, but was not offered by host ${peer}`);
}

/** Opportunistic: on in clear over the same connection, unless the rule never falls back. ST-15, reference case OUT-2. */
function refused(decision: ConnectDecision, peer: string, said: string, enhanced: string | undefined): TlsVerdict {
  const why = because("starttls-refused", said);
  if (decision.starttls === "if-offered" && decision.clearText !== "never") {
    return clear(decision, [why, because("fallback-clear")]);
  }
  const text = `TLS is required, but host ${peer} refused to start TLS: ${said}`;
  return stop("next-host", decision, [why], transientStatus(enhanced), text);
}

function broken(
  decision: ConnectDecision,
  why: Reason,
  status: EnhancedStatus,
  text: string,
  clearText: ConnectDecision["clearText"],
): TlsVerdict {
  if (clearText === "allowed") return stop("clear-again", decision, [why, because("fallback-clear")], status, text);
  const reasons = clearText === "not-yet" ? [why, because("fallback-not-yet")] : [why];
  return stop("next-host", decision, reasons, status, text);
}

function judgeHandshake(
  decision: ConnectDecision,
  handshake: HandshakeFacts,
  seenAt: number,
  peer: string,
): TlsVerdict {
  const { authenticate, minCipherBits, level, monitor } = decision;
  const checks = runChecks(decision, handshake);
  const why = describeChecks(decision, handshake, checks, seenAt);
  const problems: string[] = [];
  const trusted = checks.chain === "trusted";
  const pinFits = checks.pin !== "mismatch";
  if (authenticate.required === "chain-and-name") {
    if (!trusted) problems.push(`certificate not trusted (${checks.chain ?? "no certificate"})`);
    if (checks.name !== "matched") problems.push(`certificate names do not match ${expectedNames(decision)}`);
    if (!pinFits) problems.push("certificate and key are not pinned");
  }
  if (authenticate.required === "pin" && checks.pin !== "matched") problems.push("certificate and key are not pinned");
  if (level !== "may" && handshake.bits < minCipherBits) {
    problems.push(`${handshake.cipher} has ${handshake.bits} bits, ${minCipherBits} are required`);
  }
  const achieved = achievedBy(checks, trusted, authenticate.required);
  if (problems.length === 0) {
    return { kind: "flow", achieved, checks, why, monitor: monitor ? "would-pass" : null };
  }
  if (monitor) return { kind: "flow", achieved, checks, why: [...why, because("would-fail")], monitor: "would-fail" };
  const text = `server certificate or cipher of ${peer} not accepted: ${problems.join("; ")}`;
  return { kind: "next-host", achieved, checks, why, monitor: null, status: "4.7.5", text };
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
  { references }: ConnectDecision["authenticate"],
  certificate: CertificateFacts,
): string | undefined {
  for (const reference of references) {
    const found = certificateMatches(certificate, reference);
    if (found !== undefined) return found;
  }
  return undefined;
}

function pinFits({ of, algorithm, digest }: Pin, certificate: CertificateFacts): boolean {
  if (of !== "spki" && digest === digestOf(certificate.der, algorithm)) return true;
  return of !== "certificate" && digest === digestOf(certificate.spkiDer, algorithm);
}

/** A pin proves who the peer is as well as chain and name do; at the levels that ask for pins it alone counts. */
function achievedBy(checks: Checks, trusted: boolean, required: ConnectDecision["authenticate"]["required"]): Achieved {
  if (checks.pin === "matched") return "verified";
  if (!trusted || required === "pin") return trusted ? "trusted" : "encrypted";
  return checks.name === "matched" ? "verified" : "trusted";
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

/** A refusal of STARTTLS is no verdict on the message: its class becomes 4 (QU-8). */
function transientStatus(enhanced: string | undefined): EnhancedStatus {
  const [, subject, detail] = /^\d\.(\d{1,3})\.(\d{1,3})$/.exec(enhanced ?? "") ?? [];
  return subject === undefined ? "4.7.0" : `4.${Number(subject)}.${Number(detail)}`;
}
