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
import type { HeadersWanted } from "../smtp/server/header-section.ts";
import type { ReceiverOptions } from "../smtp/server/receiver.ts";
import { DiskWatch } from "./disk-watch.ts";
import type { Methods } from "./ipc.ts";
import { Listeners, type OpenedListeners, type OpenListener, type PortKnowledge } from "./listeners.ts";
import { createIdMaker } from "./message-id.ts";
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

/** What follows from the settings, made anew at each reload. */
type Derived = Readonly<{
  settings: Settings;
  policy: Policy;
  transport: TransportTable;
  resolver: ReturnType<typeof createStubResolver>;
  clientName: ReturnType<typeof createClientNames>;
  admission: AdmissionRules;
  /** Header fields that some log prints: seen at acceptance, told by every record of the message. */
  printedHeaders: ReadonlySet<string>;
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
  let ourselves = knowOurselves(options.settings, { endpoints: [] });
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
    newId,
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
  const printedHeaders = (): ReadonlySet<string> => now.printedHeaders;
  const acceptTools = { queue, conductor, settings, observe, clock, turns: new Map(), accepted, printedHeaders };
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
      alsoPrinted(
        headersWanted({ listener: name, client, localAddress, localPort, user: login?.user }, settings()),
        now.printedHeaders,
      ),
    spoolDirectory,
    newId,
    checkClient: () => undefined,
    checkSender: (session, sender) => disk.refusal() ?? admission.checkSender(session, sender),
    checkRecipient: admission.checkRecipient,
    onRefusal: admission.onRefusal,
    accept: (mail) => acceptMail(mail, acceptTools),
  });
  const listeners = new Listeners({ receiverOptions, observe, clock });

  function replaceListeners(next: OpenedListeners, graceMs: number): void {
    listeners.replace(next, graceMs);
    ourselves = knowOurselves(settings(), listeners);
  }

  async function close(): Promise<void> {
    pool.closeAll();
    disk.stop();
    await now.resolver[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
  }

  try {
    replaceListeners(await listeners.open(settings(), options), 0);
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
      now = derive(next, clock, before);
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

/** A resolver whose settings stay keeps its cache and its open questions. */
function derive(settings: Settings, clock: Clock, before: Derived | undefined): Derived {
  return {
    settings,
    policy: createPolicy(settings.policySources),
    transport: createTransportTable(settings.transports, settings.routing),
    admission: admissionRules(settings),
    printedHeaders: new Set(settings.logs.flatMap(({ headers }) => headers)),
    ...(isDeepStrictEqual(settings.dns, before?.settings.dns) && before !== undefined
      ? { resolver: before.resolver, clientName: before.clientName }
      : askDns(settings, clock)),
  };
}

/** Fields that a log prints stay in the message, unless they are there to choose a binding only. */
function alsoPrinted(wanted: HeadersWanted, printed: ReadonlySet<string>): HeadersWanted {
  if (printed.size === 0) return wanted;
  return new Map([...[...printed].map((name) => [name, "keep"] as const), ...wanted]);
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
function knowOurselves(
  { hostname, bindings }: Settings,
  { endpoints }: Readonly<{ endpoints: Listeners["endpoints"] }>,
): Ourselves {
  const names = [hostname, ...[...bindings.values()].map(({ ehlo }) => ehlo)];
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
