/**
 * A relay worker process: one relay, commanded by its supervisor over the process channel. Reads the configuration
 * itself, so that a restart needs nothing but its number.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "../mail/clock.ts";
import type { LetterlockEvent, Observer } from "../observe/events.ts";
import type { Queue } from "../queue/queue.ts";
import { createHumanLog } from "../record/human-log.ts";
import { openRecordWriter, type RecordWriter } from "../record/jsonl-writer.ts";
import { createMetrics } from "../record/metrics.ts";
import { answer, isRequest, type Methods, type Response } from "./ipc.ts";
import { type OpenListener, type Relay, startRelay } from "./relay.ts";
import { readSettings, type SettingsSource } from "./settings-source.ts";

export type WorkerStart = Readonly<{
  worker: number;
  source: SettingsSource;
  /** Ports that an earlier worker was given for listeners at port 0. */
  ports: Readonly<Record<string, number>>;
}>;

/** What a worker tells unasked. */
export type WorkerMessage =
  | Readonly<{ kind: "ready"; listeners: readonly OpenListener[] }>
  | Readonly<{ kind: "failed"; error: string }>;

const stopGraceMs = 20_000;
const gaugeEveryMs = 1_000;
const replayBatch = 1_000;

export async function runWorker(start: WorkerStart): Promise<void> {
  try {
    await openWorker(start);
  } catch (error) {
    tell({ kind: "failed", error: error instanceof Error ? error.message : String(error) });
  }
}

async function openWorker({ worker, source, ports }: WorkerStart): Promise<void> {
  const { settings } = readSettings(source);
  if (settings === undefined) throw new Error("the configuration has errors");
  const log = createHumanLog({ level: settings.log.level, format: settings.log.format, name: `worker ${worker}` });
  const metrics = createMetrics();
  const observers: Observer[] = [log.observe, metrics.observe];
  const observe = (event: LetterlockEvent): void => {
    for (const one of observers) one(event);
  };
  const { file, maxBytes, keepFiles } = settings.records;
  let relay: Relay | undefined;
  const onWritten = (ids: readonly string[]): void => relay?.queue.markProjected(ids);
  const records = await openRecordWriter({ file, maxBytes, keepFiles, clock: systemClock, observe, onWritten });
  observers.push((event) => {
    if (event.kind === "attempt") records.write(event.record);
  });

  const running = await startRelay({
    settings,
    worker,
    ports: new Map(Object.entries(ports)),
    observe,
    clock: systemClock,
    random: Math.random,
  });
  relay = running;
  await replayRecords(running.queue, records);
  const gauges = watchGauges(running, metrics);

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      clearInterval(gauges);
      await running.stop(stopGraceMs);
      await records[Symbol.asyncDispose]();
      await log.close();
      // After the answer to `stop` has gone out.
      setImmediate(() => {
        if (process.connected) process.disconnect();
      });
    })();
    return stopping;
  };
  const methods: Methods = {
    ...running.methods,
    reload: async () => {
      const next = readSettings(source);
      if (next.settings === undefined) throw new Error("the configuration has errors");
      await running.reload(next.settings);
    },
    reopen: () => records.reopen(),
    metrics: () => metrics.snapshot(),
    state: () => running.state(),
    stop,
  };
  process.on("message", (message) => {
    if (isRequest(message)) void answer(message, methods).then(send);
  });
  process.on("disconnect", () => void stop());
  // The supervisor decides when to stop: a terminal's signals reach the whole group.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
  process.on("SIGHUP", () => undefined);
  process.on("SIGUSR1", () => undefined);
  tell({ kind: "ready", listeners: running.listeners });
}

/** Records whose lines a crash may have swallowed, before anything new is written. */
async function replayRecords(queue: Queue, records: RecordWriter): Promise<void> {
  for (;;) {
    const missing = await queue.unprojected(replayBatch);
    for (const record of missing) records.write(record);
    if ((await records.flush()) > 0 || missing.length < replayBatch) return;
  }
}

function tell(message: WorkerMessage): void {
  send(message);
}

/** A supervisor that is gone is told nothing: `disconnect` stops the worker. */
function send(message: WorkerMessage | Response): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

function watchGauges(relay: Relay, metrics: ReturnType<typeof createMetrics>): NodeJS.Timeout {
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  return setInterval(() => {
    metrics.setEventLoopLag(lag.percentile(99) / 1e9);
    lag.reset();
    metrics.setState(relay.state());
    relay.queue.counts().then(metrics.setQueueCounts, () => undefined);
  }, gaugeEveryMs);
}
