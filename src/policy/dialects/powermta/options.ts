/**
 * Every directive of PowerMTA that this dialect knows, in one table: where it may stand, what its value is, and what
 * becomes of it here. The compiler reads it, and docs/dialects/powermta.md is printed from it.
 * PowerMTA reference, sections 2.1, 2.2, 3.1, 4; names outside our subject are in `other-options.ts`.
 */
import { otherOptions } from "./other-options.ts";
import { tlsOptions } from "./tls-options.ts";

export type OptionStatus = "applied" | "no-effect" | "differs";

/** How a value is checked before anything uses it. `any` is not looked at. */
export type ValueKind =
  | "any"
  | "boolean"
  | "text"
  | "word"
  | "file"
  | "file-password"
  | "ciphers"
  | "suites"
  | "source-host"
  | "hosts"
  | "port"
  | "listener"
  | "records"
  | "record-fields"
  | "macro";

export type PowerMtaOption = Readonly<{
  name: string;
  status: OptionStatus;
  kind: ValueKind;
  /** As an operator writes it. */
  values: string;
  default: string;
  scopes: readonly string[];
  /** What becomes of it here, in a sentence. */
  reason: string;
}>;

const steering: readonly PowerMtaOption[] = [
  {
    name: "include",
    status: "applied",
    kind: "text",
    values: "FILE, wildcards allowed",
    default: "",
    scopes: ["global", "source", "domain", "virtual-mta", "virtual-mta-pool", "smtp-pattern-list", "pattern-list"],
    reason: "The file is read in its place; a URL is refused.",
  },
  {
    name: "domain-macro",
    status: "applied",
    kind: "macro",
    values: "NAME LIST",
    default: "",
    scopes: ["global"],
    reason: "`$NAME` in `<domain>` stands for each item in turn.",
  },
  {
    name: "host-name",
    status: "applied",
    kind: "word",
    values: "NAME, repeatable",
    default: "the system's",
    scopes: ["global", "virtual-mta"],
    reason: "The first is our own name, in a virtual MTA its EHLO name.",
  },
  {
    name: "smtp-source-host",
    status: "differs",
    kind: "source-host",
    values: "IP|CIDR NAME, repeatable",
    default: "the system's choice",
    scopes: ["global", "virtual-mta"],
    reason:
      "The first IPv4 and the first IPv6 address are the source addresses of the binding; further ones take no turns, and a block of addresses leaves the choice to the system.",
  },
  {
    name: "virtual-mta",
    status: "applied",
    kind: "word",
    values: "NAME, repeatable",
    default: "",
    scopes: ["virtual-mta-pool"],
    reason: "A member of the pool; members take turns.",
  },
  {
    name: "queue-to",
    status: "applied",
    kind: "text",
    values: 'NAME or ""',
    default: "none",
    scopes: ["domain"],
    reason: "The settings are those of the domain NAME, and so is the route.",
  },
  {
    name: "mx",
    status: "differs",
    kind: "any",
    values: "HOST NAME.rollup [rollup-by-ip]",
    default: "",
    scopes: ["mx-rollup-list"],
    reason:
      "Each MX host is looked up on its own, not the set of the best ones; mail still goes to the MX hosts of its own domain.",
  },
  {
    name: "disable-mx-rollup",
    status: "applied",
    kind: "boolean",
    values: "yes|no",
    default: "no",
    scopes: ["domain"],
    reason: "`yes`: the MX roll-up list is not asked for this domain.",
  },
  {
    name: "smtp-hosts",
    status: "differs",
    kind: "hosts",
    values: 'HOSTS or ""',
    default: "the MX hosts",
    scopes: ["domain"],
    reason: "Hosts are tried in the order written; those of one preference level take no turns.",
  },
  {
    name: "route",
    status: "differs",
    kind: "hosts",
    values: "HOSTS",
    default: "the MX hosts",
    scopes: ["domain"],
    reason: "Deprecated there; read as `smtp-hosts` where that is not written.",
  },
  {
    name: "default-smtp-port",
    status: "applied",
    kind: "port",
    values: "PORT",
    default: "25",
    scopes: ["domain"],
    reason: "The port of hosts that name none.",
  },
  {
    name: "type",
    status: "differs",
    kind: "word",
    values: "smtp|discard|pipe|file|http",
    default: "smtp",
    scopes: ["domain"],
    reason: "Only `smtp` is delivered here; for the others no connection is made and the mail waits.",
  },
  {
    name: "reroute-to-virtual-mta",
    status: "differs",
    kind: "text",
    values: 'NAME or ""',
    default: "none",
    scopes: ["domain", "global"],
    reason: "The TLS settings and the route are those of that virtual MTA; source address and EHLO name do not change.",
  },
  {
    name: "invalid-virtual-mta-fallback",
    status: "applied",
    kind: "word",
    values: "NAME",
    default: "{default}",
    scopes: ["global"],
    reason: "Taken where an unknown virtual MTA was chosen and is not to be rejected.",
  },
  {
    name: "pattern-list",
    status: "applied",
    kind: "word",
    values: "NAME",
    default: "none",
    scopes: ["source"],
    reason: "Chooses the virtual MTA.",
  },
  {
    name: "default-virtual-mta",
    status: "applied",
    kind: "word",
    values: "NAME|by-smtp-source-ip",
    default: "{default}",
    scopes: ["source"],
    reason: "The virtual MTA where nothing else chooses one.",
  },
  {
    name: "process-x-virtual-mta",
    status: "applied",
    kind: "boolean",
    values: "yes|no",
    default: "no",
    scopes: ["source"],
    reason: "`yes`: the header field X-Virtual-MTA chooses the virtual MTA.",
  },
  {
    name: "retain-x-virtual-mta",
    status: "applied",
    kind: "boolean",
    values: "yes|no",
    default: "no",
    scopes: ["source"],
    reason: "`yes`: the header field stays in the message.",
  },
  {
    name: "allow-empty-x-virtual-mta",
    status: "applied",
    kind: "boolean",
    values: "yes|no",
    default: "no",
    scopes: ["source"],
    reason: "`yes`: an empty field stands for `{default}`.",
  },
  {
    name: "reject-invalid-virtual-mta",
    status: "applied",
    kind: "boolean",
    values: "yes|no",
    default: "yes",
    scopes: ["source"],
    reason: "`yes`: an unknown virtual MTA refuses the message.",
  },
  {
    name: "always-allow-relaying",
    status: "differs",
    kind: "boolean",
    values: "yes|no",
    default: "no",
    scopes: ["source", "global"],
    reason:
      "Clients are let relay by `relay-networks` of letterlock.yaml; here it only says which certificate users may.",
  },
  {
    name: "use-proxy",
    status: "differs",
    kind: "any",
    values: "NAMES",
    default: "none",
    scopes: ["virtual-mta", "global"],
    reason: "Connections are made directly, never through a proxy.",
  },
  ...rulesOfPatterns(),
  ...accounting(),
];

