/**
 * How one host must be reached: the operator's rule and what is known about the host in, one decision with its reasons
 * out. Pure: no clock, no DNS, no log. The connection is opened as the decision says; `judge.ts` holds the finished
 * handshake against it.
 * Levels mean what they mean in Postfix (TLS_README), safer where decisions/0003 says so; names: RFC 9525; RFC 7435.
 */
import type { Domain } from "../mail/domain.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { StarttlsAsk } from "../smtp/client/sender.ts";
import { type Credential, type HandshakeSettings, handshakeId } from "../tls/handshake-settings.ts";
import type { ReferenceName } from "../tls/names.ts";
import type { TlsEvidence } from "./evidence.ts";
import { because, type Reason, type ReasonCode } from "./reasons.ts";
import { describeRequirement } from "./requirements.ts";
import type {
  CommonNameUse,
  Fallback,
  NamePattern,
  Origin,
  PeerRequirement,
  Pin,
  Proof,
  SniChoice,
  TlsLevel,
  TlsRule,
} from "./rules.ts";
import { type TlsFailure, wordFailure } from "./wording.ts";

/** What the certificate must prove. `references` are also compared where nothing is required, for the record. */
export type Authentication = Readonly<{
  required: Proof | "pin";
  references: readonly ReferenceName[];
  commonName: CommonNameUse;
  pins: readonly Pin[];
}>;

export type ConnectDecision = Readonly<{
  kind: "connect";
  /** As reported: `encrypt` also where the rule says `may` and a requirement on top demands TLS. */
  level: TlsLevel;
  starttls: StarttlsAsk;
  authenticate: Authentication;
  handshake: HandshakeSettings;
  /** 0 asks for nothing. */
  minCipherBits: number;
  /** Clear text where the host offers TLS but it cannot be had: on this attempt, on a later one, or never. */
  clearText: "allowed" | "not-yet" | "never";
  /** When clear text has its turn: before the next host, or when every host was tried with TLS. */
  clearTextTurn: "last" | "same-host";
  /** Clear text also where the proof fails. */
  clearTextIfUnproven: boolean;
  /** This is the try in clear that follows one whose TLS could not be had. */
  retryInClear: boolean;
  /** Held against the peer whatever the level says, in this order. */
  requirements: readonly PeerRequirement[];
  /** The peer's name to requirements: the MX host, else its address in brackets. */
  peerName: string;
  onFailure: "defer" | "bounce";
  monitor: boolean;
  /** Monitor mode: the host fits none of the patterns that the rule lists, which an enforced rule would refuse. */
  isUnlisted: boolean;
  rule: TlsRule;
  /** The line that says the level, be it that of a demand on top. */
  from: Origin;
  why: readonly Reason[];
  /** Equal for decisions that ask the same of a connection: a pooled one is only looked for under its own. */
  id: string;
}>;

/** No connection is made to this host under this rule. */
export type RefuseDecision = Readonly<{
  kind: "refuse";
  level: TlsLevel;
  rule: TlsRule;
  /** The line for which no connection is made. */
  from: Origin;
  status: EnhancedStatus;
  text: string;
  failure: TlsFailure;
  why: readonly Reason[];
}>;

export type TlsDecision = ConnectDecision | RefuseDecision;

const builtIn: Origin = {
  source: "built-in",
  file: undefined,
  line: undefined,
  column: undefined,
  scope: "built-in default",
};

/** What holds when no source has an answer: opportunistic TLS, clear text only on a later attempt. */
export const builtInRule: TlsRule = { level: { value: "may", from: builtIn } };

/** Where a rule says nothing of clear text. */
export const defaultFallback: Fallback = { kind: "after", ms: 5 * 60_000 };

const levelReason: Record<TlsLevel, ReasonCode> = {
  none: "level-none",
  may: "level-may",
  encrypt: "level-encrypt",
  fingerprint: "level-fingerprint",
  verify: "level-verify",
  secure: "level-secure",
  dane: "dane-unavailable",
  "dane-only": "dane-unavailable",
};

/**
 * @param credential the binding's client certificate, unless the rule names another or none
 */
