/**
 * One relay: listeners, queue shard, deliveries. A worker process holds one; `demo` and tests hold one in their own
 * process. Builds every part once and connects them; owns no rules.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { ListenerSettings, Settings } from "../config/settings.ts";
import { acceptMail } from "../delivery/accept-mail.ts";
import { attemptDelivery } from "../delivery/attempt.ts";
import { Conductor } from "../delivery/conductor.ts";
import { ConnectionPool } from "../delivery/connection-pool.ts";
import { createNoticeMaker } from "../delivery/notices.ts";
import { createOpener } from "../delivery/open-limit.ts";
import { createRelayCheck, type RelayCheck } from "../delivery/relay-check.ts";
import { createStubResolver } from "../dns/stub-resolver.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { Observer } from "../observe/events.ts";
import { createPolicy, type Policy } from "../policy/policy.ts";
import type { Queue } from "../queue/queue.ts";
import { openSqliteQueue } from "../queue/sqlite/sqlite-queue.ts";
import type { Ourselves } from "../route/choose-hosts.ts";
import { findRoute } from "../route/find-route.ts";
import { describeOurselves, machineAddresses } from "../route/ourselves.ts";
import type { Route } from "../route/route.ts";
import { createTransportTable, type TransportTable } from "../route/transport.ts";
import type { Receiver, ReceiverOptions } from "../smtp/server/receiver.ts";
import { startReceiver } from "../smtp/server/start-receiver.ts";
import { DiskWatch } from "./disk-watch.ts";
import type { Methods } from "./ipc.ts";
import { createIdMaker } from "./message-id.ts";
import { queueMethods } from "./queue-methods.ts";

export type RelayOptions = Readonly<{
  settings: Settings;
  /** From 0: names the queue shard. */
  worker: number;
  /** Ports that another worker was given for listeners at port 0. */
  ports?: ReadonlyMap<string, number>;
  observe: Observer;
  clock: Clock;
  random: () => number;
}>;

type OpenReceiver = Readonly<{ receiver: Receiver; identity: string; address: IpAddress }>;

export type OpenListener = Readonly<{ name: string; address: string; port: number; tls: string }>;

export interface Relay extends AsyncDisposable {
  readonly listeners: readonly OpenListener[];
  readonly queue: Queue;
  readonly methods: Methods;
  /** Takes over checked settings without dropping a session; workers and data folder need a restart. */
  reload(settings: Settings): Promise<void>;
  state(): Readonly<{ sessions: number; active: number; idleConnections: number }>;
  /** Stops accepting, lets running deliveries end, closes the store. */
  stop(graceMs: number): Promise<void>;
}

/** What follows from the settings, made anew at each reload. */
type Derived = Readonly<{
  settings: Settings;
  policy: Policy;
  transport: TransportTable;
  resolver: ReturnType<typeof createStubResolver>;
  mayRelay: RelayCheck;
}>;

