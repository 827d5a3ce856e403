/**
 * A client that is all ears: says lines, hears whole replies, changes to TLS, and takes whatever comes of it for a fact.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { type ConnectionOptions, connect as startTls, type TLSSocket } from "node:tls";

export type ClientCertificate = Readonly<{ cert: string; key: string }>;

/** A reply; `lines` are without their code. `closed`: the connection ended instead. `serverName`: of the certificate. */
export type Heard =
  | Readonly<{ kind: "reply"; code: number; lines: readonly string[] }>
  | Readonly<{ kind: "handshake"; protocol: string; serverKey: string; serverName: string }>
  | Readonly<{ kind: "closed" }>;

/** A server that says nothing for so long never will. */
const patienceMs = 20_000;

export class Voice {
  readonly #tls: ConnectionOptions;
  #socket: Socket;
  #unread = "";
  #ended = false;
  #wake = Promise.withResolvers<void>();

  /** @param tls how it shakes hands: with a certificate, say */
  constructor(socket: Socket, tls: ConnectionOptions = {}) {
    this.#socket = socket;
    this.#tls = tls;
    this.#attach(socket);
  }

  say(octets: string): void {
    this.#socket.write(octets, "latin1");
  }

  async hear(): Promise<Heard> {
    const deadline = AbortSignal.timeout(patienceMs);
    const late = once(deadline, "abort");
    for (;;) {
      const match = /^(?:(\d{3})-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r\n/.exec(this.#unread);
      if (match !== null) {
        this.#unread = this.#unread.slice(match[0].length);
        const lines = match[0].split("\r\n").slice(0, -1);
        return { kind: "reply", code: Number(match[2]), lines: lines.map((line) => line.slice(4)) };
      }
      if (this.#ended) return { kind: "closed" };
      if (deadline.aborted) throw new Error(`no reply, only ${JSON.stringify(this.#unread)}`);
      await Promise.race([this.#wake.promise, late]);
    }
  }

  async handshake(): Promise<Heard> {
    const plain = this.#socket;
    plain.removeAllListeners("data").removeAllListeners("close");
    const secure: TLSSocket = startTls({ socket: plain, rejectUnauthorized: false, ...this.#tls });
    this.#socket = secure;
    this.#unread = "";
    const done = await new Promise<boolean>((resolve) => {
      secure.on("error", () => secure.destroy());
      secure.once("secureConnect", () => resolve(true)).once("close", () => resolve(false));
    });
    if (!done) return { kind: "closed" };
    this.#attach(secure);
    const { asn1Curve, subject } = secure.getPeerCertificate();
    const name = subject?.CN;
    return {
      kind: "handshake",
      protocol: secure.getProtocol() ?? "",
      serverKey: asn1Curve === undefined ? "rsa" : "ec",
      serverName: typeof name === "string" ? name : "",
    };
  }

  end(): void {
    this.#socket.destroy();
  }

  #attach(socket: Socket): void {
    const wake = (): void => {
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    };
    socket.on("data", (bytes: Buffer) => {
      this.#unread += bytes.toString("latin1");
      wake();
    });
    socket.on("error", () => undefined); // its end follows
    socket.on("close", () => {
      this.#ended = true;
      wake();
    });
  }
}
