/**
 * `inbound-rules:` compiled into the list that `../policy/scoped-inbound.ts` answers from. A rule that contradicts
 * itself, or that could mean less than its author wrote, is an error; one that never decides anything is a warning.
 */
import type { EnhancedStatus } from "../mail/outcome.ts";
import { describeConditions, type InboundConditions } from "../policy/inbound-conditions.ts";
import type { InboundDemand, InboundRule, TlsException } from "../policy/rules.ts";
import type { ScopedInboundRule } from "../policy/scoped-inbound.ts";
import { shadowedRules } from "../policy/shadowed-rules.ts";
import type { UserDirectory } from "../users/user.ts";
import { clientSettings, type InboundMaterial } from "./client-settings.ts";
import { isLoopback } from "./endpoint.ts";
import { clientTable, type inboundRuleTable } from "./inbound-table.ts";
import { checkNetwork } from "./listener-conflicts.ts";
import type { Loading } from "./loading.ts";
import { type Place, suggest } from "./problem.ts";
import type { Section } from "./section-types.ts";
import type { ListenerSettings } from "./settings.ts";
import { type Located, plain } from "./value-types.ts";

type WrittenRule = Section<typeof inboundRuleTable>;
type RuleValues = WrittenRule["values"];

/** What rules may name. */
export type InboundNames = Readonly<{ listeners: readonly ListenerSettings[]; users: UserDirectory }>;

export function assembleInboundRules(
  written: readonly Located<WrittenRule>[],
  names: InboundNames,
  material: InboundMaterial,
): readonly ScopedInboundRule[] {
  // After an error in reading, something that seems missing may be what could not be read.
  const isWhole = !material.loading.problems.hasErrors;
  const rules = written.flatMap(({ value }, index) => {
    return assembleRule(value, { number: index + 1, isWhole }, names, material) ?? [];
  });
  for (const { rule, by } of shadowedRules(rules)) {
    const { line, column } = rule.from;
    const message = `this rule never decides anything: the one on line ${by.from.line ?? 1} covers all of it`;
    const at = { line: line ?? 1, column: column ?? 1 };
    material.loading.problems.warning(at, message, "put it before that one, or remove it");
  }
  return rules;
}

function assembleRule(
  { at, values }: WrittenRule,
  { number, isWhole }: Readonly<{ number: number; isWhole: boolean }>,
  names: InboundNames,
  material: InboundMaterial,
): ScopedInboundRule | undefined {
  const { loading } = material;
  const conditions = conditionsOf(values);
  const scope = `inbound rule ${number}`;
  const from = loading.origin(at, scope);
  const settings = { ...startTls(values, scope, loading), ...clientSettings(values, scope, material) };
  const exception = exceptionOf(values);
  const demand = demandOf(values, exception, scope, material);
  checkParts(values, loading);
  if (isWhole) checkMatch(values, loading);
  checkNames(values, names, loading);
  checkSettings(at, values, settings, loading);
  checkRelay(values, names.listeners, loading);
  checkDates(values, loading);
  checkCertificateAsked(values, demand, names.listeners, loading);
  if (demand === undefined && Object.keys(settings).length === 0) {
    const remedy = "add require-tls:, or a setting such as relay: true";
    if (isWhole) loading.problems.error(at, "this rule says nothing", remedy);
    return undefined;
  }
  // The CAs of a demand for certificates are its own.
  const { clientAnchors, ...others } = settings;
  const own = demand?.anchors === undefined && clientAnchors !== undefined ? { ...others, clientAnchors } : others;
  return { from, conditions, demand, settings: own, expiresAt: exception?.expiresAt };
}

const conditionKeys = {
  listeners: "listeners",
  clients: "clients",
  "client-names": "clientNames",
  users: "users",
  "sender-domains": "senderDomains",
  "recipient-domains": "recipientDomains",
} as const;

function conditionsOf(values: RuleValues): InboundConditions {
  const given = Object.entries(conditionKeys).flatMap(([key, kind]) => {
    const written = values[key as keyof typeof conditionKeys];
    return written === undefined ? [] : [[kind, written.value.map(({ value }) => value)] as const];
  });
  return Object.fromEntries(given);
}

function startTls({ starttls }: RuleValues, scope: string, loading: Loading): InboundRule {
  return starttls === undefined
    ? {}
    : { starttls: { value: starttls.value, from: loading.origin(starttls.at, scope) } };
}

function exceptionOf({ expires, owner, reason }: RuleValues): TlsException | undefined {
  return expires && { expiresAt: expires.value, owner: owner?.value, reason: reason?.value };
}

