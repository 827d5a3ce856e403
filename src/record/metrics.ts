/**
 * Prometheus metrics: a reading of the events, and gauges that the worker sets. One set per process; the supervisor
 * adds up the snapshots of all workers.
 *
 * Label values come from closed lists, never from a peer, a domain or an address: a metric has at most some hundred
 * series whatever arrives. An event costs one or two increments of series that were looked up before.
 * Every name is explained in docs/operating/metrics.md.
 */
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AttemptRecord } from "../mail/attempt.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";
import type { LetterlockEvent, Observer } from "../observe/events.ts";
import { tlsLevels } from "../policy/rules.ts";

/** Mirrors of shapes in rooms that this one may not import. */
type QueueSizes = Readonly<{ messages: number; ready: number; trying: number; held: number; bodyBytes: number }>;
type RelayState = Readonly<{ sessions: number; active: number; idleConnections: number }>;

export type Metrics = Readonly<{
  observe: Observer;
  setQueueCounts: (counts: QueueSizes) => void;
  setState: (state: RelayState) => void;
  /** 99th percentile since the last call, in seconds. */
  setEventLoopLag: (seconds: number) => void;
  /** Lines so far by log, whose names come from the configuration. */
  setLogLines: (lines: ReadonlyMap<string, number>) => void;
  /** Plain JSON, to be sent to the supervisor and added up there. */
  snapshot: () => Promise<unknown>;
}>;

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

const protocols = ["TLSv1.2", "TLSv1.3"];
const stages = ["client", "starttls", "auth", "mail", "rcpt", "data"];
const reasons = ["policy", "relay", "log-in", "temporary", "permanent"];
const mechanisms = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL"];
/** What is negotiated under any list that we let pass; the rest is `other`. */
const ciphers = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_AES_128_GCM_SHA256",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    observe: createObserver(registry),
    ...createGauges(registry),
    snapshot: () => registry.getMetricsAsJSON(),
  };
}

/** The page for Prometheus: counters, sizes and sums added up over processes; of lag the highest. */
export async function aggregateMetrics(snapshots: readonly unknown[]): Promise<string> {
  type Snapshots = Parameters<typeof AggregatorRegistry.aggregate>[0];
  return AggregatorRegistry.aggregate([...snapshots] as Snapshots).metrics();
}

function createObserver(registry: Registry): Observer {
  const count = counters(registry);
  const time = histograms(registry);
  return (event: LetterlockEvent) => {
    switch (event.kind) {
      case "inbound":
        return countInbound(event.record);
      case "log-in":
        return count.logIns(1, oneOf(mechanisms, event.mechanism), event.result);
      case "attempt":
        countAttempt(event.record);
        return;
      case "session-ended":
        return count.sessions(1, event.tls === null ? "no" : "yes");
      case "connection-refused":
        return count.connectionsRefused();
      case "inbound-handshake":
        return count.inboundHandshakes(1, "ok", oneOf(protocols, event.protocol));
      case "inbound-handshake-failed":
        return count.inboundHandshakes(1, "failed", "none");
      case "outbound-handshake":
        count.outboundHandshakes(1, event.error === null ? "ok" : "failed", protocolLabel(event.protocol));
        if (event.error === null) time.handshake.observe(event.durationMs / 1000);
        return;
      case "commit":
        time.groupSize.observe(event.operations);
        return time.commit.observe(event.seconds);
      case "notice-queued":
        return count.notices(1, event.action);
      case "configuration-loaded":
        return count.configurations(1, "loaded");
      case "configuration-rejected":
        return count.configurations(1, "rejected");
      case "worker-ended":
        return count.workersEnded();
      case "log-lines-lost":
        return count.logLinesLost(event.lines, event.log);
      case "log-trouble":
        return count.troubles(1, "log");
      case "store-trouble":
        return count.troubles(1, "store");
      case "trouble":
        return count.troubles(1, "other");
      default:
    }
  };

  function countInbound({ event, stage, reason, to, sizeBytes, tls }: InboundRecord): void {
    if (event === "refused") {
      count.refusals(1, oneOf(stages, stage ?? ""), oneOf(reasons, reason ?? ""));
      return;
    }
    count.messages();
    count.recipients(to.length);
    count.bytes(sizeBytes ?? 0);
    const cipher = tls.cipher === null ? "none" : oneOf(ciphers, tls.cipher);
    count.inboundMessages(1, protocolLabel(tls.protocol), cipher, tls.required, tls.achieved);
    if (tls.monitor !== null) count.monitoredInbound(1, tls.monitor);
  }

  function countAttempt({ event, tls, ageMs }: AttemptRecord): void {
    const required = tls === null ? "undecided" : oneOf(tlsLevels, tls.required);
    count.attempts(1, event, required, tls?.achieved ?? "none", protocolLabel(tls?.protocol ?? null));
    if (event === "delivered") time.age.observe(ageMs / 1000);
    if (tls !== null && tls.monitor !== null) count.monitored(1, tls.monitor);
  }
}

