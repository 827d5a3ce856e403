/**
 * A client for tests that says exactly the octets it is told to, and reads lines.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { rootPem } from "./receiver-lab.ts";

export class TestClient implements Disposable {
  #socket: Socket;
  #received = "";
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(port: number, host = "127.0.0.1") {
    this.#socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.#listen();
  }

  #listen(): void {
    const stop = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    this.#socket.on("data", (bytes: Buffer) => {
      this.#received += bytes.toString("latin1");
      this.#wake?.();
    });
    this.#socket.on("end", stop);
    this.#socket.on("error", stop);
    this.#socket.on("close", stop);
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** One write; resolves when the kernel has it. */
  async send(octets: string | Buffer): Promise<void> {
    const bytes = typeof octets === "string" ? Buffer.from(octets, "latin1") : octets;
    await new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  /** Each octet in a write of its own. */
  async drip(octets: string): Promise<void> {
    for (const octet of octets) {
      await this.send(octet);
      await new Promise(setImmediate);
    }
  }

  /** The next line without CR LF; undefined at the end of the connection. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 2);
        return line;
      }
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  /** One reply, all its lines. */
  async reply(): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) throw new Error(`connection ended after ${JSON.stringify(lines)}`);
      lines.push(line);
      if (line[3] !== "-") return lines.join("\n");
    }
  }

  /** Sends one command line and reads its reply. */
  async say(line: string): Promise<string> {
    await this.send(`${line}\r\n`);
    return await this.reply();
  }

  /** Whatever still comes, until the server closes. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#more();
    const rest = this.#received;
    this.#received = "";
    return rest;
  }

  /** The handshake on this connection, after the reply to STARTTLS or at once. */
  async startTls(options: ConnectionOptions = {}): Promise<TLSSocket> {
    this.#socket.removeAllListeners();
    const secure = connectTls({
      socket: this.#socket,
      ca: [rootPem],
      servername: "mx.example.org",
      ...options,
    });
    this.#socket = secure;
    await once(secure, "secureConnect");
    this.#listen();
    return secure;
  }

  end(): void {
    this.#socket.end();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}
