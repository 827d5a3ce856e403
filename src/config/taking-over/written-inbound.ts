/**
 * Listeners of another configuration as one writes them under `listeners:`, with what a client like any other meets
 * there. What single clients, users, senders or recipients meet is looked up in that system's own way, so it stays with
 * that configuration: this says so for each listener, and never writes a right that the reader did not ask for.
 */
import type { DialectListener } from "../../policy/dialects/dialect.ts";
import type { InboundRule, NamePattern, PolicySource, RelayByCertificate } from "../../policy/rules.ts";
import type { Credential } from "../../tls/handshake-settings.ts";
import type { ServedCertificates } from "../../tls/server-tls.ts";
import { formatEndpoint } from "../endpoint.ts";
import { strangerAt } from "../stranger.ts";
import type { Left } from "./write-configuration.ts";
import { writeAnchors, writePin, writeProtocols } from "./written-settings.ts";

export type WrittenListener = Readonly<{
  written: Readonly<Record<string, unknown>> | undefined;
  left: readonly Left[];
}>;

type NameOf = (credential: Credential) => string | undefined;

export function writeListener(
  listener: DialectListener,
  source: PolicySource | undefined,
  nameOf: NameOf,
): WrittenListener {
  const { address, port, implicitTls, from } = listener;
  const place = formatEndpoint({ address, port });
  const rule = source?.inbound?.(strangerAt(listener, 0)) ?? {};
  const unsaid: string[] = [];
  const settings = writeRule(rule, nameOf, unsaid);
  const tls = tlsOf(rule, implicitTls);
  const left: Left[] = unsaid.map((why) => ({ from, written: `listener ${place}`, why }));
  if (source?.inbound !== undefined) left.push({ from, written: `listener ${place}`, why: staysThere });
  if (tls !== "none" && settings.certificate === undefined) {
    const why = "no certificate for it can be written: add it with certificate:, or keep listeners of the source";
    return { written: undefined, left: [{ from, written: `listener ${place}`, why }, ...left] };
  }
  const required = tls !== "none" && rule.starttls?.value === "require" ? { "require-tls": true } : {};
  return { written: { name: nameAt(place), address: place, tls, ...required, ...settings }, left };
}

const staysThere =
  "what single clients, users, senders or recipients meet there: keep that configuration in policy:, or write inbound-rules:";

function nameAt(place: string): string {
  return `at-${place.replaceAll(/[^0-9A-Fa-f.]+/g, "-").replace(/^-/, "")}`;
}

function tlsOf({ starttls }: InboundRule, implicitTls: boolean): "starttls" | "implicit" | "none" {
  if (implicitTls) return "implicit";
  return starttls?.value === "never" || starttls?.value === "unavailable" ? "none" : "starttls";
}

function writeRule(rule: InboundRule, nameOf: NameOf, unsaid: string[]): Record<string, unknown> {
  const hasTls = rule.starttls?.value !== "never" && rule.starttls?.value !== "unavailable";
  return {
    ...(hasTls ? writeHandshake(rule, nameOf, unsaid) : {}),
    ...writeLogin(rule, unsaid),
    ...writeRights(rule, unsaid),
    ...writeDemands(rule),
    ...plainOf("pipelined", rule.pipelined?.value),
    ...plainOf("mail-without-hello", rule.mailWithoutHello?.value),
    ...plainOf("received", rule.received?.value),
    ...plainOf("wording", rule.wording?.value),
    ...plainOf("barred", rule.barred?.value),
  };
}

function plainOf(key: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [key]: value };
}

const certificateWords = {
  "do-not-ask": "do-not-ask",
  ask: "ask",
  require: "require-any",
  "require-trusted": "require",
} as const;