/** What belongs to a demand, and the levels that it belongs to. */
const demandParts = {
  "min-cipher-bits": ["encrypted", "trusted", "matching"],
  "certificate-names": ["matching"],
  "certificate-issuers": ["matching"],
  fingerprints: ["matching"],
  mode: ["encrypted", "trusted", "matching"],
  answer: ["encrypted", "trusted", "matching"],
  "reply-text": ["encrypted", "trusted", "matching"],
} as const satisfies Partial<Record<keyof RuleValues, readonly InboundDemand["level"][]>>;

function demandOf(
  values: RuleValues,
  exception: TlsException | undefined,
  scope: string,
  { authorities, loading }: InboundMaterial,
): InboundDemand | undefined {
  const level = values["require-tls"];
  if (level === undefined) return undefined;
  const { fingerprints, mode, "client-ca": files, "min-cipher-bits": bits } = values;
  const [names, issuers, text] = [values["certificate-names"], values["certificate-issuers"], values["reply-text"]];
  const needsChain = level.value === "trusted" || (level.value === "matching" && (names ?? issuers) !== undefined);
  const anchors = files !== undefined && needsChain ? authorities.read(files) : undefined;
  return {
    from: loading.origin(level.at, scope),
    text: wordsOf(values),
    level: level.value,
    ...(bits === undefined ? {} : { minCipherBits: bits.value }),
    ...(anchors === undefined ? {} : { anchors }),
    ...(names === undefined ? {} : { names: plain(names.value) }),
    ...(issuers === undefined ? {} : { issuers: plain(issuers.value) }),
    ...(fingerprints === undefined ? {} : { pins: plain(fingerprints.value) }),
    mode: mode?.value ?? "enforce",
    answer: { ...answerOf(values), ...(text === undefined ? {} : { text: text.value }) },
    ...(exception === undefined ? {} : { exception }),
  };
}

/** `require-tls: encrypted, min-cipher-bits: 128`, and for whom. */
function wordsOf(values: RuleValues): string {
  const bits = values["min-cipher-bits"];
  const level = `require-tls: ${values["require-tls"]?.value ?? "none"}`;
  const demanded = bits === undefined ? level : `${level}, min-cipher-bits: ${bits.value}`;
  return `${demanded} (${describeConditions(conditionsOf(values))})`;
}

/**
 * 530 tells a client to issue STARTTLS and go on (RFC 3207 §4); other lacks of a client are not mended in the session.
 * x.7.10: encryption needed; x.7.1: not authorised (RFC 5248 registry).
 */
function answerOf(values: RuleValues): Readonly<{ code: number; status: EnhancedStatus }> {
  const isEncryption = values["require-tls"]?.value === "encrypted";
  if (values.answer?.value !== "permanent") return { code: 451, status: isEncryption ? "4.7.10" : "4.7.1" };
  if (!isEncryption) return { code: 550, status: "5.7.1" };
  return { code: values["min-cipher-bits"] === undefined ? 530 : 550, status: "5.7.10" };
}

function checkParts(values: RuleValues, { problems }: Loading): void {
  const level = values["require-tls"];
  for (const [key, levels] of Object.entries(demandParts)) {
    const part = values[key as keyof typeof demandParts];
    if (part === undefined || levels.some((each) => each === level?.value)) continue;
    const wanted = levels.length === 1 ? "matching" : "encrypted";
    const message = `${key} belongs to require-tls: ${levels.join(" or ")}`;
    const remedy =
      level === undefined ? `add require-tls: ${wanted}` : `write require-tls: ${wanted}, or remove ${key}`;
    problems.error(part.at, message, remedy);
  }
}

function checkMatch(values: RuleValues, { problems }: Loading): void {
  const level = values["require-tls"];
  if (level === undefined || level.value === "none" || level.value === "encrypted") return;
  const { fingerprints, "client-ca": files } = values;
  const [names, issuers] = [values["certificate-names"], values["certificate-issuers"]];
  const listed = [names, issuers, fingerprints].some((each) => (each?.value.length ?? 0) > 0);
  if (level.value === "matching" && !listed) {
    const remedy = "add certificate-names:, certificate-issuers: or fingerprints:";
    problems.error(level.at, "require-tls: matching without anything to match takes no mail at all", remedy);
  }
  if (files === undefined || level.value === "trusted" || (names ?? issuers) !== undefined) return;
  const message = "client-ca counts for names and issuers alone: those of fingerprints need no CA";
  problems.error(files.at, message, "remove it, or write require-tls: trusted");
}

