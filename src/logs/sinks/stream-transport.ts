/**
 * Syslog over TCP with octet counting (RFC 6587 §3.4.1), or over TLS (RFC 5425): the server's certificate must
 * lead to a CA that counts and carry its name. What the system took and the server never read is lost when it goes.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { SyslogServer } from "../../mail/log-definition.ts";
import type { TargetTools } from "./line-target.ts";
import type { SyslogTransport } from "./syslog.ts";

type StreamServer = Readonly<{ kind: "tcp"; host: string; port: number }> | Extract<SyslogServer, { kind: "tls" }>;

const connectMs = 10_000;
/** A server that takes nothing for so long is left. */
const writeMs = 30_000;
const keepAliveMs = 30_000;

export class StreamTransport implements SyslogTransport {
  readonly #server: StreamServer;
  readonly #tools: TargetTools;
  #socket: Socket | undefined;

  constructor(server: StreamServer, tools: TargetTools) {
    this.#server = server;
    this.#tools = tools;
  }

  async open(): Promise<void> {
    if (this.#socket !== undefined && !this.#socket.destroyed) return;
    const socket = this.#connect();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.on(this.#server.kind === "tls" ? "secureConnect" : "connect", resolve);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed by the server")));
    // It says nothing of use; its end is that of the connection.
    socket.on("end", () => socket.destroy());
    socket.resume();
    await this.#within(connectMs, "no connection", socket, promise);
    this.#socket = socket;
  }

  async send(messages: readonly string[]): Promise<number> {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) throw new Error("the server closed the connection");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.write(messages.map(counted).join(""), (error) => (error ? reject(error) : resolve()));
    await this.#within(writeMs, "it takes nothing", socket, promise);
    return messages.length;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined || socket.destroyed) return;
    const ended = Promise.withResolvers<void>();
    const timer = this.#tools.clock.after(1_000, ended.resolve);
    socket.once("close", ended.resolve);
    socket.end();
    await ended.promise;
    timer.cancel();
    socket.destroy();
  }

  #connect(): Socket {
    const server = this.#server;
    const { host, port } = server;
    if (server.kind === "tcp") return connectTcp({ host, port, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
    const { authorities } = server;
    const socket = connectTls({
      host,
      port,
      minVersion: "TLSv1.2",
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(authorities === undefined ? {} : { ca: authorities }),
    });
    return socket.setKeepAlive(true, keepAliveMs);
  }

  async #within(ms: number, why: string, socket: Socket, work: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#tools.clock.after(ms, () => late.reject(new Error(`${why} within ${ms / 1000} s`)));
    try {
      await Promise.race([work, late.promise]);
    } catch (cause) {
      socket.destroy();
      throw cause;
    } finally {
      timer.cancel();
    }
  }
}

function counted(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}