function writeHandshake(rule: InboundRule, nameOf: NameOf, unsaid: string[]): Record<string, unknown> {
  const { certificates, clientAnchors, protocols, clientCertificate, clientPurpose } = rule;
  const names = certificates && namesOf(certificates.value, nameOf);
  if (certificates !== undefined && names === undefined) unsaid.push("a certificate whose key is encrypted");
  return {
    ...plainOf("certificate", names),
    ...plainOf("protocols", protocols && writeProtocols(protocols.value)),
    ...plainOf("ciphers", rule.ciphers?.value),
    ...plainOf("groups", rule.groups?.value),
    ...plainOf("client-certificate", clientCertificate && certificateWords[clientCertificate.value]),
    ...plainOf("client-ca", clientAnchors && writeAnchors(clientAnchors.value).ca),
    // Under our own CAs a server's certificate counts as well, unless we say otherwise; with those systems it did not.
    ...plainOf("client-purpose", clientPurpose?.value ?? (clientAnchors === undefined ? undefined : "client")),
  };
}

/** All or none: with a part of them, names that clients ask for would be answered otherwise. */
function namesOf({ default: first, others }: ServedCertificates, nameOf: NameOf): readonly string[] | undefined {
  const names = [first, ...others].flatMap(({ credentials }) => credentials.map(nameOf));
  const known = names.filter((name) => name !== undefined);
  return known.length === names.length ? [...new Set(known)] : undefined;
}

const authWords = {
  never: "never",
  "only-in-tls": "in-tls",
  "plain-only-in-tls": "plain-only-in-tls",
  always: "also-in-clear",
} as const;

/** Users come from a users file of our own: their passwords are not copied. */
function writeLogin({ auth, authRequired, mechanisms, userByCertificate }: InboundRule, unsaid: string[]) {
  if (userByCertificate !== undefined) unsaid.push("users by certificate");
  const isOffered = auth !== undefined && auth.value !== "never";
  return {
    ...plainOf("auth", auth && authWords[auth.value]),
    ...plainOf("auth-required", isOffered ? authRequired?.value : undefined),
    ...plainOf("mechanisms", isOffered && (mechanisms?.value.length ?? 0) > 0 ? mechanisms?.value : undefined),
    ...(authRequired?.value === true && !isOffered ? { refuse: "not taken over: mail after AUTH alone" } : {}),
  };
}

function writeRights(
  { relay, relayByCertificate, clientCertificate, rejected, refuse }: InboundRule,
  unsaid: string[],
) {
  if (relay?.value === true) unsaid.push("everybody may send to anywhere: an open relay");
  const isAsked = clientCertificate !== undefined && clientCertificate.value !== "do-not-ask";
  const relaying = isAsked && relayByCertificate !== undefined ? writeRelaying(relayByCertificate.value) : undefined;
  if (relayByCertificate !== undefined && relaying === undefined) unsaid.push("relaying by certificate");
  if (rejected !== undefined) unsaid.push("a reply of its own for clients that are turned away");
  const refusal = rejected === undefined ? refuse?.value : (refuse?.value ?? rejected.value.text);
  return { ...plainOf("relay-by-certificate", relaying), ...plainOf("refuse", refusal && asciiLine(refusal)) };
}

/** `trusted` is written with names alone: which CA is meant, its reader has to say. */
function writeRelaying(wish: RelayByCertificate): Record<string, unknown> | undefined {
  if (wish.kind === "trusted" || wish.kind === "names") return undefined;
  const { pins, names = [], issuers = [] } = wish;
  if (pins.some(({ algorithm }) => algorithm === "md5" || algorithm === "sha1")) return undefined;
  const written = {
    ...(pins.length === 0 ? {} : { fingerprints: pins.map(writePin) }),
    ...(names.length === 0 ? {} : { names: names.map(nameText) }),
    ...(issuers.length === 0 ? {} : { issuers }),
  };
  return Object.keys(written).length === 0 ? undefined : written;
}

function nameText(pattern: NamePattern): string {
  if (pattern.kind === "name") return pattern.name;
  return pattern.kind === "below" ? `.${pattern.name}` : pattern.kind;
}

/** A demand that our language has no word for takes no mail: none is dropped. */
function writeDemands({ requirements = [], requirementsAt }: InboundRule): Record<string, unknown> {
  const [first, ...more] = requirements;
  if (first === undefined) return {};
  const isSayable = more.length === 0 && first.extensions.every(({ kind }) => kind !== "issuer-tag");
  if (!isSayable) return { refuse: "not taken over: a demand of clients" };
  return { "demand-of-client": first.text, ...plainOf("demand-at", requirementsAt?.value) };
}

function asciiLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, " ").slice(0, 400);
}
