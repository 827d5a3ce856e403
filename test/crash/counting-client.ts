/**
 * Clients that send mail and remember what the relay took responsibility for: ids whose final dot was answered 250.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export class CountingClient {
  /** Ids answered 250. */
  readonly acknowledged = new Set<string>();
  /** Replies other than 250 to MAIL or to the final dot, by code. */
  readonly refusals = new Map<number, number>();
  readonly #filler: string;
  readonly #onChange: () => void;
  #next = 0;

  /** @param onChange called after each acknowledgement and each refusal */
  constructor(options: Readonly<{ sizeBytes: number; onChange: () => void }>) {
    this.#filler = `${"x".repeat(70)}\r\n`.repeat(Math.ceil(options.sizeBytes / 72));
    this.#onChange = options.onChange;
  }

  /** Sends over that many connections, again and again, until nobody listens any more or `enough()`. */
  async send(port: number, connections: number, enough: () => boolean = () => false): Promise<void> {
    await Promise.all(Array.from({ length: connections }, () => this.#sendUntilRefused(port, enough)));
  }

  async #sendUntilRefused(port: number, enough: () => boolean): Promise<void> {
    while (!enough()) {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      try {
        await once(socket, "connect");
      } catch {
        return; // nobody listens: the whole relay is gone
      }
      await this.#session(socket, enough);
    }
  }

  async #session(socket: Socket, enough: () => boolean): Promise<void> {
    const replies = new Replies(socket);
    try {
      await replies.next();
      socket.write("EHLO client.example.org\r\n");
      await replies.next();
      for (let sent = 0; sent < 10 && !enough(); sent++) await this.#message(socket, replies);
      socket.end("QUIT\r\n");
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    } finally {
      socket.destroy();
    }
  }

  async #message(socket: Socket, replies: Replies): Promise<void> {
    const id = `m${this.#next++}`;
    socket.write("MAIL FROM:<sender@example.org>\r\n");
    const mail = await replies.next();
    if (mail !== 250) return this.#refused(mail);
    socket.write("RCPT TO:<someone@example.net>\r\nDATA\r\n");
    await replies.next();
    await replies.next();
    socket.write(`From: sender@example.org\r\nX-Crash-Id: ${id}\r\n\r\n${this.#filler}.\r\n`);
    const end = await replies.next();
    if (end !== 250) return this.#refused(end);
    this.acknowledged.add(id);
    this.#onChange();
  }

  #refused(code: number): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    this.#onChange();
  }
}

class ConnectionLost extends Error {}

/** The codes of whole replies, in order. */
class Replies {
  readonly #codes: number[] = [];
  #rest = "";
  #closed = false;
  #wake = (): void => undefined;

  constructor(socket: Socket) {
    socket.on("error", () => undefined); // the other end is being killed
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
    socket.setEncoding("latin1").on("data", (part: string) => {
      const lines = (this.#rest + part).split("\r\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) if (line[3] !== "-") this.#codes.push(Number(line.slice(0, 3)));
      this.#wake();
    });
  }

  async next(): Promise<number> {
    for (;;) {
      const code = this.#codes.shift();
      if (code !== undefined) return code;
      if (this.#closed) throw new ConnectionLost();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
