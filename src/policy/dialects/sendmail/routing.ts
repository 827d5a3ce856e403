/**
 * Where mail goes, since TLS_Srv hangs on the host that it goes to: the mailer table, then the smart host, then the
 * recipient's own MX (`undefined`). Sendmail's cf/README, "USING MAILERTABLES".
 */
import { domainOf } from "../../../mail/address.ts";
import { parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import type { EnhancedStatus } from "../../../mail/outcome.ts";
import type { RoutingAnswer, RoutingSource } from "../dialect.ts";
import { type AccessEntry, parseAccess } from "./access-text.ts";

type Nexthops = Extract<RoutingAnswer, { kind: "nexthops" }>;

/** `problem`: why the value cannot be followed. */
export type Destination =
  | Readonly<{ kind: "answer"; answer: RoutingAnswer }>
  | Readonly<{ kind: "pattern"; text: string }>
  | Readonly<{ kind: "failed"; problem: string }>;

const smtpMailers: ReadonlySet<string> = new Set(["smtp", "esmtp", "smtp8", "dsmtp", "relay"]);

/** `host`, `[host]`, `esmtp:[host]`, `smtp:first:second`, `error:5.7.0:550 text`. */
export function parseDestination(value: string): Destination {
  const text = value.trim();
  if (/^error:/i.test(text)) return { kind: "answer", answer: parseError(text.slice("error:".length)) };
  const [, mailer, rest = text] = /^([a-z][\w-]*):(.*)$/i.exec(text) ?? [];
  if (mailer !== undefined && !smtpMailers.has(mailer.toLowerCase())) {
    return { kind: "failed", problem: `mailer ${mailer} is not one of SMTP` };
  }
  if (/%[0-9]/.test(rest)) return { kind: "pattern", text: rest };
  const answer = parseHosts(rest);
  return answer === undefined ? { kind: "failed", problem: `no host in ${text}` } : { kind: "answer", answer };
}

/** Hosts between colons are tried in their order; brackets keep MX away. */
function parseHosts(text: string): Nexthops | undefined {
  const parts = text.match(/\[[^\]]*\]|[^:\s[\]]+/g) ?? [];
  const [first, ...more] = parts.map(parseHost);
  if (first === undefined || more.includes(undefined)) return undefined;
  return { kind: "nexthops", nexthops: [first, ...more.filter((host) => host !== undefined)] };
}

function parseHost(text: string): Nexthop | undefined {
  const bare = text.replace(/^\[(?:IPv6:)?(.*)\]$/i, "$1");
  if (bare === text) {
    const domain = parseDomain(text);
    return domain === undefined ? undefined : { kind: "mx", domain, port: 25, written: text };
  }
  const ip = parseIp(bare);
  if (ip !== undefined) return { kind: "host", host: ip, isIp: true, port: 25, implicitTls: false, written: text };
  const host = parseDomain(bare);
  return host === undefined
    ? undefined
    : { kind: "host", host, isIp: false, port: 25, implicitTls: false, written: text };
}

/** `5.7.0:550 text`, or one of Sendmail's words and a text. */
function parseError(text: string): RoutingAnswer {
  const [, status, said] = /^\s*([245]\.\d{1,3}\.\d{1,3}):?\s*(.*)$/.exec(text) ?? [];
  if (status !== undefined) {
    const kind = status.startsWith("4") ? "defer" : "fail";
    return { kind, status: status as EnhancedStatus, text: said ?? "" };
  }
  const [, word = "", rest = ""] = /^\s*(\w*):?\s*(.*)$/.exec(text) ?? [];
  if (/^temp/i.test(word)) return { kind: "defer", status: "4.3.0", text: rest };
  return { kind: "fail", status: errorStatus[word.toLowerCase()] ?? "5.0.0", text: rest };
}

const errorStatus: Readonly<Record<string, EnhancedStatus>> = {
  nouser: "5.1.1",
  nohost: "5.1.2",
  unavailable: "5.0.0",
  protocol: "5.5.0",
  config: "5.3.5",
  usage: "5.5.4",
};

export type TableEntry = Readonly<{ entry: AccessEntry; destination: Destination }>;

export type MailerTable = Readonly<{
  find(domain: string): RoutingAnswer | undefined;
  /** By key, lower case. */
  entries: ReadonlyMap<string, TableEntry>;
}>;

/** Keys are a domain, a `.parent`, or `.` for all. */
export function parseMailerTable(text: string): MailerTable {
  const entries = new Map<string, TableEntry>();
  for (const [key, entry] of parseAccess(text).entries) {
    entries.set(key, { entry, destination: parseDestination(entry.value) });
  }
  return { find: (domain) => lookUp(entries, domain), entries };
}

function lookUp(table: ReadonlyMap<string, TableEntry>, domain: string): RoutingAnswer | undefined {
  const exact = table.get(domain)?.destination;
  if (exact !== undefined) return resolve(exact, domain, "");
  for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
    const found = table.get(domain.slice(dot))?.destination;
    if (found !== undefined) return resolve(found, domain, domain.slice(0, dot));
  }
  const all = table.get(".")?.destination;
  return all === undefined ? undefined : resolve(all, domain, domain);
}

const notFollowed: RoutingAnswer = {
  kind: "defer",
  status: "4.3.5",
  text: "the mailer table sends this where Letterlock cannot",
};

/** `%0` is the domain, `%1` what stands before the `.parent`. */
function resolve(destination: Destination, domain: string, before: string): RoutingAnswer {
  if (destination.kind === "answer") return destination.answer;
  if (destination.kind === "failed") return notFollowed;
  const text = destination.text.replace(/%([01])/g, (_, which: string) => (which === "0" ? domain : before));
  return parseHosts(text) ?? notFollowed;
}

export function createRouting(table: MailerTable | undefined, smartHost: RoutingAnswer | undefined): RoutingSource {
  return {
    route({ recipient }) {
      const domain = domainOf(recipient);
      const found = domain === undefined ? undefined : table?.find(domain);
      return found ?? smartHost;
    },
  };
}
