/**
 * A mail host that remembers what it took: how often it said 250 to each `X-Crash-Id`.
 */
import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export class RecordingSink {
  /** Id to number of times taken. */
  readonly taken = new Map<string, number>();
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #changed = new EventEmitter();
  #closed = false;
  #silent = false;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async listen(): Promise<RecordingSink> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RecordingSink(server);
  }

  get duplicates(): number {
    return [...this.taken.values()].reduce((sum, times) => sum + times - 1, 0);
  }

  /** From now on: 451 to everything (`true`), or business as usual. */
  refuse(refuses: boolean): void {
    this.#closed = refuses;
  }

  /** From now on: no greeting. */
  holdBack(): void {
    this.#silent = true;
  }

  /** Ends the connections that wait for their greeting; the next ones get it. */
  letGo(): void {
    this.#silent = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves when all these ids are here; rejects with what is missing when none arrived for `quietMs`. */
  async waitFor(ids: Iterable<string>, quietMs: number): Promise<void> {
    const wanted = [...ids];
    for (;;) {
      const missing = wanted.filter((id) => !this.taken.has(id));
      if (missing.length === 0) return;
      try {
        await once(this.#changed, "taken", { signal: AbortSignal.timeout(quietMs) });
      } catch (cause) {
        throw new Error(`${missing.length} of ${wanted.length} never came: ${missing.slice(0, 5)}`, { cause });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined); // the relay is being killed all the time
    if (this.#silent) return;
    socket.write("220 sink.example.net ESMTP\r\n");
    let data = "";
    let inMessage = false;
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      data += part;
      let answers = "";
      for (;;) {
        const end = inMessage ? data.indexOf("\r\n.\r\n") : data.indexOf("\r\n");
        if (end < 0) break;
        const text = data.slice(0, end);
        data = data.slice(end + (inMessage ? 5 : 2));
        const answer = inMessage ? this.#take(text) : this.#command(text);
        inMessage = !inMessage && answer.startsWith("354");
        answers += `${answer}\r\n`;
      }
      if (answers !== "") socket.write(answers);
    });
  }

  #command(line: string): string {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") return "250-sink.example.net\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000";
    if (this.#closed) return "451 4.3.0 Not now";
    return verb === "DATA" ? "354 Go" : "250 2.0.0 Ok";
  }

  #take(message: string): string {
    const id = /^X-Crash-Id: (\S+)/m.exec(message)?.[1] ?? "none";
    this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
    this.#changed.emit("taken");
    return "250 2.0.0 Ok";
  }
}
