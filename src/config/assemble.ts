/**
 * The values of the settings table put together into `Settings`: names resolved, what is left out filled in from the
 * machine, sections given the names under which the other rooms know them.
 */
import path from "node:path";
import { type Domain, domain, parseDomain } from "../mail/domain.ts";
import { parseIp } from "../mail/ip.ts";
import type { DialectSettings, RouteTarget, TransportEntry } from "../policy/dialects/dialect.ts";
import { compileInboundRules } from "../policy/scoped-inbound.ts";
import { compileScopedRules } from "../policy/scoped-rules.ts";
import { parseMailbox } from "../smtp/path.ts";
import { Authorities } from "./authorities.ts";
import { assembleBindingRules, assembleBindings } from "./bindings.ts";
import { Certificates } from "./certificates.ts";
import { isLoopback } from "./endpoint.ts";
import { assembleInbound } from "./inbound.ts";
import type { Loading } from "./loading.ts";
import { assembleLogs } from "./logs.ts";
import type { PolicyOrder } from "./policy-sources.ts";
import type { Section, Values } from "./section-types.ts";
import type { DnsServer, OutboundSettings, RetrySettings, Settings } from "./settings.ts";
import { checkOrder } from "./source-order.ts";
import type { fileTable, transportTable, WrittenNexthop } from "./table.ts";
import { compileTlsRules } from "./tls-rules.ts";
import { type Located, plain } from "./value-types.ts";

type FileValues = Values<typeof fileTable>;

/** What is taken from the machine where nothing is written. */
export type Machine = Readonly<{ hostname: string; processors: number }>;

/** Reports what does not fit together; the value is of use only when nothing was reported as an error. */
export function assembleSettings(
  values: FileValues,
  order: PolicyOrder,
  loading: Loading,
  machine: Machine,
  overrides: Readonly<{ data?: string | undefined; beside: boolean }>,
): Settings {
  const dialects = order.filter((source) => source !== "letterlock");
  const brought = dialects.map(({ compiled }) => compiled.settings);
  const hostname = values.hostname?.value ?? firstOf(brought, "hostname")?.value ?? machineName(machine.hostname);
  const authorities = new Authorities(loading);
  const certificates = new Certificates(values.certificates.value, loading);
  const { listeners, inboundRules, inboundDefaults, users } = assembleInbound(values, {
    dialects,
    opensTheirs: !overrides.beside,
    hostname,
    material: { certificates, authorities, loading },
  });
  const bindings = assembleBindings(values, brought, hostname, certificates, loading);
  const rules = compileTlsRules(values, certificates, authorities, loading);
  checkOrder(order, rules, bindings, loading);
  certificates.reportUnused();
  const own = { ...compileScopedRules(rules), ...compileInboundRules(inboundRules) };
  const dataDirectory =
    overrides.data === undefined ? loading.resolve(values.data.value) : path.resolve(overrides.data);
  const records = assembleRecords(values, dataDirectory);
  const { level, format } = values.log.value.values;
  return {
    hostname,
    dataDirectory,
    workers: values.workers?.value ?? machine.processors,
    listeners,
    inboundDefaults,
    clientNames:
      inboundRules.some(({ conditions }) => conditions.clientNames !== undefined) ||
      brought.some(({ needsClientNames }) => needsClientNames === true),
    users,
    auth: assembleAuth(values),
    relayNetworks: plain(values["relay-networks"].value),
    relayDomains: [
      ...plain(values["relay-domains"].value),
      ...brought.flatMap(({ relayDomains = [] }) => relayDomains),
    ],
    postmaster: assemblePostmaster(values, loading),
    dns: assembleDns(values, loading),
    bindings,
    defaultBinding: values["default-binding"].value,
    bindingRules: assembleBindingRules(values, bindings, listeners, loading),
    bindingHeader: assembleBindingHeader(values, loading),
    transports: assembleTransports(values, loading),
    outbound: assembleOutbound(values, loading),
    retry: assembleRetry(values, loading),
    limits: assembleLimits(values),
    timeouts: assembleTimeouts(values),
    policySources: order.map((source) => (source === "letterlock" ? own : source.compiled.source)),
    dialects,
    routing: firstOf(brought, "routing"),
    bindingChoosers: brought.flatMap(({ chooseBinding }) => chooseBinding ?? []),
    rules,
    inboundRules,
    records,
    logs: assembleLogs(values, dialects, records, { authorities, loading, dataDirectory }),
    log: { level: level.value, format: format.value },
    metrics: values.metrics.value === "off" ? undefined : values.metrics.value,
    files: loading.files,
  };
}

