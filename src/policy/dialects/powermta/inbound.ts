/**
 * What is offered to a client and demanded of it: the listener's TLS settings over the global ones, and what the sources
 * that govern the client allow (reference, sections 2.2, 2.5 and 4.1). Handed to whoever listens; nothing is enforced here.
 */
import type { InboundQuestion, InboundRule, Origin, Pin, Sourced } from "../../rules.ts";
import { cipherList } from "./cipher-lists.ts";
import type { Configuration, Listener, SmtpUser, Source } from "./configuration.ts";
import type { KeyFiles } from "./key-files.ts";
import { textOf, wordsOf } from "./lines.ts";
import { defaultOrigin, originAt } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { listenerOf, sourceFlag, sourceStatement, sourcesOf } from "./source-settings.ts";
import { versionRange } from "./tls-rule.ts";
import { booleanOf } from "./values.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export type Inbound = (question: InboundQuestion) => InboundRule;

/** Rules are made once for each listener and set of sources. */
export function inboundRules(configuration: Configuration, keys: KeyFiles): Inbound {
  const known = new Map<string, InboundRule>();
  const listenerRules = new Map<Listener | undefined, ListenerRule>();
  return (question) => {
    const listener = listenerOf(configuration.listeners, question);
    const sources = sourcesOf(configuration, question);
    const key = [
      listener === undefined ? "-" : configuration.listeners.indexOf(listener),
      ...sources.map(({ id }) => id),
    ].join();
    const before = known.get(key);
    if (before !== undefined) return before;
    const base = listenerRules.get(listener) ?? listenerRule(configuration, listener, keys);
    listenerRules.set(listener, base);
    const rule = inboundRule(configuration, base, sources, question, keys);
    if (known.size < maxKnown) known.set(key, rule);
    return rule;
  };
}

const maxKnown = 10_000;

type ListenerRule = Pick<
  InboundRule,
  "implicitTls" | "certificate" | "clientAnchors" | "protocols" | "ciphers" | "refuse"
>;

/** A listener's own directive, else the global one of the same meaning. */
function listenerRule(configuration: Configuration, listener: Listener | undefined, keys: KeyFiles): ListenerRule {
  const find = (name: string): Directive | undefined => serverStatement(configuration, listener, name);
  const scope = listener === undefined ? "everything" : `listener ${listener.text}`;
  const at = (directive: Directive): Origin => originAt(directive, scope);
  const rule: Mutable<ListenerRule> = {};
  const refuse = (directive: Directive, value: string): void => {
    rule.refuse ??= { value, from: at(directive) };
  };
  if (listener?.implicitTls !== undefined) {
    rule.implicitTls = { value: listener.implicitTls.on, from: originAt(listener.implicitTls.place, scope) };
  }
  setFiles(rule, find, keys, at, refuse);
  setVersions(rule, find, at);
  setCiphers(rule, find, at, refuse);
  return rule;
}

type Find = (name: string) => Directive | undefined;
type At = (directive: Directive) => Origin;
type Refuse = (directive: Directive, value: string) => void;

function setFiles(rule: Mutable<ListenerRule>, find: Find, keys: KeyFiles, at: At, refuse: Refuse): void {
  const certificate = find("certificate");
  if (certificate !== undefined) {
    const [file = "", password] = wordsOf(certificate.value);
    const read = keys.credential(file, password);
    if (read.kind === "bad") refuse(certificate, read.problem);
    else rule.certificate = { value: read.credential, from: at(certificate) };
  }
  const authorities = find("ca-file");
  if (authorities === undefined) return;
  const read = keys.anchors(wordsOf(authorities.value)[0] ?? "");
  if (read.kind === "bad") refuse(authorities, read.problem);
  else rule.clientAnchors = { value: read.anchors, from: at(authorities) };
}

function setVersions(rule: Mutable<ListenerRule>, find: Find, at: At): void {
  const tls12 = find("allow-tlsv1.2");
  const tls13 = find("allow-tlsv1.3");
  const either = tls12 ?? tls13;
  if (either === undefined) return;
  const on = (directive: Directive | undefined): boolean =>
    directive === undefined || booleanOf(directive.value) !== false;
  rule.protocols = { value: versionRange(on(tls12), on(tls13)), from: at(either) };
}

