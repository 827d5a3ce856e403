/**
 * A syslog server as the target of a log: a socket of this machine, UDP, TCP or TLS. A server that is away is asked again
 * after a second, then after twice as long each time, up to half a minute.
 * Not here: how a message looks (`syslog-message.ts`), how octets travel (`*-transport.ts`).
 */
import { assertNever } from "../../mail/assert-never.ts";
import type { SyslogServer } from "../../mail/log-definition.ts";
import type { LineTarget, TargetTools } from "./line-target.ts";
import { SocketTransport } from "./socket-transport.ts";
import { StreamTransport } from "./stream-transport.ts";
import { UdpTransport } from "./udp-transport.ts";

export interface SyslogTransport {
  /** Does nothing where it is open. */
  open(): Promise<void>;
  /** @returns how many were taken; rejects when none was */
  send(messages: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

const firstRetryMs = 1_000;
const longestRetryMs = 30_000;

export class Syslog implements LineTarget {
  /** Of a datagram each costs a system call on the event loop: a batch stays under a millisecond. */
  readonly batchSize = 64 * 1024;
  readonly #transport: SyslogTransport;

  constructor(server: SyslogServer, tools: TargetTools) {
    this.#transport = createTransport(server, tools);
  }

  open(): Promise<void> {
    return this.#transport.open();
  }

  async append(messages: readonly string[]): Promise<number> {
    try {
      return await this.#transport.send(messages);
    } catch (cause) {
      await this.#transport.close();
      throw cause;
    }
  }

  retryMs(failures: number): number {
    return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 10));
  }

  /** The name is looked up anew. */
  reopen(): Promise<void> {
    return this.#transport.close();
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

function createTransport(server: SyslogServer, tools: TargetTools): SyslogTransport {
  switch (server.kind) {
    case "socket":
      return new SocketTransport(server.path, tools.clock);
    case "udp":
      return new UdpTransport(server);
    case "tcp":
      return new StreamTransport({ kind: "tcp", host: server.host, port: server.port }, tools);
    case "tls":
      return new StreamTransport(server, tools);
    default:
      return assertNever(server);
  }
}