function rulesOfPatterns(): PowerMtaOption[] {
  return ["header", "mail-from", "rcpt-to", "*"].map((name) => ({
    name,
    status: "applied",
    kind: "any",
    values: name === "*" ? "RESULT" : name === "header" ? "NAME /PATTERN/ RESULT" : "/PATTERN/ RESULT",
    default: "",
    scopes: ["pattern-list"],
    reason: "The first rule that fits chooses the virtual MTA; recipient-priority has no effect.",
  }));
}

function accounting(): PowerMtaOption[] {
  const handedOn = "Handed on to the accounting files.";
  const entry = (name: string, values: string, fallback: string, kind: ValueKind = "text"): PowerMtaOption => ({
    name,
    status: "applied",
    kind,
    values,
    default: fallback,
    scopes: ["acct-file"],
    reason: handedOn,
  });
  return [
    entry("records", "TYPES", "d,b", "records"),
    entry("record-fields", "TYPE FIELDS", "*", "record-fields"),
    entry("move-to", "FOLDER", "off"),
    entry("move-interval", "INTERVAL", "1d"),
    entry("max-size", "SIZE", "250M"),
    entry("delete-after", "Nd|never", "8d"),
    entry("iso-times", "yes|no", "yes", "boolean"),
    entry("user-string", "TEXT", "none"),
    entry("map-header-to-field", "TYPE header_NAME FIELD", "none"),
    entry("queue-filter", "PATTERNS", "none"),
    entry("privacy-policy", "retain|redact|siphash|hmac-sha256 ...", "retain"),
    entry("world-readable", "yes|no", "no", "boolean"),
    entry("count-moved-records", "yes|no", "no", "boolean"),
    entry("sync", "yes|no", "no", "boolean"),
    entry("retry-interval", "INTERVAL", "5m"),
    entry("write-timeout", "INTERVAL", "1m"),
  ];
}

export const optionTable: readonly PowerMtaOption[] = [...tlsOptions, ...steering, ...otherOptions];

const byScope = new Map<string, Map<string, PowerMtaOption>>();
const scopesByName = new Map<string, string[]>();
for (const option of optionTable) {
  for (const scope of option.scopes) {
    const names = byScope.get(scope) ?? new Map<string, PowerMtaOption>();
    byScope.set(scope, names);
    names.set(option.name, option);
  }
  scopesByName.set(option.name, [...(scopesByName.get(option.name) ?? []), ...option.scopes]);
}

/** @param scope a section's name, or `global` */
export function optionIn(scope: string, name: string): PowerMtaOption | undefined {
  return byScope.get(scope)?.get(name);
}

/** Every scope where a directive of that name may stand; none for a name that PowerMTA does not know. */
export function scopesOf(name: string): readonly string[] {
  return scopesByName.get(name) ?? [];
}

export function namesIn(scope: string): readonly string[] {
  return [...(byScope.get(scope)?.keys() ?? [])];
}

/** An option that every effective setting of a domain is made of; `source.candidates` shows all of them. */
export const domainTlsOptions: readonly PowerMtaOption[] = tlsOptions.filter(({ scopes }) => scopes.includes("domain"));
