/**
 * The socket of a session, in clear and then in TLS: its events, and replies on their way out.
 * A client that does not read its replies is not read either.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Reply } from "../../mail/reply.ts";
import { acceptTls, type ServerHandshake } from "../../tls/server-context.ts";
import { formatReplyLines } from "../reply-wire.ts";

export type SocketEvents = Readonly<{
  data: (bytes: Buffer) => void;
  end: () => void;
  error: (error: Error) => void;
  close: () => void;
  drain: () => void;
}>;

export class ClientSocket {
  readonly #events: SocketEvents;
  #socket: Socket;
  #output = "";

  constructor(socket: Socket, events: SocketEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  get raw(): Socket {
    return this.#socket;
  }

  /** Its end is seen; what the client sends stays in it. */
  watch(): void {
    this.#socket.on("error", this.#events.error);
    this.#socket.on("close", this.#events.close);
  }

  unwatch(): void {
    this.#socket.off("error", this.#events.error);
    this.#socket.off("close", this.#events.close);
  }

  attach(): void {
    this.watch();
    this.#socket.on("data", this.#events.data);
    this.#socket.on("end", this.#events.end);
    this.#socket.on("drain", this.#events.drain);
  }

  #detach(): void {
    this.unwatch();
    this.#socket.off("data", this.#events.data);
    this.#socket.off("end", this.#events.end);
    this.#socket.off("drain", this.#events.drain);
  }

  /** From here on everything goes through TLS. */
  startTls(handshake: ServerHandshake): TLSSocket {
    const plain = this.#socket;
    this.#detach();
    plain.on("error", () => undefined); // the TLS socket reports it
    const secure = acceptTls(plain, handshake);
    this.#socket = secure;
    this.attach();
    return secure;
  }

  /** Goes out with the next `write`. */
  say(reply: Reply): void {
    this.#output += formatReplyLines(reply);
  }

  /** @param line with its end */
  sayLine(line: string): void {
    this.#output += line;
  }

  unsay(): void {
    this.#output = "";
  }

  write(): void {
    if (this.#output === "") return;
    const text = this.#output;
    this.#output = "";
    if (!this.#socket.write(text, "latin1")) this.#socket.pause();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get isBehind(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Nothing is said any more; it is read on, to see the client's end. */
  hangUp(): void {
    if (!this.#socket.writableEnded) this.#socket.end();
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
