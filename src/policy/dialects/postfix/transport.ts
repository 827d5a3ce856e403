/**
 * Where Postfix would send a recipient's mail: transport(5) tables, address classes, relay hosts, fallback relays
 * (Postfix: TR-1 to TR-8; relay_transport, default_transport and relayhost in postconf(5)).
 *
 * The transport comes from `transport_maps`, else from the class of the domain (local, virtual, relay, default); the
 * next-hop from the transport itself, else from the sender's relay host, `relayhost`, the recipient's domain.
 * Letterlock relays by SMTP: mail for mailboxes, pipes and LMTP waits, with the reason.
 */
import type { Mailbox } from "../../../mail/address.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import type { EnhancedStatus } from "../../../mail/outcome.ts";
import type { RoutingAnswer, RoutingQuestion, RoutingSource } from "../dialect.ts";
import { type DomainList, isListed, keysOf } from "./domain-list.ts";
import type { LookupTable } from "./lookup-table.ts";
import { parseNexthop, splitNexthops } from "./nexthop-text.ts";
import { askAll, type PolicyAnswer } from "./policy-table.ts";

/** A service of master.cf as a transport. */
export type TransportService = Readonly<{
  name: string;
  /** `smtp`, `lmtp`, `error`, `local` ...: the program that master.cf starts. */
  program: string;
  /** Why the program does not start. */
  broken: string | undefined;
  /** Port of next-hops that name none. */
  port: number;
  implicitTls: boolean;
  /** `smtp_fallback_relay` */
  fallback: string;
}>;

export type RoutingTables = Readonly<{
  services: ReadonlyMap<string, TransportService>;
  transportMaps: readonly LookupTable[];
  /** `parent_domain_matches_subdomains` names transport_maps. */
  bareParents: boolean;
  senderRelayhost: readonly LookupTable[];
  senderTransport: readonly LookupTable[];
  emptySenderRelayhostKey: string;
  emptySenderTransportKey: string;
  relayhost: string;
  defaultTransport: string;
  relayTransport: string;
  localTransport: string;
  virtualTransport: string;
  localDomains: DomainList;
  virtualAliasDomains: DomainList;
  virtualMailboxDomains: DomainList;
  relayDomains: DomainList;
  delimiter: string;
}>;

/** `transport` and `nexthop` as Postfix has them between resolving and delivering. */
export type Choice = Readonly<{ transport: string; nexthop: string }>;

type Resolved = Choice | RoutingAnswer;

export function createRouting(tables: RoutingTables): RoutingSource {
  return {
    route(question) {
      const domain = domainText(question.recipient);
      if (domain === undefined) return undefined;
      const resolved = resolve(tables, question, domain);
      if ("kind" in resolved) return resolved;
      if (isOwnDomain(tables, resolved, domain)) return undefined;
      return deliver(tables, resolved);
    },
  };
}

/** A domain that Postfix takes mail for from anybody (`permit_auth_destination`). */
export function isListedRecipient(tables: RoutingTables, recipient: Mailbox): boolean {
  const domain = domainText(recipient);
  if (domain === undefined) return true;
  const { localDomains, virtualAliasDomains, virtualMailboxDomains, relayDomains } = tables;
  const lists = [localDomains, virtualAliasDomains, virtualMailboxDomains, relayDomains];
  return lists.some((list) => isListed(list, domain) === "listed");
}

function domainText({ host }: Mailbox): string | undefined {
  if (host === undefined) return undefined;
  return host.kind === "domain" ? host.domain : `[${host.ip.includes(":") ? `IPv6:${host.ip}` : host.ip}]`;
}

/** By the recipient's own MX and the plain smtp transport: what is done anyway where a configuration has no say. */
function isOwnDomain({ services }: RoutingTables, { transport, nexthop }: Choice, domain: string): boolean {
  const smtp = services.get("smtp");
  return (
    transport === "smtp" &&
    nexthop === domain &&
    smtp?.program === "smtp" &&
    smtp.broken === undefined &&
    smtp.port === 25 &&
    !smtp.implicitTls &&
    smtp.fallback === ""
  );
}

