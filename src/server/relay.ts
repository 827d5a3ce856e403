/**
 * One relay: listeners, queue shard, deliveries. A worker process holds one; `demo` and tests hold one in their own
 * process. Builds every part once and connects them; owns no rules.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type AdmissionRules, admissionRules, createAdmission } from "../admission/admission.ts";
import { readAuthSecret } from "../admission/auth-secret.ts";
import { createAuthenticator } from "../admission/authenticator.ts";
import type { ListenerSettings, Settings } from "../config/settings.ts";
import { acceptMail } from "../delivery/accept-mail.ts";
import { attemptDelivery } from "../delivery/attempt.ts";
import { headersWanted } from "../delivery/choose-binding.ts";
import { Conductor } from "../delivery/conductor.ts";
import { ConnectionPool } from "../delivery/connection-pool.ts";
import { createNoticeMaker } from "../delivery/notices.ts";
import { createOpener } from "../delivery/open-limit.ts";
import { createClientNames } from "../dns/client-name.ts";
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
import { ConnectionCounts } from "../smtp/server/connection-counts.ts";
import type { Receiver, ReceiverOptions } from "../smtp/server/receiver.ts";
import { startReceiver } from "../smtp/server/start-receiver.ts";
import { DiskWatch } from "./disk-watch.ts";
import { assertFree, cannotListen, type WantedPort } from "./free-port.ts";
import type { Methods } from "./ipc.ts";
import { createIdMaker } from "./message-id.ts";
import { queueMethods } from "./queue-methods.ts";

/** What a worker knows of the others when it opens listeners. */
export type PortKnowledge = Readonly<{
  /** Ports that another worker was given for listeners at port 0. */
  ports?: ReadonlyMap<string, number>;
  /** No other worker listens yet on what is new: make sure that nobody at all does. */
  first?: boolean;
}>;

export type RelayOptions = PortKnowledge &
  Readonly<{
    settings: Settings;
    /** From 0: names the queue shard. */
    worker: number;
    observe: Observer;
    clock: Clock;
    random: () => number;
  }>;

type OpenReceiver = Readonly<{
  receiver: Receiver;
  identity: string;
  address: IpAddress;
  /** As far as our own configuration says. */
  tls: "implicit" | "starttls" | "none";
}>;

export type OpenListener = Readonly<{ name: string; address: string; port: number; tls: string }>;

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

/** What follows from the settings, made anew at each reload. */
type Derived = Readonly<{
  settings: Settings;
  policy: Policy;
  transport: TransportTable;
  resolver: ReturnType<typeof createStubResolver>;
  clientName: ReturnType<typeof createClientNames>;
  admission: AdmissionRules;
}>;