function setCiphers(rule: Mutable<ListenerRule>, find: Find, at: At, refuse: Refuse): void {
  const list = find("ciphers");
  const suites = find("tlsv1.3-ciphersuites");
  const either = list ?? suites;
  const made = cipherList(
    list === undefined ? undefined : textOf(list.value),
    suites === undefined ? undefined : textOf(suites.value),
  );
  if (made.kind === "ok")
    rule.ciphers = { value: made.ciphers, from: either === undefined ? defaultOrigin : at(either) };
  else if (either !== undefined) refuse(either, `no cipher of the configuration may be used: ${made.problem}`);
}

/** @param name what follows `smtp-server-tls-` globally, and `tls-` at a listener */
export function serverStatement(
  { globals }: Configuration,
  listener: Listener | undefined,
  name: string,
): Directive | undefined {
  const own = listener?.statements.get(`tls-${name}`)?.at(-1) ?? globals.get(`smtp-server-tls-${name}`)?.at(-1);
  return own === undefined || textOf(own.value) === "" ? undefined : own;
}

function inboundRule(
  configuration: Configuration,
  base: ListenerRule,
  sources: readonly Source[],
  question: InboundQuestion,
  keys: KeyFiles,
): InboundRule {
  const users = certificateUsers(configuration);
  const asked = base.clientAnchors !== undefined || users.length > 0;
  const pins = relayPins(configuration, users, question, keys);
  const from =
    users[0] === undefined ? base.clientAnchors?.from : originAt(users[0].place, `smtp-user ${users[0].name}`);
  return {
    ...base,
    starttls: starttls(base, sources),
    auth: auth(sources),
    ...(asked && from !== undefined ? { clientCertificate: { value: "ask" as const, from } } : {}),
    ...(pins.length > 0 && from !== undefined
      ? { relayByCertificate: { value: { kind: "digests" as const, pins }, from } }
      : {}),
  };
}

/** Offered where the source allows it, there is a certificate, and the session is not encrypted from its start. */
function starttls(base: ListenerRule, sources: readonly Source[]): Sourced<"never" | "offer"> {
  const statement = sourceStatement(sources, "allow-starttls");
  const from =
    statement === undefined ? defaultOrigin : originAt(statement.directive, `source ${statement.source.name}`);
  const allowed = sourceFlag(sources, "allow-starttls", false);
  const offered = allowed && base.certificate !== undefined && base.implicitTls?.value !== true;
  return { value: offered ? "offer" : "never", from };
}

function auth(sources: readonly Source[]): NonNullable<InboundRule["auth"]> {
  const order = [
    ["allow-auth", true, false, "never"],
    ["require-starttls-before-auth", false, true, "only-in-tls"],
    ["allow-unencrypted-plain-auth", false, false, "plain-only-in-tls"],
  ] as const;
  for (const [name, fallback, when, value] of order) {
    if (sourceFlag(sources, name, fallback) !== when) continue;
    return { value, from: originOf(sources, name) };
  }
  return { value: "always", from: originOf(sources, "allow-unencrypted-plain-auth") };
}

function originOf(sources: readonly Source[], name: string): Origin {
  const statement = sourceStatement(sources, name);
  return statement === undefined ? defaultOrigin : originAt(statement.directive, `source ${statement.source.name}`);
}

export function certificateUsers({ users }: Configuration): SmtpUser[] {
  return [...users.values()].filter(({ statements }) => {
    const method = statements.get("authentication-method")?.at(-1);
    return method !== undefined && textOf(method.value).toLowerCase() === "certificate";
  });
}

/** Certificates of users whose source lets them relay. */
function relayPins(
  configuration: Configuration,
  users: readonly SmtpUser[],
  question: InboundQuestion,
  keys: KeyFiles,
): Pin[] {
  return users.flatMap(({ name, statements }): Pin[] => {
    const file = statements.get("tls-certificate")?.at(-1);
    const read = file === undefined ? undefined : keys.certificate(wordsOf(file.value)[0] ?? "");
    if (read?.kind !== "certificate") return [];
    const governing = sourcesOf(configuration, { ...question, user: name });
    if (!sourceFlag(governing, "always-allow-relaying", false)) return [];
    return [{ of: "certificate", algorithm: "sha256", digest: read.sha256 }];
  });
}