function resolve(tables: RoutingTables, question: RoutingQuestion, domain: string): Resolved {
  const base = byClass(tables, question, domain);
  if ("kind" in base) return base;
  const answer = findTransport(tables, question.recipient, domain);
  if (answer.kind === "error") return lookupError("transport_maps");
  return answer.kind === "found" ? applyEntry(base, answer.hit.value, domain) : base;
}

function byClass(tables: RoutingTables, question: RoutingQuestion, domain: string): Resolved {
  const local = isListed(tables.localDomains, domain);
  if (local === "listed") return split(tables.localTransport, domain);
  const alias = isListed(tables.virtualAliasDomains, domain);
  if (alias === "listed") {
    return wait("4.3.0", `${domain} is a virtual alias domain: Postfix rewrites its addresses, Letterlock does not`);
  }
  const mailbox = isListed(tables.virtualMailboxDomains, domain);
  if (mailbox === "listed") return split(tables.virtualTransport, domain);
  const relay = isListed(tables.relayDomains, domain);
  if ([local, alias, mailbox, relay].includes("error")) return lookupError("domain list");
  const nexthop = relayhostOf(tables, question.sender, domain);
  if (typeof nexthop !== "string") return nexthop;
  const transport = relay === "listed" ? tables.relayTransport : defaultTransportOf(tables, question.sender);
  return typeof transport === "string" ? split(transport, nexthop) : transport;
}

/** The sender's relay host, then the global one, then the domain; DUNNO is the domain. */
function relayhostOf(tables: RoutingTables, sender: Mailbox | undefined, domain: string): string | RoutingAnswer {
  const answer = askForSender(tables, tables.senderRelayhost, sender, tables.emptySenderRelayhostKey);
  if (answer.kind === "error") return lookupError("sender_dependent_relayhost_maps");
  if (answer.kind === "found") return isDunno(answer.hit.value) ? domain : answer.hit.value;
  return tables.relayhost === "" ? domain : tables.relayhost;
}

function defaultTransportOf(tables: RoutingTables, sender: Mailbox | undefined): string | RoutingAnswer {
  const answer = askForSender(tables, tables.senderTransport, sender, tables.emptySenderTransportKey);
  if (answer.kind === "error") return lookupError("sender_dependent_default_transport_maps");
  return answer.kind === "found" && !isDunno(answer.hit.value) ? answer.hit.value : tables.defaultTransport;
}

function isDunno(value: string): boolean {
  return value.toUpperCase() === "DUNNO";
}

/** `transport:nexthop`; without a next-hop of its own the transport takes the one given. */
function split(text: string, nexthop: string): Choice {
  const colon = text.indexOf(":");
  if (colon < 0) return { transport: text, nexthop };
  const own = text.slice(colon + 1);
  return { transport: text.slice(0, colon), nexthop: own === "" ? nexthop : own };
}

/** TR-4: `:nexthop` keeps the transport, `transport:` goes to the recipient's domain, `:` changes nothing. */
function applyEntry(base: Choice, value: string, domain: string): Choice {
  const colon = value.indexOf(":");
  const transport = colon < 0 ? value : value.slice(0, colon);
  const nexthop = colon < 0 ? "" : value.slice(colon + 1).trim();
  if (transport !== "") return { transport, nexthop: nexthop === "" ? domain : nexthop };
  return nexthop === "" ? base : { transport: base.transport, nexthop };
}

/** TR-1, TR-2 */
function findTransport(tables: RoutingTables, recipient: Mailbox, domain: string): PolicyAnswer {
  if (tables.transportMaps.length === 0) return { kind: "none" };
  const full = fullKeys(recipient, domain, tables.delimiter);
  return askInTurn(tables.transportMaps, full, [...keysOf(domain, tables.bareParents), "*"]);
}

function askForSender(
  { delimiter }: RoutingTables,
  maps: readonly LookupTable[],
  sender: Mailbox | undefined,
  emptyKey: string,
): PolicyAnswer {
  if (maps.length === 0) return { kind: "none" };
  const domain = sender === undefined ? undefined : domainText(sender);
  if (sender === undefined || domain === undefined) return askAll(maps, emptyKey);
  return askInTurn(maps, fullKeys(sender, domain, delimiter), [`@${domain}`]);
}