/** A client waits for its greeting at most so long because DNS is silent about its name. */
const maxNameWaitMs = 5_000;

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
  const disk = new DiskWatch(dataDirectory, clock, settings().limits.minFreeDiskBytes);
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
    policy: () => now.policy,
    attempt: (job) => attemptDelivery(job, attemptTools),
    notices: createNoticeMaker({ settings, newId, observe }),
    observe,
    clock,
    random,
  });
  const admission = createAdmission(() => now.admission, clock, observe);
  const authenticator = createAuthenticator({
    users: () => settings().users,
    policy: () => now.admission.policy,
    settings: () => settings().auth,
    clock,
    secret: readAuthSecret(dataDirectory),
    observe,
  });
  const { accepted } = admission;
  const acceptTools = { queue, conductor, settings, observe, clock, turns: new Map(), accepted };
  const receiverOptions = (listener: ListenerSettings, opened: Settings): ReceiverOptions => ({
    listener: listener.name,
    hostname: opened.hostname,
    implicitTls: listener.implicitTls,
    clientName: (client) => (settings().clientNames ? now.clientName(client) : undefined),
    conduct: admission.conduct,
    startSasl: authenticator.startSasl,
    maxAuthFailures: opened.auth.maxFailuresPerSession,
    limits: opened.limits,
    timeouts: opened.timeouts,
    bareNewline: listener.bareNewline,
    headersWanted: ({ listener: name, clientAddress: client, localAddress, localPort, login }) =>
      headersWanted({ listener: name, client, localAddress, localPort, user: login?.user }, settings()),
    spoolDirectory,
    newId,
    checkClient: () => undefined,
    checkSender: (session, sender) => disk.refusal() ?? admission.checkSender(session, sender),
    checkRecipient: admission.checkRecipient,
    onRefusal: admission.onRefusal,
    accept: (mail) => acceptMail(mail, acceptTools),
  });
  let receivers = new Map<string, OpenReceiver>();
  /** Listeners that a reload closed, as long as they have sessions. */
  const retired = new Set<Receiver>();
  const counts = new ConnectionCounts();

  /** Those of `next`: open ones that stay as they are, and new ones. Rejects with all new ones closed again. */
  async function openReceivers(
    next: Settings,
    { ports, first = false }: PortKnowledge,
  ): Promise<Map<string, OpenReceiver>> {
    const found = new Map<string, OpenReceiver>();
    await using opened = new AsyncDisposableStack();
    for (const listener of next.listeners) {
      const { name, address } = listener;
      const identity = listenerIdentity(listener, next);
      const open = receivers.get(name);
      if (open?.identity === identity) {
        found.set(name, open);
        continue;
      }
      const port = listener.port === 0 ? (open?.receiver.port ?? ports?.get(name) ?? 0) : listener.port;
      const isOurs = [...receivers.values()].some((one) => one.address === address && one.receiver.port === port);
      const wanted = { ...whose(listener), address, port };
      if (first && port !== 0 && !isOurs) await assertFree(wanted);
      const receiver = await startReceiver(
        { ...receiverOptions(listener, next), address, port, reusePort: true },
        { observe, clock, counts },
      ).catch((error: unknown) => {
        throw cannotListen(wanted, error);
      });
      opened.defer(() => receiver.stop(0));
      found.set(name, { receiver, address, identity, tls: tlsOf(listener) });
    }
    opened.move();
    return found;
  }

  /** What has no place among `next` takes no new session and goes with its last; what is new is reported. */
  function replaceReceivers(next: Map<string, OpenReceiver>, graceMs: number): void {
    const before = new Set(receivers.values());
    const kept = new Set(next.values());
    for (const open of before) {
      if (kept.has(open)) continue;
      const { receiver } = open;
      retired.add(receiver);
      void receiver.stop(graceMs).finally(() => retired.delete(receiver));
    }
    receivers = next;
    for (const [listener, open] of next) {
      if (before.has(open)) continue;
      const { address, port } = open.receiver;
      observe({ kind: "listening", listener, address, port, tls: open.tls });
    }
    ourselves = knowOurselves(settings(), receivers.values());
  }

  async function close(): Promise<void> {
    pool.closeAll();
    disk.stop();
    await now.resolver[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
  }

  try {
    replaceReceivers(await openReceivers(settings(), options), 0);
  } catch (error) {
    await close();
    throw error;
  }
  conductor.wake();

  const relay: Relay = {
    get listeners() {
      return [...receivers].map(([name, { receiver, tls }]) => {
        return { name, address: receiver.address, port: receiver.port, tls };
      });
    },
    queue,
    methods: queueMethods(queue, conductor, clock),
    async reload(next, knowledge = {}) {
      const opened = await openReceivers(next, knowledge);
      const before = now;
      now = derive(next, clock, before);
      replaceReceivers(opened, next.timeouts.sessionMs);
      pool.closeAll();
      if (now.resolver !== before.resolver) await before.resolver[Symbol.asyncDispose]();
      conductor.wake();
    },
    state: () => ({
      sessions: [...receivers.values()].reduce((sum, { receiver }) => sum + receiver.sessions, 0),
      active: conductor.activeMessages,
      idleConnections: pool.idleCount,
    }),
    async stop(graceMs) {
      const startedAt = performance.now();
      const open = [...retired, ...[...receivers.values()].map(({ receiver }) => receiver)];
      receivers = new Map();
      await Promise.all(open.map((receiver) => receiver.stop(graceMs)));
      await conductor.stop(Math.max(0, graceMs - (performance.now() - startedAt)));
      await close();
    },
    [Symbol.asyncDispose]: () => relay.stop(1_000),
  };
  return relay;
}

/** A resolver whose settings stay keeps its cache and its open questions. */
function derive(settings: Settings, clock: Clock, before: Derived | undefined): Derived {
  return {
    settings,
    policy: createPolicy(settings.policySources),
    transport: createTransportTable(settings.transports, settings.routing),
    admission: admissionRules(settings),
    ...(isDeepStrictEqual(settings.dns, before?.settings.dns) && before !== undefined
      ? { resolver: before.resolver, clientName: before.clientName }
      : askDns(settings, clock)),
  };
}

function askDns({ dns }: Settings, clock: Clock): Pick<Derived, "resolver" | "clientName"> {
  const resolver = createStubResolver({ ...dns, clock });
  const timeoutMs = Math.min(maxNameWaitMs, dns.overallMs);
  return { resolver, clientName: createClientNames({ resolver, timeoutMs, clock }) };
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

/** By name; one of another mail server's configuration with its line. */
function whose({ name, from }: ListenerSettings): Pick<WantedPort, "listener" | "isTheirs"> {
  const isTheirs = from.source !== "letterlock";
  return { listener: isTheirs ? `${name} of ${from.file ?? from.source}:${from.line ?? 1}` : name, isTheirs };
}

function tlsOf({ implicitTls, rule }: ListenerSettings): OpenReceiver["tls"] {
  if (implicitTls) return "implicit";
  return rule.starttls?.value === "never" ? "none" : "starttls";
}

/** A listener is restarted only when what it was opened with has changed; what it offers is asked for at each session. */
function listenerIdentity(
  { rule: _, from: __, ...listener }: ListenerSettings,
  { limits, timeouts, hostname, auth }: Settings,
): string {
  return JSON.stringify([listener, limits, timeouts, hostname, auth]);
}
