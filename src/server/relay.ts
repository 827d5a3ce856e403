/**
 * One relay: listeners, queue shard, deliveries. A worker process holds one; `demo` and tests hold one in their own
 * process. Builds every part once and connects them; owns no rules.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { readAuthSecret } from "../admission/auth-secret.ts";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../mail/clock.ts";
import type { Observer } from "../observe/events.ts";
import type { Queue } from "../queue/queue.ts";
import { openSqliteQueue } from "../queue/sqlite/sqlite-queue.ts";
import type { Ourselves } from "../route/choose-hosts.ts";
import { describeOurselves, machineAddresses } from "../route/ourselves.ts";
import { DiskWatch } from "./disk-watch.ts";
import { putInForce } from "./in-force.ts";
import { createInbound } from "./inbound.ts";
import type { Methods } from "./ipc.ts";
import { Listeners, type OpenedListeners, type OpenListener, type PortKnowledge } from "./listeners.ts";
import { createIdMaker } from "./message-id.ts";
import { createOutbound } from "./outbound.ts";
import { queueMethods } from "./queue-methods.ts";

export type RelayOptions = PortKnowledge &
  Readonly<{
    settings: Settings;
    /** From 0: names the queue shard. */
    worker: number;
    observe: Observer;
    clock: Clock;
    random: () => number;
    /** When it stops: no attempt begins any more, and the store is still open for what is marked as projected. */
    beforeStoreCloses?: () => Promise<void>;
  }>;

export interface Relay extends AsyncDisposable {
  readonly listeners: readonly OpenListener[];
  readonly queue: Queue;
  readonly methods: Methods;
  /**
   * Takes over checked settings without dropping a session; workers, data folder and what bounds the store need a
   * restart. Rejects when a listener cannot be opened: then everything is as before.
   */
  reload(settings: Settings, knowledge?: PortKnowledge): Promise<void>;
  state(): Readonly<{ sessions: number; active: number; idleConnections: number }>;
  /** Stops accepting, lets sessions and deliveries under way end, `graceMs` in all; closes the store. */
  stop(graceMs: number): Promise<void>;
}

export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { worker, observe, clock, random, settings: first } = options;
  const { dataDirectory, limits } = first;
  const spoolDirectory = path.join(dataDirectory, "spool", String(worker));
  mkdirSync(spoolDirectory, { recursive: true, mode: 0o700 });
  let now = putInForce(first, clock, undefined);
  let ourselves = knowOurselves(first, { endpoints: [] });
  const queue = await openQueue(options, spoolDirectory);
  const disk = new DiskWatch(dataDirectory, clock, limits.minFreeDiskBytes);
  const newId = createIdMaker(worker, clock.now, random);
  const parts = { now: () => now, queue, spoolDirectory, newId, observe, clock, random };
  const { conductor, pool } = createOutbound(parts, () => ourselves);
  const authSecret = readAuthSecret(dataDirectory);
  const receiverOptions = createInbound({ ...parts, conductor, disk, authSecret });
  const listeners = new Listeners({ receiverOptions, observe, clock });

  function replaceListeners(next: OpenedListeners, graceMs: number): void {
    listeners.replace(next, graceMs);
    ourselves = knowOurselves(now.settings, listeners);
  }

  async function close(): Promise<void> {
    pool.closeAll();
    disk.stop();
    await now.resolver[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
  }

  try {
    replaceListeners(await listeners.open(first, options), 0);
  } catch (error) {
    await close();
    throw error;
  }
  conductor.wake();

  const relay: Relay = {
    get listeners() {
      return listeners.list;
    },
    queue,
    methods: queueMethods(queue, conductor, clock),
    async reload(next, knowledge = {}) {
      const opened = await listeners.open(next, knowledge);
      const before = now;
      now = putInForce(next, clock, before);
      replaceListeners(opened, next.timeouts.sessionMs);
      pool.closeAll();
      if (now.resolver !== before.resolver) await before.resolver[Symbol.asyncDispose]();
      conductor.wake();
    },
    state: () => ({
      sessions: listeners.sessions,
      active: conductor.activeMessages,
      idleConnections: pool.idleCount,
    }),
    async stop(graceMs) {
      const startedAt = performance.now();
      await listeners.stop(graceMs);
      await conductor.stop(Math.max(0, graceMs - (performance.now() - startedAt)));
      await options.beforeStoreCloses?.();
      await close();
    },
    [Symbol.asyncDispose]: () => relay.stop(1_000),
  };
  return relay;
}

function openQueue(
  { worker, settings, observe, clock }: RelayOptions,
  spoolDirectory: string,
): ReturnType<typeof openSqliteQueue> {
  const { dataDirectory, records, limits } = settings;
  return openSqliteQueue({
    file: path.join(dataDirectory, `queue-${worker}.sqlite`),
    spoolDirectory,
    clock,
    historyMs: records.historyMs,
    onCommit: (operations, seconds) => observe({ kind: "commit", operations, seconds }),
    onTrouble: (error) => observe({ kind: "store-trouble", error }),
    onRecovered: (trying) => observe({ kind: "recovered", worker, trying }),
    maxBodyBytes: limits.maxQueueBytes,
    minFreeDiskBytes: limits.minFreeDiskBytes,
  });
}

/** By every name and address that is ours. */
function knowOurselves(
  { hostname, bindings }: Settings,
  { endpoints }: Readonly<{ endpoints: Listeners["endpoints"] }>,
): Ourselves {
  const names = [hostname, ...[...bindings.values()].map(({ ehlo }) => ehlo)];
  return describeOurselves(names, endpoints, machineAddresses());
}
