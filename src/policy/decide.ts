/**
 * How one host must be reached: the operator's rule and what is known about the host in, one decision with its reasons
 * out. Pure: no clock, no DNS, no log. The connection is opened as the decision says; `judge.ts` holds the finished
 * handshake against it.
 * Levels mean what they mean in Postfix (TLS_README), safer where decisions/0003 says so; names: RFC 9525; RFC 7435.
 */
import type { Domain } from "../mail/domain.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { StarttlsAsk } from "../smtp/client/sender.ts";
import { type Credential, type HandshakeSettings, handshakeId } from "../tls/handshake-settings.ts";
import type { ReferenceName } from "../tls/names.ts";
import type { TlsEvidence } from "./evidence.ts";
import { because, type Reason, type ReasonCode } from "./reasons.ts";
import type { Fallback, NamePattern, Origin, Pin, SniChoice, TlsLevel, TlsRule } from "./rules.ts";

/** What the certificate must prove. `references` are also compared where nothing is required, for the record. */
export type Authentication = Readonly<{
  required: "nothing" | "pin" | "chain-and-name";
  references: readonly ReferenceName[];
  pins: readonly Pin[];
}>;

export type ConnectDecision = Readonly<{
  kind: "connect";
  level: TlsLevel;
  starttls: StarttlsAsk;
  authenticate: Authentication;
  handshake: HandshakeSettings;
  /** 0 asks for nothing. */
  minCipherBits: number;
  /** Clear text where the host offers TLS but it cannot be had: on this attempt, on a later one, or never. */
  clearText: "allowed" | "not-yet" | "never";
  onFailure: "defer" | "bounce";
  monitor: boolean;
  rule: TlsRule;
  why: readonly Reason[];
  /** Equal for decisions that ask the same of a connection: a pooled one is only looked for under its own. */
  id: string;
}>;

/** No connection is made to this host under this rule. */
export type RefuseDecision = Readonly<{
  kind: "refuse";
  level: TlsLevel;
  rule: TlsRule;
  text: string;
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

const defaultFallback: Fallback = { kind: "after", ms: 5 * 60_000 };

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
  const level = rule.level.value;
  if (rule.refuse !== undefined) return refuse(rule, because("rule-refuses", rule.refuse.value));
  // Without DNSSEC evidence a DANE level is never read as something weaker. RFC 7672 §2.2
  if (level === "dane" || level === "dane-only") return refuse(rule, because("dane-unavailable"));
  const pins = rule.pins?.value ?? [];
  if (level === "fingerprint" && pins.length === 0) return refuse(rule, because("no-pins"));

  const monitor = rule.mode?.value === "monitor";
  const authenticate: Authentication = {
    required: requiredProof(level),
    references: referenceNames(rule.match?.value ?? defaultMatch(level), evidence),
    pins,
  };
  const starttls = starttlsAsk(level, monitor);
  const handshake = handshakeSettings(rule, evidence, credential);
  const minCipherBits = rule.minCipherBits?.value ?? 0;
  const clearText = clearTextAllowed(level, monitor, rule.fallback?.value ?? defaultFallback, evidence.messageAgeMs);
  return {
    kind: "connect",
    level,
    starttls,
    authenticate,
    handshake,
    minCipherBits,
    clearText,
    onFailure: rule.onFailure?.value ?? "defer",
    monitor,
    rule,
    why: reasons(rule, level, monitor),
    id: `${level}|${starttls}|${monitor}|${minCipherBits}|${authenticationId(authenticate)}|${handshakeId(handshake)}`,
  };
}

function refuse(rule: TlsRule, reason: Reason): RefuseDecision {
  const text = reason.detail ?? "client TLS configuration problem";
  return { kind: "refuse", level: rule.level.value, rule, text, why: [reason] };
}

function reasons(rule: TlsRule, level: TlsLevel, monitor: boolean): Reason[] {
  const why = [rule === builtInRule ? because("no-rule") : because(levelReason[level], rule.level.from.scope)];
  if (monitor) why.push(because("monitor"));
  if (rule.exception !== undefined) {
    const { expiresAt, owner, reason } = rule.exception.value;
    why.push(
      because("exception", [`until ${new Date(expiresAt).toISOString()}`, owner, reason].filter(Boolean).join(", ")),
    );
  }
  return why;
}

function requiredProof(level: TlsLevel): Authentication["required"] {
  if (level === "fingerprint") return "pin";
  return level === "verify" || level === "secure" ? "chain-and-name" : "nothing";
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

function authenticationId({ required, references, pins }: Authentication): string {
  const names = references.map((reference) =>
    reference.kind === "ip" ? reference.ip : `${reference.kind}:${reference.name}`,
  );
  return `${required}|${names.join(",")}|${pins.map((pin) => `${pin.of}:${pin.algorithm}:${pin.digest}`).join(",")}`;
}
