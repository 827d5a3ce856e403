/**
 * The listeners of one relay, and what a reload makes of them.
 *
 * Promises: one that is to stay as it is goes on listening; what is new is opened before anything is closed, and where it
 * cannot be, all is as before; a listener that is closed takes no new session and goes with its last.
 */
import type { ListenerSettings, Settings } from "../config/settings.ts";
import type { IpAddress } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import type { Observer } from "../observe/events.ts";
import { ConnectionCounts } from "../smtp/server/connection-counts.ts";
import type { Receiver, ReceiverOptions } from "../smtp/server/receiver.ts";
import { startReceiver } from "../smtp/server/start-receiver.ts";
import { assertFree, cannotListen, type WantedPort } from "./free-port.ts";

/** What a worker knows of the others when it opens listeners. */
export type PortKnowledge = Readonly<{
  /** Ports that another worker was given for listeners at port 0. */
  ports?: ReadonlyMap<string, number>;
  /** No other worker listens yet on what is new: make sure that nobody at all does. */
  first?: boolean;
}>;

export type OpenListener = Readonly<{ name: string; address: string; port: number; tls: string }>;

export type ListenerTools = Readonly<{
  receiverOptions: (listener: ListenerSettings, settings: Settings) => ReceiverOptions;
  observe: Observer;
  clock: Clock;
}>;

type OpenReceiver = Readonly<{
  receiver: Receiver;
  identity: string;
  /** As settings say. */
  address: IpAddress;
  /** As far as our own configuration says. */
  tls: "implicit" | "starttls" | "none";
}>;

/** Open, and not in use yet. */
export type OpenedListeners = ReadonlyMap<string, OpenReceiver>;

export class Listeners {
  readonly #tools: ListenerTools;
  readonly #counts = new ConnectionCounts();
  #current: OpenedListeners = new Map();
  /** Those that a reload closed, as long as they have sessions. */
  readonly #retired = new Set<Receiver>();

  constructor(tools: ListenerTools) {
    this.#tools = tools;
  }

  get list(): readonly OpenListener[] {
    return [...this.#current].map(
      ([
        name,
        {
          receiver: { address, port },
          tls,
        },
      ]) => ({ name, address, port, tls }),
    );
  }

  get sessions(): number {
    return [...this.#current.values()].reduce((sum, { receiver }) => sum + receiver.sessions, 0);
  }

  /** Addresses as settings say, ports as they are. */
  get endpoints(): readonly Readonly<{ address: IpAddress; port: number }>[] {
    return [...this.#current.values()].map(({ address, receiver: { port } }) => ({ address, port }));
  }

  /** Those of `next`: open ones that stay as they are, and new ones. Rejects with all new ones closed again. */
  async open(next: Settings, knowledge: PortKnowledge): Promise<OpenedListeners> {
    const found = new Map<string, OpenReceiver>();
    await using opened = new AsyncDisposableStack();
    for (const listener of next.listeners) {
      const identity = listenerIdentity(listener, next);
      const before = this.#current.get(listener.name);
      if (before?.identity === identity) {
        found.set(listener.name, before);
        continue;
      }
      const receiver = await this.#openOne(listener, next, knowledge);
      opened.defer(() => receiver.stop(0));
      found.set(listener.name, { receiver, address: listener.address, identity, tls: tlsOf(listener) });
    }
    opened.move();
    return found;
  }

  async #openOne(listener: ListenerSettings, next: Settings, knowledge: PortKnowledge): Promise<Receiver> {
    const { name, address } = listener;
    const { ports, first = false } = knowledge;
    const { receiverOptions, observe, clock } = this.#tools;
    const given = this.#current.get(name)?.receiver.port ?? ports?.get(name) ?? 0;
    const port = listener.port === 0 ? given : listener.port;
    const isOurs = this.endpoints.some((one) => one.address === address && one.port === port);
    const wanted = { ...whose(listener), address, port };
    if (first && port !== 0 && !isOurs) await assertFree(wanted);
    const options = { ...receiverOptions(listener, next), address, port, reusePort: true };
    return await startReceiver(options, { observe, clock, counts: this.#counts }).catch((error: unknown) => {
      throw cannotListen(wanted, error);
    });
  }

  /** What has no place among `next` takes no new session and goes with its last; what is new is reported. */
  replace(next: OpenedListeners, graceMs: number): void {
    const before = new Set(this.#current.values());
    const kept = new Set(next.values());
    for (const open of before) {
      if (kept.has(open)) continue;
      const { receiver } = open;
      this.#retired.add(receiver);
      void receiver.stop(graceMs).finally(() => this.#retired.delete(receiver));
    }
    this.#current = next;
    for (const [listener, open] of next) {
      if (before.has(open)) continue;
      const { address, port } = open.receiver;
      this.#tools.observe({ kind: "listening", listener, address, port, tls: open.tls });
    }
  }

  async stop(graceMs: number): Promise<void> {
    const open = [...this.#retired, ...[...this.#current.values()].map(({ receiver }) => receiver)];
    this.#current = new Map();
    await Promise.all(open.map((receiver) => receiver.stop(graceMs)));
  }
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
  return JSON.stringify([listener, limits, timeouts, hostname, auth.maxFailuresPerSession]);
}
