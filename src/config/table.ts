/**
 * The settings table: each setting's name, type, default and sentence, once. It drives reading, `--help`, the
 * reference page and the JSON Schema, so that they cannot disagree.
 */
import { isIP } from "node:net";
import { parseDomain } from "../mail/domain.ts";
import { parseIp } from "../mail/ip.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { RouteTarget } from "../policy/dialects/dialect.ts";
import { clientTable, inboundRuleTable } from "./inbound-table.ts";
import { logType } from "./logs-table.ts";
import { byDomain, byName, list, oneOf, optional, required, section, setting, textOr } from "./section-types.ts";
import { bindingTls, globalTls, neverUsed, tlsVersion } from "./tls-table.ts";
import {
  choice,
  cidr,
  count,
  domainName,
  domainPattern,
  duration,
  type Endpoint,
  endpoint,
  file,
  ipAddress,
  name,
  share,
  size,
  text,
  textOrWord,
  textType,
  type ValueType,
  wrong,
  yesNo,
} from "./value-types.ts";

/** A nexthop as written: without a port it takes `outbound.port`. */
export type WrittenNexthop = Readonly<{ nexthop: RouteTarget; hasPort: boolean }>;

const nexthop: ValueType<WrittenNexthop> = textType("next hop", "a next hop", (value) => {
  const remedy = 'write "[mx.example.com]:25" for a host as it is, or example.com for its MX hosts';
  const [, host, domain, digits] = /^(?:\[([^\]]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/.exec(value) ?? [];
  const port = digits === undefined ? 25 : Number(digits);
  if (port < 1 || port > 65_535) return wrong(`${port} is no port`, "write a port from 1 to 65535");
  const hasPort = digits !== undefined;
  if (domain === "*") return { nexthop: { kind: "own-domain", port }, hasPort };
  if (domain !== undefined) {
    const parsed = parseDomain(domain);
    if (parsed !== undefined) return { nexthop: { kind: "mx", domain: parsed, port, written: value }, hasPort };
    return isIP(domain) > 0
      ? wrong(`"${value}" has no MX hosts`, `write "[${domain}]" for an address`)
      : wrong(`"${value}" is no next hop`, remedy);
  }
  const ip = host !== undefined && /:|^[\d.]+$/.test(host) ? parseIp(host) : undefined;
  const known = ip ?? parseDomain(host ?? "");
  if (known === undefined) return wrong(`"${value}" is no next hop`, remedy);
  return {
    nexthop: { kind: "host", host: known, isIp: ip !== undefined, port, implicitTls: false, written: value },
    hasPort,
  };
});

const routeRefusal: ValueType<Readonly<{ status: EnhancedStatus; text: string }>> = textType(
  "status and text",
  "a status and a text",
  (value) => {
    const [, status, words] = /^([45]\.\d{1,3}\.\d{1,3}) (.+)$/.exec(value) ?? [];
    if (status === undefined || words === undefined)
      return wrong(`"${value}" is no status and text`, "write 5.1.2 no such domain, or 4.3.0 not now");
    return { status: status as EnhancedStatus, text: words };
  },
);

/** `never`, or a duration. */
const durationOrNever: ValueType<number | "never"> = textOrWord("never", duration("1m", "30d"));

/** An endpoint, or `off`. */
const endpointOrOff: ValueType<Endpoint | "off"> = textOrWord("off", endpoint());

const timeout = duration("1s", "1d");

export const listenerTable = {
  name: optional(name, "What binding rules, logs and metrics call it. Default: its address."),
  address: required(endpoint(), "Address and port. `[::]:25` is every IPv6 address, `0.0.0.0:25` every IPv4 address."),
  tls: optional(
    choice("starttls", "implicit", "none"),
    "STARTTLS, TLS from the first octet, or none at all. Default: starttls.",
  ),
  "require-tls": optional(
    yesNo,
    "Refuse mail in clear text with 530. Not for a public MX (RFC 3207 §4). Default: false.",
  ),
  ...clientTable,
  "bare-newline": setting(
    choice("reject", "normalize"),
    "reject",
    "What becomes of a message with a bare CR or LF: refused, or each made CR LF (only for trusted, broken senders).",
  ),
} as const;

export const certificateTable = {
  certificate: required(file, "PEM file: the certificate, then its intermediates."),
  key: required(file, "PEM file of its private key."),
  passphrase: optional(text, "Of an encrypted key. Whoever may read this file may read it."),
  "passphrase-file": optional(file, "File whose first line is the passphrase."),
  names: optional(
    list(text),
    "Names for which SNI chooses it; `*.example.com` covers one label. Default: the names in the certificate.",
  ),
} as const;

const postfixTable = {
  main: required(file, "main.cf."),
  master: optional(file, "master.cf. Default: the one beside main.cf, if there is one."),
  defines: setting(
    byName(text),
    "{}",
    "Values of parameters that main.cf uses and does not give, such as CipherMail's `maps_d_dir`.",
  ),
} as const;

const sendmailTable = {
  access: optional(file, "The text of the access map."),
  mc: optional(file, "sendmail.mc."),
  cf: optional(file, "sendmail.cf."),
  version: optional(
    choice("8.14", "8.15", "8.16", "8.17", "8.18"),
    "The version that ran it. Default: the one that sendmail.cf was made by, else the newest.",
  ),
} as const;

const momentumTable = {
  file: required(file, "ecelerity.conf."),
  "search-path": optional(
    list(file),
    "Folders where files that it includes are looked for. Default: those of an installed Momentum.",
  ),
  logs: writesLogs("its custom loggers and mail logs"),
} as const;

const powermtaTable = {
  file: required(file, "The configuration, usually /etc/pmta/config."),
  logs: writesLogs("its accounting files"),
} as const;

function writesLogs(which: string): ReturnType<typeof optional<boolean>> {
  const sentence = `Write the logs that it asks for, ${which}. \`false\` while that server still runs. Default: true.`;
  return optional(yesNo, sentence);
}

/** In `policy:`, the place of our own rules. */
const ownRules: ValueType<"letterlock"> = textType(
  "`letterlock`",
  "letterlock or a section",
  (value) => {
    const remedy = 'write letterlock, or a section such as "postfix: { main: /etc/postfix/main.cf }"';
    return value === "letterlock" ? value : wrong(`"${value}" is not known here`, remedy);
  },
  { const: "letterlock" },
);

export const policySourceTable = {
  postfix: optional(section(postfixTable), "A Postfix configuration."),
  sendmail: optional(section(sendmailTable), "A Sendmail configuration: any of its files."),
  momentum: optional(section(momentumTable), "A Momentum configuration."),
  powermta: optional(section(powermtaTable), "A PowerMTA configuration."),
} as const;

const dnsServerTable = {
  address: required(endpoint(53), "Address, with a port when it is not 53."),
  trusted: optional(yesNo, "Believe its word that an answer was validated by DNSSEC. Default: only on loopback."),
} as const;

const dnsServer = textOr(endpoint(53), section(dnsServerTable));

const dnsTable = {
  servers: optional(list(dnsServer), "Resolvers, in the order to ask. Default: those of /etc/resolv.conf."),
  timeout: setting(timeout, "3s", "Wait for one answer of one server."),
  overall: setting(timeout, "20s", "Wait for an answer over all servers and tries."),
} as const;

export const bindingTable = {
  group: optional(name, "Its binding group, whose TLS rules apply where the binding says nothing."),
  "source-address": optional(list(ipAddress), "Local address to connect from: one IPv4, one IPv6, or both."),
  ehlo: optional(domainName, "Name in EHLO. Default: `hostname`."),
  "client-certificate": optional(name, "Certificate shown to hosts that ask for one, by its name."),
  tls: optional(bindingTls, "TLS rules for mail of this binding."),
} as const;

const bindingGroupTable = { tls: optional(bindingTls, "TLS rules for mail of these bindings.") } as const;

export const bindingRuleTable = {
  listener: optional(name, "Mail came in at this listener."),
  clients: optional(list(cidr), "The client's address lies in one of these blocks."),
  "sender-domain": optional(domainPattern, "The envelope sender's domain matches."),
  binding: required(name, "The binding that such mail gets."),
} as const;

export const transportTable = {
  to: optional(
    list(nexthop),
    'Where to: `"[host]:port"`, `domain`, or `domain:port`; `"*"` or `"*:port"` for the recipient\'s own domain.',
  ),
  refuse: optional(
    routeRefusal,
    "In place of `to`: mail is returned (`5.1.2 no such domain`) or waits (`4.3.0 not now`), with this.",
  ),
  tls: setting(
    choice("starttls", "implicit"),
    "starttls",
    "`implicit` speaks TLS from the first octet (a relay's 465).",
  ),
} as const;

const senderTimeoutTable = {
  connect: setting(timeout, "30s", "TCP connection."),
  greeting: setting(timeout, "5m", "The 220 greeting (RFC 5321 §4.5.3.2.1)."),
  ehlo: setting(timeout, "5m", "Reply to EHLO."),
  starttls: setting(timeout, "2m", "Reply to STARTTLS."),
  handshake: setting(timeout, "1m", "TLS handshake."),
  mail: setting(timeout, "5m", "Reply to MAIL (§4.5.3.2.2)."),
  rcpt: setting(timeout, "5m", "Reply to RCPT (§4.5.3.2.3)."),
  data: setting(timeout, "2m", "Reply to DATA (§4.5.3.2.4)."),
  "data-block": setting(timeout, "3m", "Each part of the message to be taken (§4.5.3.2.5)."),
  "final-dot": setting(timeout, "10m", "Reply to the final dot (§4.5.3.2.6)."),
  total: setting(timeout, "1h", "A whole attempt, whatever the peer drips."),
} as const;

const outboundTable = {
  port: setting(count(1, 65_535), "25", "Port of MX hosts, and of transports without one."),
  ipv4: setting(yesNo, "true", "Connect over IPv4."),
  ipv6: setting(yesNo, "true", "Connect over IPv6."),
  "allow-addresses": setting(
    list(cidr),
    "[]",
    "Loopback, private or reserved blocks that names in public DNS may lead to all the same.",
  ),
  "allow-address-literals": setting(yesNo, "false", "Deliver to recipients such as user@[192.0.2.1]."),
  "connections-per-destination": setting(
    count(1, 10_000),
    "20",
    "Connections to one destination at a time, per worker.",
  ),
  connections: setting(count(1, 100_000), "500", "Connections in all, per worker."),
  "messages-per-connection": setting(count(1, 1_000_000), "100", "Messages before a connection is closed."),
  "idle-connection": setting(duration("0s", "5m"), "5s", "How long a connection waits for another message."),
  "addresses-per-attempt": setting(count(1, 100), "10", "Addresses tried in one attempt, over all MX hosts."),
  "eight-bit-without-extension": setting(
    choice("bounce", "send"),
    "bounce",
    "8-bit mail for a host without 8BITMIME: sent back, or sent as it is.",
  ),
  timeouts: setting(section(senderTimeoutTable), "{}", "Waits for the peer."),
} as const;

const retryTable = {
  schedule: setting(
    list(duration("1s", "7d")),
    "[5m, 10m, 30m, 1h, 2h, 3h]",
    "Waits between attempts; the last one repeats.",
  ),
  jitter: setting(share, "0.2", "Share of each wait that chance may add or take."),
  lifetime: setting(duration("1m", "60d"), "5d", "A message that old goes back to its sender."),
  "bounce-lifetime": setting(
    duration("1m", "60d"),
    "2d",
    "The same for messages with the null sender, which are dropped.",
  ),
  "delay-notice": setting(durationOrNever, "4h", "Tell the sender once that a message waits that long."),
} as const;

const limitsTable = {
  "message-size": setting(size("64 KiB", "2 GB"), "50 MB", "Largest message taken (RFC 1870)."),
  recipients: setting(count(100, 100_000), "1000", "Recipients per message; RFC 5321 §4.5.3.1.8 asks for 100 or more."),
  "line-length": setting(size("1000 B", "1 MiB"), "64 KiB", "Longest line in a message; lines are never folded."),
  "memory-per-message": setting(size("4 KiB", "64 MiB"), "256 KiB", "Larger messages go through a spool file."),
  "header-size": setting(size("16 KiB", "16 MiB"), "1 MiB", "Largest header section."),
  "received-fields": setting(count(25, 1000), "100", "More Received fields mean a loop (RFC 5321 §6.3)."),
  connections: setting(count(1, 1_000_000), "1000", "Inbound sessions at a time, per worker: 421 above."),
  "connections-per-address": setting(count(1, 1_000_000), "100", "Inbound sessions of one client address, per worker."),
  errors: setting(count(1, 10_000), "20", "Erroneous commands before 421."),
  commands: setting(count(100, 1_000_000_000), "100000", "Commands in one session before 421."),
  "queue-size": setting(size("1 MB", "1000 TB"), "10 GB", "Stored messages per worker: 451 above."),
  "free-disk": setting(size("0 B", "1000 TB"), "200 MB", "Free space to leave on the data folder's disk: 451 below."),
  "active-messages": setting(count(1, 10_000_000), "20000", "Messages that one worker keeps in memory."),
  "active-size": setting(size("1 MB", "1 TB"), "64 MB", "Octets of bodies that one worker keeps in memory."),
} as const;

const receiverTimeoutTable = {
  command: setting(timeout, "5m", "Wait for the next command (RFC 5321 §4.5.3.2.7)."),
  greeting: setting(timeout, "1m", "Wait for the first command."),
  handshake: setting(timeout, "1m", "TLS handshake."),
  "data-block": setting(timeout, "3m", "Wait for more of a message."),
  "data-total": setting(timeout, "1h", "One whole message."),
  session: setting(timeout, "4h", "One whole session."),
} as const;

const tlsProfileTable = {
  protocols: optional(list(tlsVersion), "TLS versions offered. Default: TLSv1.2 and TLSv1.3."),
  ciphers: optional(
    text,
    `OpenSSL cipher list for TLS 1.2, and suites for 1.3. Default: ECDHE with AEAD. ${neverUsed}`,
  ),
  groups: optional(text, "OpenSSL list of key exchange groups. Default: X25519MLKEM768:X25519:P-256:P-384."),
} as const;

const recordsTable = {
  file: setting(
    file,
    "deliveries.jsonl",
    "One JSON line per recipient and attempt, in the data folder; `-` is standard output.",
  ),
  "inbound-file": setting(
    textOrWord("off", file),
    "inbound.jsonl",
    "One JSON line per message that came in, and per client, log-in, sender, recipient or message that was refused; `-` is standard output, `off` writes none.",
  ),
  size: setting(size("1 MB", "1 TB"), "100 MB", "A new file is begun at this size."),
  keep: setting(count(1, 10_000), "10", "Older files that are kept."),
  history: setting(duration("1h", "3650d"), "30d", "How long attempts stay in the store."),
} as const;

const authTable = {
  "failure-delay": setting(
    duration("0s", "1m"),
    "1s",
    "Wait before the answer to a failed try; each further one of that address twice as long, up to 16 times.",
  ),
  failures: setting(count(1, 1_000_000), "20", "So many failed tries of one address within `window` lock it out."),
  window: setting(duration("1s", "7d"), "10m", "The time in which failed tries are counted."),
  lock: setting(duration("1s", "7d"), "15m", "How long an address is locked out."),
  "failures-per-session": setting(count(1, 1000), "3", "Failed tries in one session before 421."),
} as const;

const logTable = {
  level: setting(choice("debug", "info", "warn", "error"), "info", "What is worth a line."),
  format: setting(choice("auto", "pretty", "json"), "auto", "`auto` is pretty on a terminal, else JSON."),
} as const;

const loopbackListeners =
  "[{name: smtp, address: 127.0.0.1:2525}, {name: smtps, address: 127.0.0.1:4465, tls: implicit}]";

export const fileTable = {
  hostname: optional(domainName, "Our name in greeting, EHLO and Received. Default: the machine's name."),
  data: setting(file, "./data", "Folder for queue, spool and records; relative to this file."),
  workers: optional(count(1, 1024), "Relay processes. Default: one per processor."),
  postmaster: optional(text, "Mailbox that gets mail for postmaster at `hostname`."),
  listeners: setting(list(section(listenerTable)), loopbackListeners, "Where mail comes in."),
  "relay-networks": setting(list(cidr), '[127.0.0.0/8, "::1"]', "Clients that may send to anywhere."),
  "relay-domains": setting(list(domainPattern), "[]", "Recipient domains that any client may send to."),
  "inbound-rules": setting(
    list(section(inboundRuleTable)),
    "[]",
    "Who must use TLS to us, and what clients are offered: of the rules whose every condition holds, the first that demands something, and for each setting the first that has it.",
  ),
  "users-file": optional(file, "Users who may log in: `letterlock user add` writes it."),
  certificates: setting(byName(section(certificateTable)), "{}", "Keys and certificates, by name."),
  "tls-profile": setting(section(tlsProfileTable), "{}", "What listeners offer in TLS handshakes."),
  dns: setting(section(dnsTable), "{}", "Resolvers."),
  bindings: setting(byName(section(bindingTable)), "{}", "Who we are towards other hosts, by name."),
  "binding-groups": setting(byName(section(bindingGroupTable)), "{}", "Bindings that share TLS rules, by name."),
  "binding-rules": setting(
    list(section(bindingRuleTable)),
    "[]",
    "The first rule whose every condition holds chooses the binding.",
  ),
  "default-binding": setting(name, "default", "The binding of all other mail."),
  "binding-header": optional(
    text,
    "Header field that names the binding, such as X-Binding; believed from `relay-networks` only, removed before relaying.",
  ),
  transports: setting(
    byDomain(textOr(nexthop, section(transportTable))),
    "{}",
    'Where mail for a recipient domain goes instead of its MX hosts: `"[host]:port"`, `domain`, or `domain:port`.',
  ),
  outbound: setting(section(outboundTable), "{}", "Delivery to other hosts."),
  retry: setting(section(retryTable), "{}", "When mail that could not be delivered is tried again."),
  limits: setting(section(limitsTable), "{}", "Limits for what comes in."),
  timeouts: setting(section(receiverTimeoutTable), "{}", "Waits for clients."),
  policy: setting(
    list(textOr(ownRules, oneOf(policySourceTable))),
    "[letterlock]",
    "Who says how mail must be encrypted, in the order to ask: configurations of other mail servers, each as it is, and `letterlock`, the rules of this file, which come first where it is not in the list.",
  ),
  tls: optional(globalTls, "TLS rules for mail that goes out."),
  auth: setting(section(authTable), "{}", "Against those who guess passwords; counted per worker."),
  records: setting(section(recordsTable), "{}", "The proof of each delivery attempt, and of what came in."),
  logs: setting(
    byName(logType),
    "{}",
    "Logs in the formats of other mail servers, by name: each says in which words, and where to.",
  ),
  log: setting(section(logTable), "{}", "The log for people."),
  metrics: setting(endpointOrOff, "127.0.0.1:2580", "Address and port of /metrics, /healthz and /readyz, or `off`."),
} as const;

export const fileType = section(fileTable);
