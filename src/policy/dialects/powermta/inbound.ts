/**
 * What is offered to a client and demanded of it: the listener's TLS settings over the global ones, and what the sources
 * that govern the client allow (reference, sections 2.2, 2.5 and 4.1). Nothing of PowerMTA demands TLS for mail: where a
 * client must log in, and may only do so inside TLS, that comes to the same.
 *
 * The question is asked again after AUTH: then the user's own source goes before all others, and his settings count.
 */
import type { SaslMechanism } from "../../../smtp/server/sasl/sasl.ts";
import type { InboundQuestion, InboundRule, Origin, Sourced } from "../../rules.ts";
import type { Configuration, Listener, Source } from "./configuration.ts";
import type { KeyFiles } from "./key-files.ts";
import { defaultOrigin, originAt } from "./note-list.ts";
import { type ServerSettings, serverSettings } from "./server-settings.ts";
import { listenerOf, sourceFlag, sourceStatement, sourcesOf } from "./source-settings.ts";
import { type CertificateUser, certificateUsers } from "./users.ts";
import { booleanOf } from "./values.ts";

export type Inbound = (question: InboundQuestion) => InboundRule;

const maxKnown = 10_000;

/** Rules are made once for each listener and set of sources. */
export function inboundRules(configuration: Configuration, keys: KeyFiles): Inbound {
  const known = new Map<string, InboundRule>();
  const servers = new Map<Listener | undefined, ServerSettings>();
  const users = certificateUsers(configuration, keys);
  return (question) => {
    const listener = listenerOf(configuration.listeners, question);
    const sources = sourcesOf(configuration, question);
    const number = listener === undefined ? "-" : configuration.listeners.indexOf(listener);
    const key = [number, ...sources.map(({ id }) => id)].join();
    const before = known.get(key);
    if (before !== undefined) return before;
    const server = servers.get(listener) ?? serverSettings(configuration, listener, keys);
    servers.set(listener, server);
    const rule = inboundRule(configuration, server, sources, users);
    if (known.size < maxKnown) known.set(key, rule);
    return rule;
  };
}

function inboundRule(
  configuration: Configuration,
  server: ServerSettings,
  sources: readonly Source[],
  users: readonly CertificateUser[],
): InboundRule {
  const relay = relayOf(configuration, sources);
  const barred = flagOf(sources, "smtp-service", true);
  return {
    ...server,
    ...clientCertificates(server, users),
    starttls: starttls(server, sources),
    auth: auth(sources),
    mechanisms: mechanismsFor(users),
    authRequired: flagOf(sources, "require-auth", false),
    ...(relay === undefined ? {} : { relay }),
    ...(barred.value ? {} : { barred: { value: true, from: barred.from } }),
    wording: { value: "powermta", from: defaultOrigin },
  };
}

/** Asked for where there is anything to compare one with; which certificate is nobody's ends no session. */
function clientCertificates(
  { clientAnchors }: ServerSettings,
  users: readonly CertificateUser[],
): Pick<InboundRule, "clientCertificate" | "userByCertificate"> {
  const from = users[0]?.from ?? clientAnchors?.from;
  if (from === undefined) return {};
  const known = users.map(({ pin, name }) => ({ pin, user: name }));
  return {
    clientCertificate: { value: "ask", from },
    ...(known.length > 0 ? { userByCertificate: { value: known, from } } : {}),
  };
}

/** Offered where the source allows it, there is a certificate, and the session is not encrypted from its start. */
function starttls(server: ServerSettings, sources: readonly Source[]): Sourced<"never" | "offer"> {
  const allowed = flagOf(sources, "allow-starttls", false);
  const possible = server.certificates !== undefined && server.implicitTls?.value !== true;
  return { value: allowed.value && possible ? "offer" : "never", from: allowed.from };
}

function auth(sources: readonly Source[]): NonNullable<InboundRule["auth"]> {
  const order = [
    ["allow-auth", true, false, "never"],
    ["require-starttls-before-auth", false, true, "only-in-tls"],
    ["allow-unencrypted-plain-auth", false, false, "plain-only-in-tls"],
  ] as const;
  for (const [name, fallback, when, value] of order) {
    const flag = flagOf(sources, name, fallback);
    if (flag.value === when) return { value, from: flag.from };
  }
  return { value: "always", from: flagOf(sources, "allow-unencrypted-plain-auth", false).from };
}

/** Passwords stand in the file as they are, so that CRAM-MD5 can be offered; EXTERNAL for users with a certificate. */
function mechanismsFor(users: readonly CertificateUser[]): Sourced<readonly SaslMechanism[]> {
  const ofPasswords = ["CRAM-MD5", "PLAIN", "LOGIN"] as const;
  return { value: users.length === 0 ? ofPasswords : [...ofPasswords, "EXTERNAL"], from: defaultOrigin };
}

/** A source's word goes before the global one; nobody's: then `relay-networks` of our own alone decide. */
function relayOf({ globals }: Configuration, sources: readonly Source[]): Sourced<boolean> | undefined {
  const name = "always-allow-relaying";
  if (sourceStatement(sources, name) !== undefined) return flagOf(sources, name, false);
  const directive = globals.get(name)?.at(-1);
  if (directive === undefined) return undefined;
  return { value: booleanOf(directive.value) === true, from: originAt(directive, "everything") };
}

function flagOf(sources: readonly Source[], name: string, fallback: boolean): Sourced<boolean> {
  const statement = sourceStatement(sources, name);
  const from: Origin =
    statement === undefined ? defaultOrigin : originAt(statement.directive, `source ${statement.source.name}`);
  return { value: sourceFlag(sources, name, fallback), from };
}
