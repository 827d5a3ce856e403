/**
 * Letterlock's settings as the other rooms receive them: checked, files loaded, durations in ms, sizes in bytes.
 * `table.ts` says how each is written; `load.ts` makes this value or a list of problems.
 */
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { DomainPattern } from "../mail/domain-pattern.ts";
import type { Cidr } from "../mail/ip.ts";
import type { LogDefinition } from "../mail/log-definition.ts";
import type { BindingChooser, Compiled, RoutingSource, TransportEntry } from "../policy/dialects/dialect.ts";
import type { System } from "../policy/dialects/registry.ts";
import type { InboundRule, Origin, PolicySource } from "../policy/rules.ts";
import type { ScopedInboundRule } from "../policy/scoped-inbound.ts";
import type { ScopedRule } from "../policy/scoped-rules.ts";
import type { SenderTimeouts } from "../smtp/client/sender.ts";
import type { ReceiverLimits, ReceiverTimeouts } from "../smtp/server/receiver.ts";
import type { Credential } from "../tls/handshake-settings.ts";
import type { UserDirectory } from "../users/user.ts";

export type ListenerSettings = Readonly<{
  name: string;
  address: IpAddress;
  /** 0 lets the system choose (tests). */
  port: number;
  implicitTls: boolean;
  /**
   * What our own configuration says of this listener; policy sources are asked for what it does not say, then
   * `inboundDefaults`.
   */
  rule: InboundRule;
  bareNewline: "reject" | "normalize";
  /** The line that names it. */
  from: Origin;
}>;

/** Who we are towards a peer: source address, EHLO name, client certificate. */
export type Binding = Readonly<{
  name: string;
  group: string | undefined;
  sourceAddress4: IpAddress | undefined;
  sourceAddress6: IpAddress | undefined;
  ehlo: Domain;
  /** `sender-domain`: the domain of the envelope sender is said, and `ehlo` only where there is none (PowerMTA). */
  ehloFrom: "configured" | "sender-domain";
  clientCertificate: Credential | undefined;
}>;

/** The first rule whose every given condition holds names the binding. */
export type BindingRule = Readonly<{
  listener: string | undefined;
  clients: readonly Cidr[] | undefined;
  senderDomain: DomainPattern | undefined;
  binding: string;
}>;

export type DnsServer = Readonly<{
  address: IpAddress;
  port: number;
  /** AD is believed: loopback by default, others only when told (RS-1). */
  trusted: boolean;
}>;

export type RetrySettings = Readonly<{
  /** Waits between attempts; the last repeats. */
  scheduleMs: readonly number[];
  /** Share of the wait that chance may add or take, 0 to 1. */
  jitter: number;
  lifetimeMs: number;
  /** For null-sender messages. */
  bounceLifetimeMs: number;
  /** A delay notice after this age; undefined: none. */
  delayNoticeMs: number | undefined;
}>;

export type OutboundSettings = Readonly<{
  port: number;
  ipv4: boolean;
  ipv6: boolean;
  /** Blocks that public DNS may lead to although they are loopback, private or reserved. */
  allowAddresses: readonly Cidr[];
  allowAddressLiterals: boolean;
  maxConnectionsPerDestination: number;
  maxConnections: number;
  maxMessagesPerConnection: number;
  idleConnectionMs: number;
  /** Addresses tried in one attempt (MX-8). */
  maxAddressesPerAttempt: number;
  timeouts: SenderTimeouts;
  /** EX-8: 8-bit content to a peer without 8BITMIME. */
  eightBitWithoutExtension: "bounce" | "send";
}>;

/** Against guessing, by address and by worker. */
export type AuthSettings = Readonly<{
  /** The answer to a failed try waits so long, ms; each further one of that address twice as long, up to 16 times. */
  failureDelayMs: number;
  /** So many failed tries of one address within `windowMs` lock it out for `lockMs`. */
  maxFailures: number;
  windowMs: number;
  lockMs: number;
  /** Failed tries in one session before 421 (AU-10). */
  maxFailuresPerSession: number;
}>;

/** The configuration of another mail server, compiled. */
export type Dialect = Readonly<{
  system: System;
  /** The first file that was named, absolute. */
  file: string;
  /** All that were read, absolute: to tell what a reload changed. */
  files: readonly string[];
  /** Whether the logs that it asks for are written here: as our own file says; not while that server runs beside us. */
  logs: "unsaid" | "on" | "off" | "beside";
  /** Without the notes: whoever checks a configuration gets those from the loader. */
  compiled: Omit<Compiled, "notes">;
}>;

export type Settings = Readonly<{
  hostname: Domain;
  /** Absolute. */
  dataDirectory: string;
  workers: number;
  listeners: readonly ListenerSettings[];
  /** What every listener does where nothing else is said: STARTTLS offered, and the certificate where there is only one. */
  inboundDefaults: InboundRule;
  /** Something is conditioned on the verified name of a client: without it no client's name is looked up. */
  clientNames: boolean;
  /** Our own users file before those of dialects. */
  users: UserDirectory;
  auth: AuthSettings;
  relayNetworks: readonly Cidr[];
  relayDomains: readonly DomainPattern[];
  postmaster: string | undefined;
  dns: Readonly<{ servers: readonly DnsServer[]; timeoutMs: number; overallMs: number }>;
  bindings: ReadonlyMap<string, Binding>;
  defaultBinding: string;
  bindingRules: readonly BindingRule[];
  /** Lower case; undefined: no header chooses. Only believed from relay networks. */
  bindingHeader: string | undefined;
  transports: readonly TransportEntry[];
  outbound: OutboundSettings;
  retry: RetrySettings;
  limits: ReceiverLimits &
    Readonly<{
      /** Bodies on disk and in memory, all shards of one worker: 451 above. */
      maxQueueBytes: number;
      minFreeDiskBytes: number;
      /** Jobs that one worker keeps in memory. */
      maxActiveMessages: number;
      maxActiveBytes: number;
    }>;
  timeouts: ReceiverTimeouts;
  /** In the order to ask them. */
  policySources: readonly PolicySource[];
  /** Those among `policySources` that are other mail servers' configurations, in their order. */
  dialects: readonly Dialect[];
  /** Asked after our own transports. */
  routing: RoutingSource | undefined;
  /** Asked in this order, after our own binding rules. */
  bindingChoosers: readonly BindingChooser[];
  /** What our own source was compiled from, to tell what a reload changed. */
  rules: readonly ScopedRule[];
  inboundRules: readonly ScopedInboundRule[];
  records: Readonly<{
    /** Absolute; `-` is standard output. */
    file: string;
    /** Of what came in; undefined: not written. */
    inboundFile: string | undefined;
    maxBytes: number;
    keepFiles: number;
    historyMs: number;
  }>;
  /** Our own `logs:`, then those of dialects; without the JSON files of `records`. */
  logs: readonly LogDefinition[];
  log: Readonly<{ level: "debug" | "info" | "warn" | "error"; format: "auto" | "pretty" | "json" }>;
  metrics: Readonly<{ address: IpAddress; port: number }> | undefined;
  /** Every file that was read, for watching. */
  files: readonly string[];
}>;
