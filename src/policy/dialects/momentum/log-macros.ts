/**
 * Every macro that a line of a log can be made of: those of Momentum's custom_logger and of its module tls_macros, and
 * our own. Read by the parser of templates; filled by `logs/template`; printed as docs/operating/log-macros.md.
 */

/** Where a macro is looked for by its bare name (`namespace` of custom_logger). Ours is always looked in. */
export type MacroNamespace = "custom_logger" | "outbound_tls" | "letterlock";

/** Without `namespace`, a custom_logger knows the macros of these. */
export const defaultNamespaces: readonly string[] = ["custom_logger", "sieve"];

/** All of them, for templates that no custom_logger stanza holds. */
export const allNamespaces: readonly string[] = ["custom_logger", "outbound_tls"];

export type LogMacro = Readonly<{
  name: string;
  namespace: MacroNamespace;
  /** What stands between the braces, where it takes them. */
  argument?: Readonly<{ shown: string; required: boolean; check?: RegExp }>;
  meaning: string;
  /** What it prints at delivery, transient_failure and permanent_failure: field of the attempt record. */
  attempt: string;
  /** What it prints at reception and rejection: field of the inbound record; empty: nothing. */
  inbound: string;
}>;

const decimals = /^[0-9]$/;

function plain(name: string, meaning: string, attempt: string, inbound: string): LogMacro {
  return { name, namespace: "custom_logger", meaning, attempt, inbound };
}

/** Momentum 4 manual, custom_logger: Log Format Specifiers. */
const specifiers: readonly LogMacro[] = [
  plain("A", "how the client logged in", "origin.by", "by"),
  plain("b", "binding", "binding", "binding"),
  plain("g", "binding group, `default` where there is none", "bindingGroup", "bindingGroup"),
  plain("B", "size of the message in octets", "sizeBytes", "sizeBytes"),
  plain("BI", "batch id: the message, whoever its recipients are", "messageId", "messageId"),
  plain("c", "class of the failure in words", "reply, failure", ""),
  plain("C", "class of the failure, its number", "reply, failure", ""),
  plain("CI", "inbound connection id", "origin.session", "session"),
  plain("OC", "outbound connection id", "connection.id", ""),
  plain("d", "routing domain", "nexthop; the recipient's domain for `[host]`", "domain of to"),
  plain("H", "IP address of the other side", "address", "client"),
  {
    ...plain("h", "first value of that header field", "origin.headers", "headers"),
    argument: { shown: "Subject", required: true, check: /^[\x21-\x39\x3b-\x7e]+$/ },
  },
  plain("i", "message id, different for each recipient", "id without the attempt", "messageId, place in to"),
  plain("m", "sender, left of the @", "from", "from"),
  plain("M", "sender, its domain", "from", "from"),
  plain("n", "the reply, or what went wrong in Momentum's words", "reply, failure", "reply (rejection)"),
  plain("N", "how often it was tried before", "attempt - 1", "0"),
  plain("p", "protocol it came by: `esmtp`, `internal` for notices", "origin.protocol", "protocol"),
  plain("P", "pathway: always `default`", "", ""),
  plain("PG", "pathway group: always `default`", "", ""),
  plain("r", "recipient, left of the @", "to", "to"),
  plain("R", "recipient, its domain", "to", "to"),
  plain("s", "stage of the connection in words; empty but for failures", "failure.stage", ""),
  plain("S", "stage of the connection, its number; 22 where there is none", "failure.stage", ""),
  {
    ...plain("t", "time in s since 1970; in a strftime format, local time", "time", "time"),
    argument: { shown: "%Y-%m-%d", required: false },
  },
  {
    ...plain("T", "time since acceptance in s, with 2 decimals or so many", "ageMs", "0"),
    argument: { shown: "3", required: false, check: decimals },
  },
  {
    ...plain("us", "time in s since 1970 with so many decimals", "time", "time"),
    argument: { shown: "6", required: true, check: /^[1-6]$/ },
  },
  plain("U", "who logged in", "origin.user", "user"),
  {
    ...plain("vctx_conn", "a fact of the client's connection, see below", "", ""),
    argument: { shown: "tls_cipher", required: true },
  },
  {
    ...plain("vctx_mess", "a fact of the message, see below", "", ""),
    argument: { shown: "rcptto_domain", required: true },
  },
];

function tls(name: string, meaning: string, attempt: string): LogMacro {
  return { name, namespace: "outbound_tls", meaning, attempt, inbound: name === "outbound_tls" ? "`unknown`" : "" };
}

/** Momentum 4 manual, tls_macros: TLS Logging Macros. */
const tlsMacros: readonly LogMacro[] = [
  tls("outbound_tls", "`TLS`; `SMTP` without; `unknown` where no connection was made", "tls.protocol"),
  tls("outbound_tls_type", "`ifavailable` or `required` with TLS; `no` without", "tls.required"),
  tls("local_ip", "our address of the connection", "connection.localAddress"),
  tls("outbound_tls_cipher", "cipher suite in OpenSSL's spelling", "tls.cipher"),
  tls("outbound_tls_cipher_algbits", "bits of the cipher", "tls.bits"),
  tls("outbound_tls_cipher_usebits", "bits in use: the same", "tls.bits"),
  tls("outbound_tls_protocol", "`TLSv1.3`", "tls.protocol"),
  tls(
    "outbound_tls_verified",
    "`verified`: trusted, and the name is right, as the rule asked; else `unverified`",
    "tls.achieved",
  ),
  tls("outbound_tls_issuer", "common name of the certificate's issuer", "tls.peer.issuer"),
  tls("outbound_tls_subject", "common name of the certificate", "tls.peer.subject"),
];