function firstOf<K extends keyof DialectSettings>(
  brought: readonly DialectSettings[],
  key: K,
): DialectSettings[K] | undefined {
  return brought.find((settings) => settings[key] !== undefined)?.[key];
}

/** A machine without a usable name is `localhost`. */
function machineName(name: string): Domain {
  return parseDomain(name) ?? domain("localhost");
}

function assemblePostmaster({ postmaster }: FileValues, loading: Loading): string | undefined {
  // The bare word postmaster is one to SMTP, but leads nowhere.
  if (postmaster !== undefined && parseMailbox(postmaster.value)?.host === undefined) {
    loading.problems.error(postmaster.at, `"${postmaster.value}" is no mailbox`, "write name@example.com");
  }
  return postmaster?.value;
}

function assembleBindingHeader(values: FileValues, loading: Loading): string | undefined {
  const header = values["binding-header"];
  if (header === undefined) return undefined;
  if (!/^[A-Za-z0-9-]{1,64}$/.test(header.value)) {
    loading.problems.error(header.at, `"${header.value}" is no header field name`, "write a name such as X-Binding");
  } else if (!/^x-/i.test(header.value)) {
    const message = `the field ${header.value} is removed from every message that carries it`;
    loading.problems.warning(header.at, message, "use a field of your own, such as X-Binding");
  }
  return header.value.toLowerCase();
}

function assembleDns(values: FileValues, loading: Loading): Settings["dns"] {
  const { servers, timeout, overall } = values.dns.value.values;
  const written = (servers?.value ?? []).flatMap(({ value }): DnsServer[] => {
    const [endpoint, trusted] =
      "values" in value ? [value.values.address?.value, value.values.trusted?.value] : [value, undefined];
    return endpoint === undefined ? [] : [{ ...endpoint, trusted: trusted ?? isLoopback(endpoint.address) }];
  });
  if (servers !== undefined && servers.value.length === 0) {
    loading.problems.error(servers.at, "there is no DNS server", "write one, or remove servers: for the system's");
  }
  return {
    servers: servers === undefined ? systemServers(loading) : written,
    timeoutMs: timeout.value,
    overallMs: overall.value,
  };
}

/** Those of resolv.conf: trusted on loopback only, since who else answers is not known (standards.md RS-1). */
function systemServers(loading: Loading): DnsServer[] {
  const answer = loading.readIfThere("/etc/resolv.conf");
  const text = answer.kind === "found" ? answer.text : "";
  const found = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].flatMap(([, server = ""]) => {
    const address = parseIp(server);
    return address === undefined ? [] : [{ address, port: 53, trusted: isLoopback(address) }];
  });
  const local = parseIp("127.0.0.1");
  return found.length > 0 || local === undefined ? found : [{ address: local, port: 53, trusted: true }];
}

function assembleTransports(values: FileValues, loading: Loading): TransportEntry[] {
  const port = values.outbound.value.values.port.value;
  return values.transports.value.flatMap(({ key: pattern, at, value }): TransportEntry[] => {
    if (!("values" in value)) return [{ pattern, nexthops: [withPort(value, port)] }];
    const { to, refuse } = value.values;
    if (to === undefined && refuse !== undefined) return [{ pattern, refuse: refuse.value }];
    if (to === undefined || refuse !== undefined) {
      loading.problems.error(at, "a transport has either to or refuse", 'write to: "[mx.example.com]:25"');
      return [];
    }
    const [first, ...others] = to.value.map((written) => wrapped(value, written, port, loading));
    if (first !== undefined) return [{ pattern, nexthops: [first, ...others] }];
    loading.problems.error(to.at, "no next hop", "write one or more");
    return [];
  });
}

function withPort({ nexthop, hasPort }: WrittenNexthop, port: number): RouteTarget {
  return hasPort ? nexthop : { ...nexthop, port };
}

function wrapped(
  { values: { tls } }: Section<typeof transportTable>,
  { value, at }: Located<WrittenNexthop>,
  port: number,
  loading: Loading,
): RouteTarget {
  const nexthop = withPort(value, port);
  if (tls.value !== "implicit") return nexthop;
  if (nexthop.kind === "host") return { ...nexthop, implicitTls: true };
  const message = "there is no implicit TLS to MX hosts (RFC 8314, section 3)";
  loading.problems.error(at, message, `write "[host]:465", or remove tls: implicit`);
  return nexthop;
}

