/**
 * One end of a connection: says lines, hears replies, and changes to TLS.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as startTls, type TLSSocket } from "node:tls";

export type ClientCertificate = Readonly<{ cert: string; key: string }>;

/** A reply; `lines` are without their code. `closed`: the connection ended instead. */
export type Heard =
  | Readonly<{ kind: "reply"; code: number; lines: readonly string[] }>
  | Readonly<{ kind: "handshake"; protocol: string; serverKey: string }>
  | Readonly<{ kind: "closed" }>;

/** A server that says nothing for so long never will. */
const patienceMs = 8000;

export class Voice {
  readonly #certificate: ClientCertificate | undefined;
  readonly #ciphers: string | undefined;
  #socket: Socket;
  #unread = "";
  #ended = false;
  #wake = Promise.withResolvers<void>();

  constructor(socket: Socket, certificate: ClientCertificate | undefined, ciphers: string | undefined) {
    this.#socket = socket;
    this.#certificate = certificate;
    this.#ciphers = ciphers;
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
    const limits = this.#ciphers === undefined ? {} : { ciphers: this.#ciphers, maxVersion: "TLSv1.2" as const };
    const secure: TLSSocket = startTls({ socket: plain, rejectUnauthorized: false, ...limits, ...this.#certificate });
    this.#socket = secure;
    this.#unread = "";
    const done = await new Promise<boolean>((resolve) => {
      secure.on("error", () => secure.destroy());
      secure.once("secureConnect", () => resolve(true)).once("close", () => resolve(false));
    });
    if (!done) return { kind: "closed" };
    this.#attach(secure);
    const { asn1Curve } = secure.getPeerCertificate();
    return {
      kind: "handshake",
      protocol: secure.getProtocol() ?? "",
      serverKey: asn1Curve === undefined ? "rsa" : "ec",
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
    socket.on("close", () => {
      this.#ended = true;
      wake();
    });
  }
}