function counters(registry: Registry) {
  const counter = (name: string, help: string, ...labels: string[]) => countBy(registry, name, help, labels);
  return {
    messages: counter("letterlock_messages_accepted_total", "Messages answered with 250 after they were on disk."),
    recipients: counter("letterlock_recipients_accepted_total", "Recipients of accepted messages."),
    bytes: counter("letterlock_accepted_bytes_total", "Bytes of accepted messages."),
    attempts: counter(
      "letterlock_attempts_total",
      "Delivery attempts per recipient by outcome, required level, achieved protection and protocol.",
      "event",
      "required",
      "achieved",
      "protocol",
    ),
    monitored: counter("letterlock_monitored_attempts_total", "Attempts under monitor mode by verdict.", "verdict"),
    sessions: counter("letterlock_sessions_total", "Inbound sessions that ended, by whether TLS was on.", "tls"),
    connectionsRefused: counter("letterlock_connections_refused_total", "Inbound connections refused at once."),
    inboundMessages: counter(
      "letterlock_inbound_messages_total",
      "Messages accepted, by the protocol and cipher they came under, and what was required of and achieved by the client.",
      "protocol",
      "cipher",
      "required",
      "achieved",
    ),
    monitoredInbound: counter(
      "letterlock_monitored_messages_total",
      "Messages accepted under monitor mode.",
      "verdict",
    ),
    refusals: counter("letterlock_refusals_total", "Clients, senders ... refused inbound.", "stage", "reason"),
    logIns: counter("letterlock_log_ins_total", "AUTH exchanges that ended.", "mechanism", "result"),
    inboundHandshakes: counter("letterlock_inbound_handshakes_total", "Inbound handshakes.", "result", "protocol"),
    outboundHandshakes: counter("letterlock_outbound_handshakes_total", "Outbound handshakes.", "result", "protocol"),
    notices: counter("letterlock_notices_total", "Delivery status notifications queued.", "action"),
    configurations: counter("letterlock_configurations_total", "Configurations read.", "result"),
    workersEnded: counter("letterlock_workers_ended_total", "Worker processes that ended unasked."),
    troubles: counter("letterlock_troubles_total", "Errors that an operator should look at.", "where"),
    logLinesLost: counter("letterlock_log_lines_lost_total", "Lines that a log's target did not take in time.", "log"),
  };
}

function histograms(registry: Registry) {
  return {
    age: new Histogram({
      name: "letterlock_delivery_age_seconds",
      help: "From acceptance to delivery, per recipient.",
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600, 3600, 86_400],
      registers: [registry],
    }),
    groupSize: new Histogram({
      name: "letterlock_commit_group_size",
      help: "Operations (messages stored, attempts settled) in one transaction of the queue store.",
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers: [registry],
    }),
    commit: new Histogram({
      name: "letterlock_commit_seconds",
      help: "Duration of those transactions, sync included.",
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1],
      registers: [registry],
    }),
    handshake: new Histogram({
      name: "letterlock_outbound_handshake_seconds",
      help: "Duration of outbound handshakes that succeeded.",
      buckets: [0.002, 0.01, 0.05, 0.2, 1, 5, 30],
      registers: [registry],
    }),
  };
}

function createGauges(registry: Registry): Omit<Metrics, "observe" | "snapshot"> {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const recipients = new Gauge({
    name: "letterlock_queue_recipients",
    help: "Recipients in the queue by state.",
    labelNames: ["state"],
    registers,
  });
  const messages = gauge("letterlock_queue_messages", "Messages in the queue.");
  const bodyBytes = gauge("letterlock_queue_body_bytes", "Bytes of messages in the queue.");
  const sessions = gauge("letterlock_sessions_open", "Inbound sessions open now.");
  const active = gauge("letterlock_deliveries_active", "Messages being delivered now.");
  const idle = gauge("letterlock_connections_idle", "Outbound connections kept for reuse.");
  const lag = new Gauge({
    name: "letterlock_event_loop_lag_seconds",
    help: "99th percentile of event-loop delay in the last second; the highest of all workers.",
    registers,
    aggregator: "max",
  });
  const logLines = new Counter({
    name: "letterlock_log_lines_total",
    help: "Lines of each log.",
    labelNames: ["log"],
    registers,
  });
  return {
    setLogLines(lines) {
      logLines.reset();
      for (const [log, count] of lines) logLines.inc({ log }, count);
    },
    setQueueCounts(counts) {
      messages.set(counts.messages);
      bodyBytes.set(counts.bodyBytes);
      for (const state of ["ready", "trying", "held"] as const) recipients.set({ state }, counts[state]);
    },
    setState(state) {
      sessions.set(state.sessions);
      active.set(state.active);
      idle.set(state.idleConnections);
    },
    setEventLoopLag: (value) => lag.set(value),
  };
}

/** Adds to one series, named by its label values in the order of the labels. */
type Count = (amount?: number, ...values: readonly string[]) => void;

/**
 * A counter that keeps its numbers in a plain map and hands them to prom-client when it is read: adding costs a map
 * look-up instead of hashing and checking labels.
 */
function countBy(registry: Registry, name: string, help: string, labels: readonly string[]): Count {
  const series = new Map<string, { values: readonly string[]; total: number }>();
  if (labels.length === 0) series.set("", { values: [], total: 0 });
  new Counter({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset();
      for (const { values, total } of series.values()) {
        this.inc(Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""])), total);
      }
    },
  });
  return (amount = 1, ...values) => {
    const key = values.length === 1 ? (values[0] ?? "") : values.join("|");
    const known = series.get(key);
    if (known === undefined) series.set(key, { values, total: amount });
    else known.total += amount;
  };
}

function protocolLabel(protocol: string | null): string {
  return protocol === null ? "none" : oneOf(protocols, protocol);
}

function oneOf(known: readonly string[], value: string): string {
  return known.includes(value) ? value : "other";
}
