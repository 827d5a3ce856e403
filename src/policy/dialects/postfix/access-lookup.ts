/**
 * Access tables: by which keys they are asked about a client or an address, and what their values say (Postfix: access(5)).
 */
import type { IpAddress, Mailbox } from "../../../mail/address.ts";
import type { Domain } from "../../../mail/domain.ts";
import { isIpv6 } from "../../../mail/ip.ts";
import { keysOf } from "./domain-list.ts";
import type { LookupTable, TableHit } from "./lookup-table.ts";
import { type Answer, answer } from "./restriction-step.ts";

export type AccessHit =
  | Readonly<{ kind: "found"; hit: TableHit }>
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "error" }>;

export type AccessOptions = Readonly<{
  /** `example.com` covers its subdomains too (`parent_domain_matches_subdomains`). */
  withSubdomains: boolean;
  /** `recipient_delimiter`. */
  delimiter: string;
  /** `smtpd_null_access_lookup_key`. */
  nullKey: string;
}>;

/** The verified name, then its parents; then the address and the networks that its groups make. */
export function findClient(
  table: LookupTable,
  { client, clientName }: Readonly<{ client: IpAddress; clientName: Domain | undefined }>,
  { withSubdomains }: AccessOptions,
): AccessHit {
  const [name = "", ...parents] = keysOf(clientName ?? "unknown", withSubdomains);
  return find(table, isFixed(table) ? [name, ...parents, client, ...networksOf(client)] : [name, client]);
}

function networksOf(client: IpAddress): readonly string[] {
  const delimiter = isIpv6(client) ? ":" : ".";
  const parts = client.split(delimiter);
  return parts.slice(1).map((_, index) => parts.slice(0, parts.length - 1 - index).join(delimiter));
}

/** The whole address; without its extension; its domain and the parents; `user@`. Patterns see the whole address alone. */
export function findMailbox(table: LookupTable, mailbox: Mailbox | undefined, options: AccessOptions): AccessHit {
  if (mailbox === undefined) return find(table, [options.nullKey]);
  const { localPart, host } = mailbox;
  const domain = host === undefined ? "" : host.kind === "domain" ? host.domain : `[${host.ip}]`;
  const whole = `${localPart}@${domain}`;
  if (!isFixed(table)) return find(table, [whole]);
  const [base = ""] = [...options.delimiter].flatMap((sign) => localPart.split(sign).slice(0, -1));
  const locals = base === "" ? [localPart] : [localPart, base];
  const addresses = locals.map((local) => `${local}@${domain}`);
  return find(table, [...addresses, ...keysOf(domain, options.withSubdomains), ...locals.map((local) => `${local}@`)]);
}

function isFixed({ kind }: LookupTable): boolean {
  return kind === "fixed" || kind === "constant";
}

function find(table: LookupTable, keys: readonly string[]): AccessHit {
  for (const key of keys) {
    const found = table.lookup(key.toLowerCase());
    if (found.kind === "error") return { kind: "error" };
    if (found.kind === "found") return found;
  }
  return { kind: "none" };
}

/** `restrictions`: a list of them, or the name of a class. `unusable`: what is not done here, such as HOLD. */
export type AccessAction =
  | Readonly<{ kind: "permit" | "pass" | "unusable" }>
  | Readonly<{ kind: "reject"; answer: Answer }>
  | Readonly<{ kind: "restrictions"; list: string }>;

/** @param codes `access_map_reject_code`, `access_map_defer_code` */
export function readAction(value: string, codes: Readonly<{ reject: number; defer: number }>): AccessAction {
  const [, word = "", rest = ""] = /^(\S*)\s*(.*)$/s.exec(value.trim()) ?? [];
  const coded = /^([45]\d\d)(?!\d)/.exec(word);
  if (coded !== null) return { kind: "reject", answer: answerOf(Number(coded[1]), rest, "7.1") };
  if (/^\d+$/.test(word)) return { kind: "permit" };
  switch (word.toUpperCase()) {
    case "OK":
    case "RELAY":
      return { kind: "permit" };
    case "REJECT":
      return { kind: "reject", answer: answerOf(codes.reject, rest, "7.1") };
    case "DEFER":
    case "DEFER_IF_PERMIT":
      return { kind: "reject", answer: answerOf(codes.defer, rest, "7.1") };
    case "DUNNO":
    case "DEFER_IF_REJECT":
    case "WARN":
    case "INFO":
    case "PREPEND":
    case "BCC":
    case "FILTER":
      return { kind: "pass" };
    case "HOLD":
    case "DISCARD":
    case "REDIRECT":
      return { kind: "unusable" };
    default:
      return { kind: "restrictions", list: value };
  }
}

/** `550 5.7.1 text`, `REJECT 5.7.1 text`: the status is left out where it is not written. */
function answerOf(code: number, text: string, detail: `${number}.${number}`): Answer {
  const [, status, rest] = /^[245]\.(\d{1,3}\.\d{1,3})\s*(.*)$/s.exec(text) ?? [];
  const given = status === undefined ? detail : (status as `${number}.${number}`);
  const words = printable(rest ?? text);
  return answer(code, given, words === "" ? "Access denied" : words);
}

/** A reply line is printable ASCII. */
function printable(text: string): string {
  return text
    .replace(/[^ -~]/g, "?")
    .trim()
    .slice(0, 200);
}
