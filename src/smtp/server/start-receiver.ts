/**
 * Opens a listener: takes connections within the caps, gives each a `Session`, and keeps their deadlines with one
 * timer for all of them.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { IpAddress } from "../../mail/address.ts";
import type { Clock, Timer } from "../../mail/clock.ts";
import { parseIp } from "../../mail/ip.ts";
import { formatReply, type Reply } from "../../mail/reply.ts";
import type { Observer } from "../../observe/events.ts";
import { ServerContexts, type ServerHandshake } from "../../tls/server-context.ts";
import type { ServerTlsProfile } from "../../tls/server-tls.ts";
import { formatReplyLines, withStatus } from "../reply-wire.ts";
import { ConnectionCounts } from "./connection-counts.ts";
import type { Receiver, ReceiverOptions, ReceiverTimeouts } from "./receiver.ts";
import { replies } from "./replies.ts";
import { Session } from "./session.ts";

export type ListenOptions = Readonly<{
  address: string;
  /** 0: the system chooses. */
  port: number;
  /** Several workers listen on the same port, the kernel spreads connections. */
  reusePort: boolean;
}>;

/** `counts` may be shared by several listeners, so that the caps hold for all of them together. */
export type ReceiverTools = Readonly<{ observe: Observer; clock: Clock; counts?: ConnectionCounts }>;

/** Deadlines are looked at so often: late by at most this, or by half of a shorter time-out. */
const MAX_SWEEP_MS = 1000;
const BACKLOG = 1024;

/** Rejects when the address cannot be bound (in use, not ours, no permission). */
export async function startReceiver(options: ReceiverOptions & ListenOptions, tools: ReceiverTools): Promise<Receiver> {
  const listener = new Listener(options, tools);
  await listener.open();
  return listener;
}

class Listener implements Receiver {
  readonly #options: ReceiverOptions & ListenOptions;
  readonly #observe: Observer;
  readonly #clock: Clock;
  readonly #counts: ConnectionCounts;
  readonly #contexts: ServerContexts;
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  readonly #sweepMs: number;
  #sweep: Timer | undefined;
  #whenEmpty: (() => void) | undefined;
  address = "";
  port = 0;

  constructor(options: ReceiverOptions & ListenOptions, { observe, clock, counts }: ReceiverTools) {
    this.#options = options;
    this.#observe = observe;
    this.#clock = clock;
    this.#counts = counts ?? new ConnectionCounts();
    this.#contexts = new ServerContexts(options.listener, clock);
    this.#sweepMs = sweepInterval(options.timeouts);
    // Half-open, so that a client that sends all and closes its side still reads every reply.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#connected(socket));
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  async open(): Promise<void> {
    const { address: host, port, reusePort } = this.#options;
    // `[::]` is IPv6 alone: an IPv4 client would come from ::ffff:192.0.2.1, which no network of the settings names.
    this.#server.listen({ host, port, reusePort, ipv6Only: true, backlog: BACKLOG });
    await once(this.#server, "listening");
    this.#server.on("error", (error) => this.#trouble("listening", error));
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") throw new Error("not a TCP listener");
    this.address = bound.address;
    this.port = bound.port;
  }

  async stop(graceMs: number): Promise<void> {
    this.#server.close();
    for (const session of [...this.#sessions]) session.stop();
    if (this.#sessions.size === 0) return;
    const cut = this.#clock.after(graceMs, () => {
      for (const session of [...this.#sessions]) session.destroy("shutting down");
    });
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    cut.cancel();
  }

  #connected(socket: Socket): void {
    socket.on("error", () => undefined); // until a session listens
    const clientAddress = parseIp((socket.remoteAddress ?? "").replace(/%.*$/, ""));
    if (clientAddress === undefined) {
      socket.destroy(); // gone already
      return;
    }
    const refusal = this.#refusal(clientAddress);
    if (refusal === undefined) this.#admit(socket, clientAddress);
    else this.#turnAway(socket, clientAddress, refusal);
  }

  /** Counts the connection, or says why it may not be. */
  #refusal(client: IpAddress): Reply | undefined {
    const refusal = this.#options.checkClient(client);
    if (refusal !== undefined) return withStatus(refusal);
    const full = this.#counts.enter(client, this.#options.limits);
    if (full === undefined) return undefined;
    return full === "all" ? replies.tooManyConnections : replies.tooManyFromAddress;
  }

  #admit(socket: Socket, clientAddress: IpAddress): void {
    const peer = {
      clientAddress,
      clientPort: socket.remotePort ?? 0,
      localAddress: parseIp((socket.localAddress ?? "").replace(/%.*$/, "")),
      localPort: socket.localPort ?? 0,
    };
    const session = new Session(socket, peer, this.#options, {
      observe: this.#observe,
      clock: this.#clock,
      handshake: ({ profile }) => this.#handshake(profile),
      onEnd: (ended) => this.#left(ended),
    });
    this.#sessions.add(session);
    this.#sweep ??= this.#clock.after(this.#sweepMs, this.#checkDeadlines);
    session.begin();
  }

  #left(session: Session): void {
    if (!this.#sessions.delete(session)) return;
    this.#counts.leave(session.peer.clientAddress);
    if (this.#sessions.size === 0) this.#whenEmpty?.();
  }

  /** One line in clear where the client expects one; inside implicit TLS it could not read it. */
  #turnAway(socket: Socket, client: IpAddress, reply: Reply): void {
    const { listener, implicitTls } = this.#options;
    this.#observe({ kind: "connection-refused", listener, client, reason: formatReply(reply) });
    if (implicitTls) socket.destroy();
    else socket.end(formatReplyLines(reply), "latin1", () => socket.destroy());
  }

  readonly #checkDeadlines = (): void => {
    const now = this.#clock.now();
    for (const session of this.#sessions) session.checkDeadline(now);
    this.#sweep = this.#sessions.size === 0 ? undefined : this.#clock.after(this.#sweepMs, this.#checkDeadlines);
  };

  /** A profile that OpenSSL refuses is as good as none: 454, and someone is told. */
  #handshake(profile: ServerTlsProfile | undefined): ServerHandshake | undefined {
    if (profile === undefined) return undefined;
    try {
      return this.#contexts.handshakeFor(profile);
    } catch (error) {
      this.#trouble("loading the certificate", error);
      return undefined;
    }
  }

  #trouble(where: string, error: unknown): void {
    this.#observe({ kind: "trouble", where: `${this.#options.listener}: ${where}`, error: String(error) });
  }
}

function sweepInterval(timeouts: ReceiverTimeouts): number {
  return Math.min(MAX_SWEEP_MS, ...Object.values(timeouts).map((ms) => Math.max(1, Math.floor(ms / 2))));
}
