/**
 * `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever watches the process: plain HTTP on a loopback port,
 * nothing else. No authentication, so it belongs on loopback or a management network.
 *
 * - `/healthz` 200: the supervisor answers. `/readyz` 200: every worker accepts mail; else 503.
 * - `/metrics` 503 when the workers do not answer within five seconds.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { metricsContentType } from "../record/metrics.ts";

export type MetricsServerOptions = Readonly<{
  address: string;
  /** 0 lets the system choose. */
  port: number;
  metrics: () => Promise<string>;
  isReady: () => boolean;
}>;

export interface MetricsServer extends AsyncDisposable {
  readonly port: number;
}

type Answer = Readonly<{ status: number; type: string; body: string }>;

const answerWithinMs = 5_000;
const text = "text/plain; charset=utf-8";

/** Rejects when the port cannot be had. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer(
    { maxHeaderSize: 8192, headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000 },
    (request, response) => void respond(request, response, options),
  );
  server.maxConnections = 64;
  server.listen(options.port, options.address);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => close(server),
  };
}

async function respond(request: IncomingMessage, response: ServerResponse, options: MetricsServerOptions) {
  // Whatever a client sends as a body is not read.
  request.resume();
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    send(request, response, { status: 405, type: text, body: "only GET and HEAD\n" });
    return;
  }
  send(request, response, await answerTo(pathOf(request), options));
}

async function answerTo(path: string, { metrics, isReady }: MetricsServerOptions): Promise<Answer> {
  switch (path) {
    case "/metrics":
      return await withinTime(metrics).then(
        (body) => ({ status: 200, type: metricsContentType, body }),
        () => ({ status: 503, type: text, body: "metrics are not available\n" }),
      );
    case "/healthz":
      return { status: 200, type: text, body: "ok\n" };
    case "/readyz":
      return isReady()
        ? { status: 200, type: text, body: "ready\n" }
        : { status: 503, type: text, body: "not ready\n" };
    default:
      return { status: 404, type: text, body: "try /metrics, /healthz or /readyz\n" };
  }
}

async function withinTime(ask: () => Promise<string>): Promise<string> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("no answer in time")), answerWithinMs);
  try {
    return await Promise.race([ask(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