/** `user+ext@domain`, `user@domain`. */
function fullKeys({ localPart }: Mailbox, domain: string, delimiter: string): readonly string[] {
  const keys = [`${localPart}@${domain}`];
  const at = [...localPart].findIndex((char, index) => index > 0 && delimiter.includes(char));
  if (at > 0 && !isWhole(localPart, delimiter)) keys.push(`${localPart.slice(0, at)}@${domain}`);
  return keys;
}

/** Names in which a delimiter separates nothing: `mailer-daemon`, `owner-LIST`, `LIST-request` (`owner_request_special`). */
function isWhole(localPart: string, delimiter: string): boolean {
  if (/^(?:mailer-daemon|double-bounce)$/i.test(localPart)) return true;
  return delimiter.includes("-") && /^owner-|-request$/i.test(localPart);
}

/** Pattern tables see whole addresses only, the first form of them. */
function askInTurn(maps: readonly LookupTable[], full: readonly string[], partial: readonly string[]): PolicyAnswer {
  const byName = maps.filter(({ kind }) => kind === "fixed" || kind === "constant");
  for (const [at, key] of full.entries()) {
    const answer = askAll(at === 0 ? maps : byName, key);
    if (answer.kind !== "none") return answer;
  }
  for (const key of partial) {
    const answer = askAll(byName, key);
    if (answer.kind !== "none") return answer;
  }
  return { kind: "none" };
}

function deliver(tables: RoutingTables, { transport, nexthop }: Choice): RoutingAnswer {
  const service = tables.services.get(transport);
  if (service === undefined) return wait("4.3.0", `mail transport unavailable: there is no service "${transport}"`);
  const { broken } = service;
  if (broken !== undefined)
    return wait("4.3.0", `mail transport unavailable: "${transport}" does not start: ${broken}`);
  switch (service.program) {
    case "smtp":
      return nexthops(service, nexthop);
    case "error":
      return said(service.name === "retry" ? "4.0.0" : "5.0.0", nexthop);
    case "lmtp":
      return wait("4.3.0", `transport "${transport}" speaks LMTP, Letterlock does not`);
    case "discard":
      return wait("4.3.0", `transport "${transport}" would drop this mail, Letterlock drops none`);
    default:
      return wait("4.3.0", `transport "${transport}" delivers by ${service.program}, Letterlock only relays`);
  }
}

/** KEY-4, KEY-5: each with its own key; the fallback relay last. */
function nexthops(service: TransportService, text: string): RoutingAnswer {
  const found: Nexthop[] = [];
  const context = { service: service.name, port: service.port, implicitTls: service.implicitTls };
  let bad: string | undefined;
  for (const written of [...splitNexthops(text), ...splitNexthops(service.fallback)]) {
    const reading = parseNexthop(written, context);
    if (reading.kind === "bad") bad = `${written}: ${reading.why}`;
    // Postfix's smtp stops at the first that it cannot read; those before it were tried by then.
    if (reading.kind === "bad") break;
    found.push(reading.nexthop);
  }
  const [first, ...others] = found;
  if (first === undefined) return wait("4.3.0", `unusable next-hop: ${bad ?? "none"}`);
  return { kind: "nexthops", nexthops: [first, ...others] };
}

/** TR-5: `5.1.2 text`; the service says whether mail is returned or waits, whatever the class of the code. */
function said(byDefault: "4.0.0" | "5.0.0", text: string): RoutingAnswer {
  const [, detail, rest] = /^\s*[245]\.(\d{1,3}\.\d{1,3})(?:\s+(.*))?$/s.exec(text) ?? [];
  const words = (detail === undefined ? text : (rest ?? "")).trim() || "delivery is switched off here";
  const status = (detail === undefined ? byDefault : `${byDefault[0]}.${detail}`) as EnhancedStatus;
  return { kind: byDefault === "5.0.0" ? "fail" : "defer", status, text: words };
}

function lookupError(what: string): RoutingAnswer {
  return wait("4.3.0", `address resolver failure: ${what} cannot be asked`);
}

function wait(status: EnhancedStatus, text: string): RoutingAnswer {
  return { kind: "defer", status, text };
}