function own(name: string, meaning: string, attempt: string, inbound = attempt): LogMacro {
  return { name: `letterlock_${name}`, namespace: "letterlock", meaning, attempt, inbound };
}

/** What none of the others has. */
const ownMacros: readonly LogMacro[] = [
  own("event", "`delivered`, `deferred`, `failed`, `expired`; `accepted`, `refused`", "event"),
  own("tls_required", "what had to be", "tls.required"),
  own("tls_achieved", "what was", "tls.achieved"),
  own("tls_rule", "file and line of the rule that decided", "rule"),
  own("tls_reasons", "codes of the reasons, with commas", "reasons", ""),
  own("tls_verify", "`chain=trusted,name=matched`: each check that was made", "tls.verify", "tls.chain"),
  own("tls_protocol", "`TLSv1.3`", "tls.protocol"),
  own("tls_cipher", "cipher suite, its IANA name", "tls.cipher"),
  own("tls_group", "group of the key exchange", "tls.group"),
  own("tls_peer", "subject of the other side's certificate, whole", "tls.peer.subject", "tls.client.subject"),
  own("tls_peer_issuer", "its issuer, whole", "tls.peer.issuer", "tls.client.issuer"),
  own("tls_peer_sha", "its SHA-256 fingerprint", "tls.peer.sha256", "tls.client.sha256"),
  own("tls_peer_until", "when it expires", "tls.peer.notAfter", "tls.client.notAfter"),
  own("tls_monitor", "what an enforced rule would have done, under `mode: monitor`", "tls.monitor"),
  own("mx", "name of the MX host; the client's verified name", "mx", "clientName"),
  own("port", "port of the other side", "port", "clientPort"),
  own("status", "status code (RFC 3463)", "status", "reply.enhanced"),
  own("attempt", "which attempt, from 1", "attempt", ""),
  own("error", "what went wrong in our words", "error", ""),
  own("from", "sender", "from"),
  own("to", "recipient", "to"),
  own("orcpt", "original recipient (RFC 3461)", "orcpt", "orcpts"),
  own("envid", "envelope id (RFC 3461)", "origin.envid", "envid"),
  own("listener", "listener it came in by", "origin.listener", "listener"),
  own("host", "our host name", "the `hostname` setting"),
  own("pid", "the worker process", "the process"),
];

export const logMacros: readonly LogMacro[] = [...specifiers, ...tlsMacros, ...ownMacros];

export const macrosByName: ReadonlyMap<string, LogMacro> = new Map(logMacros.map((macro) => [macro.name, macro]));

/** A key of `%vctx_conn{}` or `%vctx_mess{}`: Momentum 4 manual, Validation Context Variables. */
export type ContextKey = Readonly<{ key: string; meaning: string; attempt: string; inbound: string }>;

function key(name: string, meaning: string, attempt: string, inbound: string): ContextKey {
  return { key: name, meaning, attempt, inbound };
}

export const connectionKeys: readonly ContextKey[] = [
  key("auth_name", "SASL mechanism", "origin.by", "by"),
  key("auth_status", "`pass`; `fail` of a log-in that was refused", "origin.user", "user, reason"),
  key("auth_user", "who logged in", "origin.user", "user"),
  key("can_relay", "`true` with a right to send anywhere", "", "relay"),
  key("ehlo_domain", "name in EHLO", "origin.ehlo", "ehlo"),
  key("ehlo_string", "the EHLO command", "origin.ehlo, origin.protocol", "ehlo, protocol"),
  key("message_rcpt_count", "number of recipients", "recipients", "to"),
  key("pathway", "always `default`", "", ""),
  key("tls", "`on` with TLS", "origin.tls", "tls.protocol"),
  key("tls_cipher", "cipher suite in OpenSSL's spelling", "origin.tls.cipher", "tls.cipher"),
  key("tls_cipher_algbits", "bits of the cipher", "origin.tls.bits", "tls.bits"),
  key("tls_cipher_usebits", "bits in use: the same", "origin.tls.bits", "tls.bits"),
  key("tls_client_cert_subject", "subject of the client's certificate", "origin.tls.subject", "tls.client.subject"),
  key("tls_client_cert_subject_cn", "its common name", "origin.tls.subject", "tls.client.subject"),
  key("tls_client_cert_issuer", "its issuer", "origin.tls.issuer", "tls.client.issuer"),
  key("tls_client_cert_issuer_cn", "the issuer's common name", "origin.tls.issuer", "tls.client.issuer"),
  key("tls_client_verified", "`yes` if it leads to a CA of ours", "origin.tls.chain", "tls.chain"),
];

export const messageKeys: readonly ContextKey[] = [
  key("mailfrom_domain", "sender, its domain", "from", "from"),
  key("mailfrom_localpart", "sender, left of the @", "from", "from"),
  key("mailfrom_string", "the MAIL command, without parameters", "from", "from"),
  key("rcptto_domain", "recipient, its domain", "to", "to"),
  key("rcptto_localpart", "recipient, left of the @", "to", "to"),
  key("rcptto_string", "the RCPT command, without parameters", "to", "to"),
];

const contextKeys: Readonly<Record<string, ReadonlySet<string>>> = {
  vctx_conn: new Set(connectionKeys.map(({ key: name }) => name)),
  vctx_mess: new Set(messageKeys.map(({ key: name }) => name)),
};

/** Macros of TLS are also found as keys of either context. */
export function isContextKey(macro: string, name: string): boolean {
  const keys = contextKeys[macro];
  if (keys === undefined) return false;
  return keys.has(name) || macrosByName.get(name)?.namespace === "outbound_tls";
}