export function decide(rule: TlsRule, evidence: TlsEvidence, credential?: Credential): TlsDecision {
  const refusal = refusalOf(rule, evidence);
  if (refusal !== undefined) return refusal;
  const level = rule.level.value;
  const monitor = rule.mode?.value === "monitor";
  const unlisted = monitor ? unlistedIn(rule, evidence) : undefined;
  const requirements = rule.requirements ?? [];
  const raisedBy = raising(level, requirements);
  const reported = raisedBy === undefined ? level : "encrypt";
  const authenticate: Authentication = {
    required: requiredProof(level, rule.proof?.value ?? "nothing"),
    references: referenceNames(rule.match?.value ?? defaultMatch(level), evidence),
    commonName: rule.commonName?.value ?? "never",
    pins: rule.pins?.value ?? [],
  };
  const starttls = starttlsAsk(level, monitor);
  const handshake = handshakeSettings(rule, evidence, credential);
  const minCipherBits = rule.minCipherBits?.value ?? 0;
  const fallback = rule.fallback?.value ?? defaultFallback;
  const connection = `${level}|${starttls}|${monitor}|${minCipherBits}|${authenticationId(authenticate)}`;
  return {
    kind: "connect",
    level: reported,
    starttls,
    authenticate,
    handshake,
    minCipherBits,
    clearText: clearTextAllowed(level, monitor, fallback, evidence.messageAgeMs),
    clearTextTurn: fallback.kind === "never" ? "last" : (fallback.turn ?? "last"),
    clearTextIfUnproven: fallback.kind !== "never" && fallback.alsoUnproven === true,
    retryInClear: false,
    requirements,
    peerName: evidence.host ?? `[${evidence.address ?? ""}]`,
    onFailure: rule.onFailure?.value ?? "defer",
    monitor,
    isUnlisted: unlisted !== undefined,
    rule,
    from: raisedBy?.from ?? rule.level.from,
    why: [...reasons(rule, monitor), ...(unlisted === undefined ? [] : [unlisted])],
    id: `${connection}|${requirements.map(describeRequirement).join(",")}|${handshakeId(handshake)}`,
  };
}

/** Why no connection is made to this host under this rule, if so. */
function refusalOf(rule: TlsRule, evidence: TlsEvidence): RefuseDecision | undefined {
  const { level } = rule;
  const value = rule.refuse?.value ?? false;
  const from = rule.refuse?.from ?? level.from;
  if (value !== false) {
    return typeof value === "string"
      ? refuse(rule, from, because("rule-refuses", value))
      : refuse(rule, from, because("rule-refuses", value.text), value.status);
  }
  // Without DNSSEC evidence a DANE level is never read as something weaker. RFC 7672 §2.2
  if (level.value === "dane" || level.value === "dane-only")
    return refuse(rule, level.from, because("dane-unavailable"));
  if (level.value === "fingerprint" && (rule.pins?.value ?? []).length === 0) {
    return refuse(rule, level.from, because("no-pins"));
  }
  if (rule.mode?.value === "monitor") return undefined;
  const unlisted = unlistedIn(rule, evidence);
  if (unlisted === undefined) return undefined;
  const text = unlisted.detail ?? "";
  const failure: TlsFailure = { kind: "mx-pattern", text };
  const worded = wordFailure(rule.wording?.value ?? "letterlock", failure, evidence.host ?? "");
  return {
    kind: "refuse",
    level: level.value,
    rule,
    from: rule.mxPatterns?.from ?? level.from,
    ...worded,
    failure,
    why: [unlisted],
  };
}

function refuse(rule: TlsRule, from: Origin, reason: Reason, status: EnhancedStatus = "4.7.5"): RefuseDecision {
  const text = reason.detail ?? "client TLS configuration problem";
  const failure: TlsFailure = { kind: "rule", text, status };
  const worded = wordFailure(rule.wording?.value ?? "letterlock", failure, "");
  return { kind: "refuse", level: rule.level.value, rule, from, ...worded, failure, why: [reason] };
}

/** The rule lists MX hosts, and this is none of them. */
function unlistedIn({ mxPatterns }: TlsRule, { host }: TlsEvidence): Reason | undefined {
  const patterns = mxPatterns?.value;
  if (patterns === undefined || patterns.includes("*")) return undefined;
  if (host !== undefined && patterns.some((pattern) => fitsMxPattern(host, pattern))) return undefined;
  const text = `MX host ${host ?? "without a name"} fits none of the patterns ${patterns.join(", ")}`;
  return because("mx-not-listed", text);
}

/** `*.example.com` is exactly one label. RFC 8461 §4.1 */
function fitsMxPattern(host: Domain, pattern: string): boolean {
  return pattern.startsWith("*.") ? host.slice(host.indexOf(".")) === pattern.slice(1) : host === pattern;
}

/** A requirement that only TLS can meet makes an optional level a required one to whoever reads the record. */
function raising(level: TlsLevel, requirements: readonly PeerRequirement[]): PeerRequirement | undefined {
  if (level !== "may" && level !== "none") return undefined;
  return requirements.find(({ verify, bits }) => verify || (bits?.atLeast ?? 0) > 0);
}

/** A try in clear after TLS could not be had. */
export function inClear(decision: ConnectDecision): ConnectDecision {
  return { ...decision, starttls: "never", retryInClear: true, id: `clear|${decision.id}` };
}

