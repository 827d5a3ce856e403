/**
 * Syslog over UDP, one message in a datagram (RFC 5426). Nobody acknowledges: only a host that says it has no such port
 * is noticed, with the message after the one that was lost.
 */
import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { SyslogTransport } from "./syslog.ts";

export class UdpTransport implements SyslogTransport {
  readonly #server: Readonly<{ host: string; port: number }>;
  #socket: Socket | undefined;
  /** Told by the network after a message was sent. */
  #error: Error | undefined;

  constructor(server: Readonly<{ host: string; port: number }>) {
    this.#server = server;
  }

  async open(): Promise<void> {
    if (this.#socket !== undefined) return;
    const { address, family } = await lookup(this.#server.host);
    const socket = createSocket(family === 6 ? "udp6" : "udp4");
    const connected = Promise.withResolvers<void>();
    socket.on("error", (error) => {
      this.#error = error;
      connected.reject(error);
    });
    socket.connect(this.#server.port, address, connected.resolve);
    try {
      await connected.promise;
    } catch (cause) {
      socket.close();
      throw cause;
    }
    this.#error = undefined;
    this.#socket = socket;
  }

  async send(messages: readonly string[]): Promise<number> {
    let sent = 0;
    for (const message of messages) {
      const error = (await this.#sendOne(message)) ?? this.#error;
      this.#error = undefined;
      if (error !== undefined && sent === 0) throw error;
      if (error !== undefined) return sent;
      sent += 1;
    }
    return sent;
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #sendOne(message: string): Promise<Error | undefined> {
    return new Promise((resolve) => {
      if (this.#socket === undefined) resolve(new Error("not open"));
      else this.#socket.send(message, (error) => resolve(error ?? undefined));
    });
  }
}