export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { worker, observe, clock, random } = options;
  const { dataDirectory } = options.settings;
  const spoolDirectory = path.join(dataDirectory, "spool", String(worker));
  mkdirSync(spoolDirectory, { recursive: true, mode: 0o700 });
  let now = derive(options.settings, clock, undefined);
  const settings = (): Settings => now.settings;
  let ourselves = knowOurselves(options.settings, []);
  const newId = createIdMaker(worker, clock.now, random);

  const queue = await openSqliteQueue({
    file: path.join(dataDirectory, `queue-${worker}.sqlite`),
    spoolDirectory,
    clock,
    historyMs: settings().records.historyMs,
    onCommit: (operations, seconds) => observe({ kind: "commit", operations, seconds }),
    onTrouble: (error) => observe({ kind: "store-trouble", error }),
    onRecovered: (trying) => observe({ kind: "recovered", worker, trying }),
    maxBodyBytes: settings().limits.maxQueueBytes,
    minFreeDiskBytes: settings().limits.minFreeDiskBytes,
  });
  const disk = new DiskWatch(dataDirectory, clock, () => settings().limits.minFreeDiskBytes);
  const pool = new ConnectionPool(clock, () => settings().outbound.idleConnectionMs);
  const attemptTools = {
    findRoute: (nexthop: Nexthop) => route(nexthop, ourselves, now, random),
    policy: () => now.policy,
    binding: (name: string) => bindingOf(settings(), name),
    outbound: () => settings().outbound,
    pool,
    open: createOpener({ pool, limit: () => settings().outbound.maxConnections, observe, clock }),
    observe,
    clock,
  };
  const conductor = new Conductor({
    queue,
    settings,
    transport: () => now.transport,
    attempt: (job) => attemptDelivery(job, attemptTools),
    notices: createNoticeMaker({ settings, newId, observe }),
    observe,
    clock,
    random,
  });
  const acceptTools = { queue, conductor, settings, observe, clock };
  const receiverOptions = (listener: ListenerSettings): ReceiverOptions => ({
    listener: listener.name,
    hostname: settings().hostname,
    tlsMode: listener.tls,
    tlsProfile: () => settings().listeners.find(({ name }) => name === listener.name)?.profile,
    requireTls: listener.requireTls,
    limits: settings().limits,
    timeouts: settings().timeouts,
    bareNewline: listener.bareNewline,
    bindingHeader: settings().bindingHeader,
    spoolDirectory,
    newId,
    checkClient: () => undefined,
    checkSender: (_session, _sender) => disk.refusal(),
    checkRecipient: ({ clientAddress }, _sender, recipient) => now.mayRelay(clientAddress, recipient),
    accept: (mail) => acceptMail(mail, acceptTools),
  });
  const receivers = new Map<string, OpenReceiver>();
  const retired: Promise<void>[] = [];

  async function listen(listener: ListenerSettings, port: number): Promise<void> {
    const { address } = listener;
    const receiver = await startReceiver(
      { ...receiverOptions(listener), address, port, reusePort: true },
      { observe, clock },
    );
    receivers.set(listener.name, { receiver, address, identity: listenerIdentity(listener, settings()) });
    ourselves = knowOurselves(settings(), receivers.values());
  }

  async function retire(name: string, graceMs: number): Promise<void> {
    const receiver = receivers.get(name)?.receiver;
    receivers.delete(name);
    await receiver?.stop(graceMs);
  }

  for (const listener of settings().listeners) {
    await listen(listener, listener.port === 0 ? (options.ports?.get(listener.name) ?? 0) : listener.port);
  }
  conductor.wake();

  const relay: Relay = {
    get listeners() {
      return [...receivers].map(([name, { receiver }]) => {
        const tls = settings().listeners.find((listener) => listener.name === name)?.tls ?? "none";
        return { name, address: receiver.address, port: receiver.port, tls };
      });
    },
    queue,
    methods: queueMethods(queue, conductor, clock),
    async reload(next) {
      const before = now;
      now = derive(next, clock, before);
      pool.closeAll();
      if (now.resolver !== before.resolver) await before.resolver[Symbol.asyncDispose]();
      for (const listener of next.listeners) {
        const open = receivers.get(listener.name);
        if (open?.identity === listenerIdentity(listener, next)) continue;
        const port = listener.port === 0 ? (open?.receiver.port ?? 0) : listener.port;
        if (open !== undefined) retired.push(open.receiver.stop(next.timeouts.sessionMs));
        await listen(listener, port);
      }
      const names = new Set(next.listeners.map(({ name }) => name));
      for (const name of [...receivers.keys()])
        if (!names.has(name)) retired.push(retire(name, next.timeouts.sessionMs));
      conductor.wake();
    },
    state: () => ({
      sessions: [...receivers.values()].reduce((sum, { receiver }) => sum + receiver.sessions, 0),
      active: conductor.activeMessages,
      idleConnections: pool.idleCount,
    }),
    async stop(graceMs) {
      await Promise.all([...receivers.keys()].map((name) => retire(name, graceMs)));
      await conductor.stop(graceMs);
      pool.closeAll();
      disk.stop();
      await now.resolver[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: () => relay.stop(1_000),
  };
  return relay;
}

/** A resolver whose settings stay keeps its cache and its open questions. */
function derive(settings: Settings, clock: Clock, before: Derived | undefined): Derived {
  const { dns, relayNetworks, relayDomains, outbound, postmaster } = settings;
  return {
    settings,
    policy: createPolicy([settings.policy]),
    transport: createTransportTable(settings.transports),
    resolver:
      isDeepStrictEqual(dns, before?.settings.dns) && before !== undefined
        ? before.resolver
        : createStubResolver({ ...dns, clock }),
    mayRelay: createRelayCheck(relayNetworks, relayDomains, {
      allowLiterals: outbound.allowAddressLiterals,
      hostname: settings.hostname,
      takesPostmaster: postmaster !== undefined,
    }),
  };
}

function route(
  nexthop: Nexthop,
  ourselves: Ourselves,
  { settings, resolver }: Derived,
  random: () => number,
): Promise<Route> {
  const { ipv4, ipv6, allowAddresses } = settings.outbound;
  return findRoute(nexthop, { ...ourselves, resolver, ipv4, ipv6, allowAddresses, random });
}

/** By every name and address that is ours: an MX that leads here is a loop (MX-9). */
function knowOurselves({ hostname, bindings }: Settings, open: Iterable<OpenReceiver>): Ourselves {
  const names = [hostname, ...[...bindings.values()].map(({ ehlo }) => ehlo)];
  const endpoints = [...open].map(({ address, receiver }) => ({ address, port: receiver.port }));
  return describeOurselves(names, endpoints, machineAddresses());
}

/** A binding that a reload removed: its queued mail leaves under the default one. */
function bindingOf(
  { bindings, defaultBinding }: Settings,
  name: string,
): Settings["bindings"] extends ReadonlyMap<string, infer B> ? B : never {
  const binding = bindings.get(name) ?? bindings.get(defaultBinding);
  if (binding === undefined) throw new Error(`no binding ${defaultBinding}`);
  return binding;
}

/** A listener is restarted only when what it was opened with has changed; certificates are asked for at each session. */
function listenerIdentity(
  { profile: _, ...listener }: ListenerSettings,
  { limits, timeouts, hostname, bindingHeader }: Settings,
): string {
  return JSON.stringify([listener, limits, timeouts, hostname, bindingHeader]);
}