function reasons(rule: TlsRule, monitor: boolean): Reason[] {
  const { value, from } = rule.level;
  const proof = value === "may" || value === "encrypt" ? (rule.proof?.value ?? "nothing") : "nothing";
  const level = value === "encrypt" && proof !== "nothing" ? "level-encrypt-proven" : levelReason[value];
  const why = [rule === builtInRule ? because("no-rule") : because(level, from.scope)];
  if (proof !== "nothing") why.push(because(`proof-${proof}`));
  for (const demand of rule.requirements ?? []) {
    why.push(because("requirement", `${demand.text} (${placeOf(demand.from)})`));
  }
  if (monitor) why.push(because("monitor"));
  if (rule.exception !== undefined) {
    const { expiresAt, owner, reason } = rule.exception.value;
    why.push(
      because("exception", [`until ${new Date(expiresAt).toISOString()}`, owner, reason].filter(Boolean).join(", ")),
    );
  }
  return why;
}

/** A demand's own line: it need not stand where the level does. */
function placeOf({ scope, file, line }: Origin): string {
  return file === undefined ? scope : `${scope}, ${file}${line === undefined ? "" : `:${line}`}`;
}

function requiredProof(level: TlsLevel, proof: Proof): Authentication["required"] {
  if (level === "fingerprint") return "pin";
  if (level === "none") return "nothing";
  return level === "verify" || level === "secure" ? "chain-and-name" : proof;
}

function starttlsAsk(level: TlsLevel, monitor: boolean): StarttlsAsk {
  if (level === "none") return "never";
  return level === "may" || monitor ? "if-offered" : "always";
}

function clearTextAllowed(
  level: TlsLevel,
  monitor: boolean,
  fallback: Fallback,
  ageMs: number,
): ConnectDecision["clearText"] {
  if (level === "none") return "allowed";
  if (level !== "may" && !monitor) return "never";
  if (fallback.kind === "at-once") return "allowed";
  if (fallback.kind === "never") return "never";
  return ageMs >= fallback.ms ? "allowed" : "not-yet";
}

function defaultMatch(level: TlsLevel): readonly NamePattern[] {
  return level === "secure" ? [{ kind: "nexthop" }, { kind: "dot-nexthop" }] : [{ kind: "hostname" }];
}

/** Patterns made into names for this host: an IP nexthop is compared with the certificate's IP addresses only (NC-5). */
function referenceNames(patterns: readonly NamePattern[], { nexthop, host, address }: TlsEvidence): ReferenceName[] {
  const nexthopName = nexthop.kind === "mx" ? nexthop.domain : nexthop.isIp ? undefined : (nexthop.host as Domain);
  const byAddress: ReferenceName[] = address === undefined ? [] : [{ kind: "ip", ip: address }];
  return patterns.flatMap((pattern): ReferenceName[] => {
    switch (pattern.kind) {
      case "hostname":
        return host === undefined ? byAddress : [{ kind: "name", name: host }];
      case "nexthop":
        return nexthopName === undefined ? byAddress : [{ kind: "name", name: nexthopName }];
      case "dot-nexthop":
        return nexthopName === undefined ? [] : [{ kind: "below", name: nexthopName }];
      default:
        return [pattern];
    }
  });
}

function handshakeSettings(
  rule: TlsRule,
  evidence: TlsEvidence,
  credential: Credential | undefined,
): HandshakeSettings {
  const chosen = rule.clientCertificate?.value ?? credential;
  return {
    serverName: serverName(rule.sni?.value ?? { kind: "hostname" }, evidence),
    anchors: rule.anchors?.value ?? { kind: "system" },
    minVersion: rule.protocols?.value.min ?? "TLSv1.2",
    maxVersion: rule.protocols?.value.max ?? "TLSv1.3",
    ciphers: rule.ciphers?.value,
    groups: rule.groups?.value,
    credential: chosen === "none" ? undefined : chosen,
  };
}

/** Never an IP address (TL-8). */
function serverName(choice: SniChoice, { host, nexthop }: TlsEvidence): string | undefined {
  switch (choice.kind) {
    case "off":
      return undefined;
    case "name":
      return choice.name;
    case "nexthop":
      return nexthopHost(nexthop) ?? host;
    case "hostname":
      return host;
  }
}

function nexthopHost(nexthop: Nexthop): string | undefined {
  if (nexthop.kind === "mx") return nexthop.domain;
  return nexthop.isIp ? undefined : nexthop.host;
}

function authenticationId({ required, references, commonName, pins }: Authentication): string {
  const names = references.map((reference) =>
    reference.kind === "ip" ? reference.ip : `${reference.kind}:${reference.name}`,
  );
  return `${required}|${commonName}|${names.join(",")}|${pins.map((pin) => `${pin.of}:${pin.algorithm}:${pin.digest}`).join(",")}`;
}
