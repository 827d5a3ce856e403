import assert from "node:assert/strict";
import { test } from "node:test";
import { type MetricsServerOptions, startMetricsServer } from "./metrics-server.ts";

type Seen = Readonly<{ status: number; type: string | null; body: string; allow: string | null }>;

async function ask(path: string, change: Partial<MetricsServerOptions> = {}, method = "GET"): Promise<Seen> {
  await using server = await startMetricsServer({
    address: "127.0.0.1",
    port: 0,
    metrics: async () => "letterlock_messages_accepted_total 1\n",
    isReady: () => true,
    ...change,
  });
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  const { status, headers } = answer;
  return { status, type: headers.get("content-type"), body: await answer.text(), allow: headers.get("allow") };
}

const rows: readonly [name: string, asked: Parameters<typeof ask>, status: number, type: RegExp, body: RegExp][] = [
  ["metrics", ["/metrics"], 200, /^text\/plain; version=0\.0\.4; charset=utf-8$/, /^letterlock_messages_acc/],
  ["metrics, with a query", ["/metrics?x=1"], 200, /version=0\.0\.4/, /^letterlock_/],
  ["a worker is gone", ["/metrics", { metrics: () => Promise.reject(new Error("gone")) }], 503, /^text/, /not avail/],
  ["alive", ["/healthz"], 200, /^text\/plain; charset=utf-8$/, /^ok\n$/],
  ["ready", ["/readyz"], 200, /^text\/plain/, /^ready\n$/],
  ["not ready", ["/readyz", { isReady: () => false }], 503, /^text\/plain/, /^not ready\n$/],
  ["anything else", ["/"], 404, /^text\/plain/, /metrics/],
  ["HEAD has no body", ["/healthz", {}, "HEAD"], 200, /^text\/plain/, /^$/],
  ["POST", ["/metrics", {}, "POST"], 405, /^text\/plain/, /only GET/],
];

for (const [name, asked, status, type, body] of rows) {
  test(`metrics server: ${name}`, async () => {
    const seen = await ask(...asked);
    assert.equal(seen.status, status);
    assert.match(seen.type ?? "", type);
    assert.match(seen.body, body);
    assert.equal(seen.allow, status === 405 ? "GET, HEAD" : null);
  });
}

test("metrics server: a port in use is an error at start", async () => {
  await using first = await startMetricsServer({
    address: "127.0.0.1",
    port: 0,
    metrics: async () => "",
    isReady: () => true,
  });
  const second = startMetricsServer({
    address: "127.0.0.1",
    port: first.port,
    metrics: async () => "",
    isReady: () => true,
  });
  await assert.rejects(second, /EADDRINUSE/);
});