function checkNames(values: RuleValues, { listeners, users }: InboundNames, { problems }: Loading): void {
  const known = listeners.map(({ name }) => name);
  for (const { value, at } of values.listeners?.value ?? []) {
    if (!known.includes(value)) problems.error(at, `there is no listener "${value}"`, suggest(value, known));
  }
  for (const { value, at } of values.users?.value ?? []) {
    if (value === "*" || users.find(value) !== undefined) continue;
    const message = `there is no user "${value}"`;
    problems.warning(
      at,
      message,
      suggest(
        value,
        users.users.map(({ name }) => name),
      ),
    );
  }
  for (const key of Object.keys(conditionKeys) as (keyof typeof conditionKeys)[]) {
    const condition = values[key];
    if (condition === undefined || condition.value.length > 0) continue;
    problems.error(condition.at, `${key} is empty: the rule would hold for nobody`, "list some, or remove the line");
  }
}

/** A client's settings are needed before any envelope is known. */
function checkSettings(at: Place, values: RuleValues, settings: InboundRule, { problems }: Loading): void {
  const condition = values["sender-domains"] ?? values["recipient-domains"];
  const keys = Object.keys(settings).filter((key) => key !== "clientAnchors" || values["require-tls"] === undefined);
  if (condition === undefined || keys.length === 0) return;
  const written = Object.keys(values).find((key) => isClientKey(key));
  const where = values[(written ?? "require-tls") as keyof RuleValues]?.at ?? at;
  const message = `${written ?? "this"} is needed before sender and recipient are known`;
  problems.error(where, message, "put it into a rule without sender-domains and recipient-domains");
}

/** Of a demand `client-ca` is a part too. */
function isClientKey(key: string): boolean {
  return key === "starttls" || (key !== "client-ca" && Object.hasOwn(clientTable, key));
}

/** Who may relay must be somebody. */
function checkRelay(values: RuleValues, listeners: readonly ListenerSettings[], loading: Loading): void {
  const { relay, clients, users, "client-names": names } = values;
  if (relay?.value !== true) return;
  const isNamed = users !== undefined || names?.value.every(({ value }) => value.kind !== "any") === true;
  const hasShown = values["auth-required"]?.value === true || values["client-certificate"]?.value === "require";
  const reachable = listenersOf(values, listeners).some(({ address }) => !isLoopback(address));
  const why = reachable && !isNamed && !hasShown ? "this is an open relay" : undefined;
  for (const { value, at } of clients?.value ?? []) checkNetwork("relay: true for", value, at, why, loading);
  if (why === undefined || clients !== undefined) return;
  loading.problems.error(relay.at, `relay: true for everybody: ${why}`, "add clients:, client-names: or users:");
}

function listenersOf({ listeners: named }: RuleValues, all: readonly ListenerSettings[]): readonly ListenerSettings[] {
  return named === undefined ? all : all.filter(({ name }) => named.value.some(({ value }) => value === name));
}

function checkDates({ expires, owner, reason }: RuleValues, { problems, now }: Loading): void {
  if (expires !== undefined && expires.value <= now) {
    const message = `this rule ended on ${new Date(expires.value).toISOString()} and does not apply`;
    problems.warning(expires.at, message, "remove it, or give it a later date");
  }
  const orphan = owner ?? reason;
  if (expires === undefined && orphan !== undefined) {
    problems.warning(orphan.at, "owner and reason belong to a rule that ends", "add expires: with a date");
  }
}

/** A certificate that is never asked for cannot be shown. */
function checkCertificateAsked(
  values: RuleValues,
  demand: InboundDemand | undefined,
  listeners: readonly ListenerSettings[],
  { problems }: Loading,
): void {
  const level = values["require-tls"];
  if (level === undefined || (demand?.level !== "trusted" && demand?.level !== "matching")) return;
  const meant = listenersOf(values, listeners);
  const deaf = meant.filter(({ rule }) => rule.clientCertificate?.value === "do-not-ask");
  if (deaf.length > 0) {
    const message = `the listener ${deaf.map(({ name }) => name).join(", ")} asks for no certificate: this mail is never taken there`;
    const report = deaf.length === meant.length ? "error" : "warning";
    problems[report](level.at, message, "write client-certificate: ask there, or name the other listeners here");
  }
  const [names, issuers] = [values["certificate-names"], values["certificate-issuers"]];
  if (demand.anchors !== undefined || (demand.level === "matching" && (names ?? issuers) === undefined)) return;
  const without = meant.filter(({ rule }) => rule.clientAnchors === undefined);
  if (without.length === 0 || values["client-ca"] !== undefined) return;
  const message = `no CA is named for this rule, nor at the listener ${without.map(({ name }) => name).join(", ")}: nobody satisfies it there`;
  problems.warning(level.at, message, "add client-ca: with the CA that issues these certificates");
}
