/**
 * A decision before the fact: which nexthop, which lines were considered, which won, and what will be demanded.
 * Reads the same values as a delivery does; derives nothing anew.
 */
import { escapeText } from "../mail/escape.ts";
import { formatNexthop } from "../mail/nexthop.ts";
import type { Credential } from "../tls/handshake-settings.ts";
import { describeReference } from "../tls/names.ts";
import { decide, type TlsDecision } from "./decide.ts";
import type { TlsEvidence } from "./evidence.ts";
import type { Policy } from "./policy.ts";
import { describeReason, type ReasonCode } from "./reasons.ts";
import type { Candidate, Origin, OutboundQuestion } from "./rules.ts";

/** JSON-ready; the published shape of `letterlock explain --json`. */
export type Explanation = Readonly<{
  recipient: string;
  nexthop: string;
  binding: string;
  mx: string | null;
  decision: Readonly<{
    level: string;
    connect: boolean;
    starttls: string | null;
    authenticate: string | null;
    names: readonly string[];
    pins: number;
    anchors: string | null;
    protocols: string | null;
    ciphers: string | null;
    minCipherBits: number | null;
    serverName: string | null;
    clientCertificate: string | null;
    /** How the subject's common name counts beside SubjectAltName. */
    commonName: string | null;
    clearText: string | null;
    /** When clear text has its turn, and whether also where the proof fails. */
    clearTextTurn: string | null;
    clearTextIfUnproven: boolean;
    whenRefused: string | null;
    /** Demands on top, in the order in which they are checked. */
    demands: readonly (Explanation["rule"] & Readonly<{ of: string; text: string; reply: string }>)[];
    /** Only these MX hosts are used; `null`: any. */
    mxPatterns: readonly string[] | null;
    wording: string;
    onFailure: string | null;
    mode: "enforce" | "monitor";
  }>;
  rule: Readonly<{ source: string; file: string | null; line: number | null; scope: string }>;
  reasons: readonly Readonly<{ code: ReasonCode; text: string; rfc: string }>[];
  candidates: readonly Readonly<{
    source: string;
    file: string | null;
    line: number | null;
    scope: string;
    /** The line in the source's own terms, and through which includes and macros it came, outermost first. */
    written: string | null;
    through: readonly string[];
    verdict: string;
    settings: readonly string[];
  }>[];
}>;

export function explainDecision(
  policy: Policy,
  question: OutboundQuestion,
  evidence: TlsEvidence,
  credential?: Credential,
): Explanation {
  const rule = policy.rule(question);
  const decision = decide(rule, evidence, credential);
  return {
    recipient: escapeText(question.recipient.text),
    nexthop: formatNexthop(question.nexthop),
    binding: question.binding,
    mx: question.host ?? null,
    decision: describeDecision(decision),
    rule: describeOrigin(decision.from),
    reasons: decision.why.map(describeReason),
    candidates: policy.candidates(question).map(describeCandidate),
  };
}

function describeDecision(decision: TlsDecision): Explanation["decision"] {
  const { rule } = decision;
  const always = {
    mode: rule.mode?.value ?? "enforce",
    mxPatterns: rule.mxPatterns?.value ?? null,
    wording: rule.wording?.value ?? "letterlock",
  };
  if (decision.kind === "refuse") {
    return {
      level: decision.level,
      connect: false,
      starttls: null,
      authenticate: null,
      names: [],
      pins: 0,
      anchors: null,
      protocols: null,
      ciphers: null,
      minCipherBits: null,
      serverName: null,
      clientCertificate: null,
      commonName: null,
      clearText: null,
      clearTextTurn: null,
      clearTextIfUnproven: false,
      whenRefused: null,
      demands: [],
      onFailure: null,
      ...always,
    };
  }
  const { authenticate, handshake } = decision;
  return {
    level: decision.level,
    connect: true,
    starttls: decision.starttls,
    authenticate: authenticate.required,
    names: authenticate.references.map(describeReference),
    pins: authenticate.pins.length,
    anchors: handshake.anchors.kind === "system" ? "system" : handshake.anchors.files.join(", "),
    protocols:
      handshake.minVersion === handshake.maxVersion
        ? handshake.minVersion
        : `${handshake.minVersion} to ${handshake.maxVersion}`,
    ciphers: handshake.ciphers ?? null,
    minCipherBits: decision.minCipherBits === 0 ? null : decision.minCipherBits,
    serverName: handshake.serverName ?? null,
    clientCertificate: handshake.credential?.name ?? null,
    commonName: authenticate.commonName,
    clearText: decision.clearText,
    clearTextTurn: decision.clearTextTurn,
    clearTextIfUnproven: decision.clearTextIfUnproven,
    whenRefused: rule.whenRefused?.value ?? null,
    demands: decision.requirements.map(({ from, of, text, reply: { code, status } }) => {
      return { ...describeOrigin(from), of, text, reply: `${code} ${status}` };
    }),
    onFailure: decision.onFailure,
    ...always,
  };
}

function describeOrigin({ source, file, line, scope }: Origin): Explanation["rule"] {
  return { source, file: file ?? null, line: line ?? null, scope };
}

function describeCandidate(candidate: Candidate): Explanation["candidates"][number] {
  const { from, written, through = [], verdict, settings } = candidate;
  return { ...describeOrigin(from), written: written ?? null, through, verdict, settings };
}
