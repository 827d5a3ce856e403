/**
 * Syslog over a datagram socket of this machine (`/dev/log`), which Node itself cannot open: `datagram-calls.ts` does,
 * writing to it is Node's. It never waits: a daemon that takes nothing is asked again a little later.
 */
import { closeSync, writeSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import type { Clock } from "../../mail/clock.ts";
import { datagramCalls } from "./datagram-calls.ts";
import { pause } from "./slow-reader.ts";
import type { SyslogTransport } from "./syslog.ts";

/** Linux: AF_UNIX, and SOCK_DGRAM with SOCK_NONBLOCK and SOCK_CLOEXEC. */
const family = 1;
const kind = 2 | 0o4000 | 0o2000000;
const pathBytes = 108;

/** The queue of such a socket may be ten messages long: a quick daemon empties it at once, a stuck one is asked ever later. */
const firstPauseMs = 1;
const longestPauseMs = 50;
const patienceMs = 5_000;

export class SocketTransport implements SyslogTransport {
  readonly #path: string;
  readonly #clock: Clock;
  #fd: number | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async open(): Promise<void> {
    if (this.#fd !== undefined) return;
    const { socket, connect, errno } = await datagramCalls();
    const address = socketAddress(this.#path);
    const fd = socket(family, kind, 0);
    if (fd < 0) throw new Error(systemError(errno()));
    if (connect(fd, address, address.length) === 0) {
      this.#fd = fd;
      return;
    }
    const problem = systemError(errno());
    closeSync(fd);
    throw new Error(problem);
  }

  async send(messages: readonly string[]): Promise<number> {
    let waitedMs = 0;
    let pauseMs = firstPauseMs;
    let sent = 0;
    while (sent < messages.length) {
      if (this.#fd === undefined) throw new Error("not open");
      if (this.#take(this.#fd, messages[sent] ?? "")) sent += 1;
      else if (sent > 0) return sent;
      else {
        if (waitedMs >= patienceMs) throw new Error("its reader takes nothing");
        await pause(pauseMs, this.#clock);
        waitedMs += pauseMs;
        pauseMs = Math.min(longestPauseMs, pauseMs * 2);
      }
    }
    return sent;
  }

  async close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  /** @returns false while the socket is full */
  #take(fd: number, message: string): boolean {
    try {
      writeSync(fd, message);
      return true;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "EAGAIN" || code === "ENOBUFS") return false;
      throw cause;
    }
  }
}

/** `struct sockaddr_un`, the path ended by a zero. */
function socketAddress(path: string): Buffer {
  const bytes = Buffer.from(path, "utf8");
  if (bytes.length >= pathBytes) throw new Error(`the path of a socket has at most ${pathBytes - 1} bytes`);
  const address = Buffer.alloc(2 + pathBytes);
  Buffer.from(Uint16Array.of(family).buffer).copy(address);
  bytes.copy(address, 2);
  return address;
}

function systemError(errno: number): string {
  const [name, words] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, ""];
  return words === "" ? name : `${name}: ${words}`;
}