function assembleOutbound(values: FileValues, loading: Loading): OutboundSettings {
  const { values: outbound, at } = values.outbound.value;
  const timeouts = outbound.timeouts.value.values;
  if (!outbound.ipv4.value && !outbound.ipv6.value) {
    loading.problems.error(at, "neither IPv4 nor IPv6 is left for delivery", "set ipv4: true or ipv6: true");
  }
  return {
    port: outbound.port.value,
    ipv4: outbound.ipv4.value,
    ipv6: outbound.ipv6.value,
    allowAddresses: plain(outbound["allow-addresses"].value),
    allowAddressLiterals: outbound["allow-address-literals"].value,
    maxConnectionsPerDestination: outbound["connections-per-destination"].value,
    maxConnections: outbound.connections.value,
    maxMessagesPerConnection: outbound["messages-per-connection"].value,
    idleConnectionMs: outbound["idle-connection"].value,
    maxAddressesPerAttempt: outbound["addresses-per-attempt"].value,
    timeouts: {
      connectMs: timeouts.connect.value,
      greetingMs: timeouts.greeting.value,
      ehloMs: timeouts.ehlo.value,
      starttlsMs: timeouts.starttls.value,
      handshakeMs: timeouts.handshake.value,
      mailMs: timeouts.mail.value,
      rcptMs: timeouts.rcpt.value,
      dataMs: timeouts.data.value,
      dataBlockMs: timeouts["data-block"].value,
      finalDotMs: timeouts["final-dot"].value,
      totalMs: timeouts.total.value,
    },
    eightBitWithoutExtension: outbound["eight-bit-without-extension"].value,
  };
}

function assembleRetry(values: FileValues, loading: Loading): RetrySettings {
  const { schedule, jitter, lifetime, "delay-notice": notice, "bounce-lifetime": bounces } = values.retry.value.values;
  if (schedule.value.length === 0) {
    loading.problems.error(schedule.at, "the retry schedule is empty", "write a list such as [5m, 30m, 1h]");
  }
  return {
    scheduleMs: plain(schedule.value),
    jitter: jitter.value,
    lifetimeMs: lifetime.value,
    bounceLifetimeMs: bounces.value,
    delayNoticeMs: notice.value === "never" ? undefined : notice.value,
  };
}

function assembleLimits(values: FileValues): Settings["limits"] {
  const limits = values.limits.value.values;
  return {
    maxMessageBytes: limits["message-size"].value,
    maxRecipients: limits.recipients.value,
    maxLineBytes: limits["line-length"].value,
    maxMemoryBytes: limits["memory-per-message"].value,
    maxHeaderBytes: limits["header-size"].value,
    maxReceivedFields: limits["received-fields"].value,
    maxConnections: limits.connections.value,
    maxConnectionsPerAddress: limits["connections-per-address"].value,
    maxErrors: limits.errors.value,
    maxCommands: limits.commands.value,
    maxQueueBytes: limits["queue-size"].value,
    minFreeDiskBytes: limits["free-disk"].value,
    maxActiveMessages: limits["active-messages"].value,
    maxActiveBytes: limits["active-size"].value,
  };
}

function assembleTimeouts(values: FileValues): Settings["timeouts"] {
  const timeouts = values.timeouts.value.values;
  return {
    commandMs: timeouts.command.value,
    greetingMs: timeouts.greeting.value,
    handshakeMs: timeouts.handshake.value,
    dataBlockMs: timeouts["data-block"].value,
    dataTotalMs: timeouts["data-total"].value,
    sessionMs: timeouts.session.value,
  };
}

function assembleAuth(values: FileValues): Settings["auth"] {
  const auth = values.auth.value.values;
  return {
    failureDelayMs: auth["failure-delay"].value,
    maxFailures: auth.failures.value,
    windowMs: auth.window.value,
    lockMs: auth.lock.value,
    maxFailuresPerSession: auth["failures-per-session"].value,
  };
}

function assembleRecords(values: FileValues, dataDirectory: string): Settings["records"] {
  const { file, "inbound-file": inbound, size, keep, history } = values.records.value.values;
  const inFolder = (name: string): string => (name === "-" ? "-" : path.resolve(dataDirectory, name));
  return {
    file: inFolder(file.value),
    inboundFile: inbound.value === "off" ? undefined : inFolder(inbound.value),
    maxBytes: size.value,
    keepFiles: keep.value,
    historyMs: history.value,
  };
}
