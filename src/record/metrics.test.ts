import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { sampleAttempt, sampleTls } from "../mail/attempt-sample.ts";
import { sampleInbound, sampleInboundRefusal, sampleInboundTls } from "../mail/inbound-sample.ts";
import { sampleLabel } from "../observe/event-sample.ts";
import type { LetterlockEvent } from "../observe/events.ts";
import { aggregateMetrics, createMetrics } from "./metrics.ts";

const accepted = {
  kind: "inbound",
  record: { ...sampleInbound, to: ["a@example.com", "b@example.com"], sizeBytes: 5000 },
} as const satisfies LetterlockEvent;

async function page(...events: readonly LetterlockEvent[]): Promise<string[]> {
  const metrics = createMetrics();
  for (const event of events) metrics.observe(event);
  return (await aggregateMetrics([await metrics.snapshot()])).split("\n");
}

test("metrics: deliveries by required, achieved and protocol", async () => {
  const plain = { ...sampleAttempt, event: "failed", tls: null } as const;
  const lines = await page(
    accepted,
    { kind: "attempt", record: sampleAttempt },
    { kind: "attempt", record: sampleAttempt },
    { kind: "attempt", record: plain },
  );
  for (const want of [
    "letterlock_messages_accepted_total 1",
    "letterlock_recipients_accepted_total 2",
    "letterlock_accepted_bytes_total 5000",
    'letterlock_attempts_total{event="delivered",required="verify",achieved="verified",protocol="TLSv1.3"} 2',
    'letterlock_attempts_total{event="failed",required="undecided",achieved="none",protocol="none"} 1',
    "letterlock_delivery_age_seconds_count 2",
  ]) {
    assert.ok(lines.includes(want), `${want}\n${lines.join("\n")}`);
  }
});

test("metrics: what came in by protocol, cipher, required and achieved; refusals by stage and reason; log-ins", async () => {
  const odd = { ...sampleInboundTls, protocol: "TLSv1.9", cipher: "TLS_GREASE", monitor: "would-fail" } as const;
  const lines = await page(
    accepted,
    accepted,
    { kind: "inbound", record: { ...sampleInbound, tls: { ...sampleInboundRefusal.tls, required: "none" } } },
    { kind: "inbound", record: { ...sampleInbound, tls: odd } },
    { kind: "inbound", record: sampleInboundRefusal },
    { kind: "log-in", ...sampleLabel, mechanism: "PLAIN", result: "failed", user: "a" },
  );
  const matched = 'cipher="TLS_AES_256_GCM_SHA384",required="matching",achieved="matched"';
  for (const want of [
    `letterlock_inbound_messages_total{protocol="TLSv1.3",${matched}} 2`,
    'letterlock_inbound_messages_total{protocol="none",cipher="none",required="none",achieved="none"} 1',
    'letterlock_inbound_messages_total{protocol="other",cipher="other",required="matching",achieved="matched"} 1',
    'letterlock_monitored_messages_total{verdict="would-fail"} 1',
    'letterlock_refusals_total{stage="mail",reason="policy"} 1',
    'letterlock_log_ins_total{mechanism="PLAIN",result="failed"} 1',
  ]) {
    assert.ok(lines.includes(want), `${want}\n${lines.join("\n")}`);
  }
});

test("metrics: a counter without labels starts at zero, reading twice adds nothing", async () => {
  const metrics = createMetrics();
  assert.match(await aggregateMetrics([await metrics.snapshot()]), /^letterlock_messages_accepted_total 0$/m);
  metrics.observe(accepted);
  await metrics.snapshot();
  assert.match(await aggregateMetrics([await metrics.snapshot()]), /^letterlock_messages_accepted_total 1$/m);
});

test("metrics: workers are added up, of lag the highest counts", async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  for (const metrics of [one, two]) metrics.observe(accepted);
  for (const [metrics, lag, operations] of [
    [one, 0.01, 40],
    [two, 0.2, 7],
  ] as const) {
    metrics.setEventLoopLag(lag);
    metrics.observe({ kind: "commit", operations, seconds: 0.5 });
    metrics.setQueueCounts({ messages: 3, ready: 2, trying: 1, held: 0, bodyBytes: 100 });
    metrics.setState({ sessions: 5, active: 1, idleConnections: 2 });
  }
  const snapshots = JSON.parse(JSON.stringify([await one.snapshot(), await two.snapshot()])) as unknown[];
  const lines = (await aggregateMetrics(snapshots)).split("\n");
  for (const want of [
    "letterlock_messages_accepted_total 2",
    "letterlock_event_loop_lag_seconds 0.2",
    "letterlock_commit_group_size_count 2",
    "letterlock_commit_group_size_sum 47",
    'letterlock_commit_group_size_bucket{le="10"} 1',
    "letterlock_commit_seconds_sum 1",
    'letterlock_queue_recipients{state="ready"} 4',
    "letterlock_queue_messages 6",
    "letterlock_sessions_open 10",
    "letterlock_connections_idle 4",
  ]) {
    assert.ok(lines.includes(want), `${want}\n${lines.join("\n")}`);
  }
});

test("metrics: nothing a peer sends becomes a label", async () => {
  const metrics = createMetrics();
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, two) => {
      const mine = { ...sampleInbound, client: one, from: two, binding: one, user: two, rule: null };
      metrics.observe({
        kind: "inbound",
        record: { ...mine, tls: { ...sampleInboundTls, cipher: one, protocol: two } },
      });
      metrics.observe({ kind: "inbound", record: { ...sampleInboundRefusal, ehlo: one, to: [two] } });
      metrics.observe({ kind: "log-in", ...sampleLabel, mechanism: one, result: "failed", user: two });
      metrics.observe({
        kind: "inbound-handshake",
        ...sampleLabel,
        bits: 0,
        certificate: null,
        certificateAsked: true,
        chain: one,
        serverName: two,
        protocol: one,
        cipher: two,
        group: one,
        resumed: false,
      });
      metrics.observe({
        kind: "outbound-handshake",
        host: one,
        address: two,
        protocol: one,
        error: two,
        durationMs: 1,
      });
      const tls = { ...sampleTls, required: one, protocol: two };
      metrics.observe({ kind: "attempt", record: { ...sampleAttempt, to: one, nexthop: two, binding: one, tls } });
    }),
  );
  const lines = (await aggregateMetrics([await metrics.snapshot()])).split("\n");
  assert.ok(lines.filter((line) => line.startsWith("letterlock_")).length < 100, lines.join("\n"));
});

test("metrics.md lists every metric of ours, and no other", async () => {
  const metrics = createMetrics();
  const snapshot = (await metrics.snapshot()) as readonly Readonly<{ name: string }>[];
  const names = snapshot.map(({ name }) => name).filter((name) => name.startsWith("letterlock_"));
  const page = readFileSync(path.join(import.meta.dirname, "../../docs/operating/metrics.md"), "utf8");
  const documented = [...page.matchAll(/^\| `(letterlock_\w+)` \|/gm)].map(([, name = ""]) => name);
  assert.deepEqual(documented.sort(), names.sort());
});

test("monitoring.md speaks of metrics that exist", async () => {
  const metrics = createMetrics();
  const snapshot = (await metrics.snapshot()) as readonly Readonly<{ name: string }>[];
  const names = new Set(snapshot.map(({ name }) => name));
  const page = readFileSync(path.join(import.meta.dirname, "../../docs/operating/monitoring.md"), "utf8");
  const used = [...page.matchAll(/letterlock_\w+/g)].map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ""));
  assert.ok(used.length > 10);
  for (const name of used) assert.ok(names.has(name), name);
});
