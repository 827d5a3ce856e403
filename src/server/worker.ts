/**
 * A relay worker process: one relay, commanded by its supervisor over the process channel. It is told everything it
 * needs by its first request, `open`, and ends when it is told to stop or its supervisor is gone.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Logs, openLogs } from "../logs/open-logs.ts";
import { replayRecords } from "../logs/replay-records.ts";
import { systemClock } from "../mail/clock.ts";
import type { LetterlockEvent, Observer } from "../observe/events.ts";
import type { Queue } from "../queue/queue.ts";
import { createHumanLog } from "../record/human-log.ts";
import { createMetrics } from "../record/metrics.ts";
import { answer, isRequest, type Methods, type Response } from "./ipc.ts";
import type { OpenListener } from "./listeners.ts";
import { logDefinitions } from "./log-definitions.ts";
import { type Relay, startRelay } from "./relay.ts";
import { type SettingsSource, type Snapshot, settingsOf } from "./settings-source.ts";

/** On the worker's command line, for people who look at processes. */
export type WorkerStart = Readonly<{ worker: number }>;

/** The settings to run under, and the ports that another worker was given for listeners at port 0. */
export type WorkerSettings = Readonly<{
  source: SettingsSource;
  snapshot: Snapshot;
  ports: Readonly<Record<string, number>>;
  /** Nobody else of this relay listens yet: make sure that nobody at all does. */
  first: boolean;
}>;

export type Listening = Readonly<{ listeners: readonly OpenListener[] }>;

const stopGraceMs = 20_000;
/** Without a supervisor: a new one may be waiting for the queue. */
const orphanGraceMs = 3_000;
const gaugeEveryMs = 1_000;

/** Serves the process channel until the worker is stopped. */
export function runWorker({ worker }: WorkerStart): void {
  // The supervisor decides when to stop: a terminal's signals reach the whole group.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  let opening: Promise<OpenWorker> | undefined;
  let stopping: Promise<void> | undefined;

  const open = (settings: WorkerSettings): Promise<OpenWorker> => {
    opening ??= openWorker(worker, settings);
    return opening;
  };
  const opened = (): Promise<OpenWorker> => opening ?? Promise.reject(new Error("not open yet"));
  const stop = (graceMs: number): Promise<void> => {
    stopping ??= opened().then(
      (running) => running.stop(graceMs),
      () => undefined,
    );
    return stopping;
  };
  const methods: Methods = {
    open: async (params): Promise<Listening> => ({ listeners: (await open(params as WorkerSettings)).relay.listeners }),
    stop: () => stop(stopGraceMs),
  };
  process.on("message", async (message) => {
    if (!isRequest(message)) return;
    const { method } = message;
    const run = Object.hasOwn(methods, method) ? methods : ((await opening?.catch(() => undefined))?.methods ?? {});
    await send(await answer(message, run));
    // Sockets of attempts that the grace did not suffice for must not keep the process.
    if (method === "stop") process.exit(0);
  });
  process.on("disconnect", () => void stop(orphanGraceMs).finally(() => process.exit(0)));
  // Gone before we could listen.
  if (!process.connected) process.exit(0);
}

type OpenWorker = Readonly<{ relay: Relay; methods: Methods; stop(graceMs: number): Promise<void> }>;

async function openWorker(worker: number, { source, snapshot, ports, first }: WorkerSettings): Promise<OpenWorker> {
  const settings = settingsOf(source, snapshot);
  const log = createHumanLog({ level: settings.log.level, format: settings.log.format, name: `worker ${worker}` });
  const metrics = createMetrics();
  const observers: Observer[] = [log.observe, metrics.observe];
  const observe = (event: LetterlockEvent): void => {
    for (const one of observers) one(event);
  };
  const opened = Promise.withResolvers<Queue>();
  const logs = await openLogs(logDefinitions(settings), {
    worker,
    workers: settings.workers,
    dataDirectory: settings.dataDirectory,
    hostname: settings.hostname,
    clock: systemClock,
    observe,
    onDone: (ids) => void opened.promise.then((queue) => queue.markProjected(ids)),
  });
  observers.push((event) => logs.observe(event));
  const relay = await startRelay({
    settings,
    worker,
    ports: new Map(Object.entries(ports)),
    first,
    observe,
    clock: systemClock,
    random: Math.random,
    beforeStoreCloses: async () => await logs[Symbol.asyncDispose](),
  });
  opened.resolve(relay.queue);
  await replayRecords(relay.queue, logs);
  const gauges = watchGauges(relay, logs, metrics);
  const methods: Methods = {
    ...relay.methods,
    reload: async (params): Promise<Listening> => {
      const next = params as WorkerSettings;
      const after = settingsOf(next.source, next.snapshot);
      await relay.reload(after, { ports: new Map(Object.entries(next.ports)), first: next.first });
      // Where records go is set at the start.
      void logs.replace(logDefinitions({ records: settings.records, logs: after.logs }));
      return { listeners: relay.listeners };
    },
    reopen: () => logs.reopen(),
    metrics: () => metrics.snapshot(),
    state: () => relay.state(),
  };
  return {
    relay,
    methods,
    async stop(graceMs) {
      clearInterval(gauges);
      await relay.stop(graceMs);
      await log.close();
    },
  };
}

/** Resolves when it has left. A supervisor that is gone is told nothing: `disconnect` stops the worker. */
function send(message: Response): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

function watchGauges(relay: Relay, logs: Logs, metrics: ReturnType<typeof createMetrics>): NodeJS.Timeout {
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  return setInterval(() => {
    metrics.setEventLoopLag(lag.percentile(99) / 1e9);
    lag.reset();
    metrics.setState(relay.state());
    metrics.setLogLines(logs.counts());
    relay.queue.counts().then(metrics.setQueueCounts, () => undefined);
  }, gaugeEveryMs);
}
