/**
 * A TCP connection, or why there is none.
 */
import { connect, type Socket } from "node:net";
import type { Clock } from "../../mail/clock.ts";
import type { OpenOptions } from "./sender.ts";

export type DialResult =
  | Readonly<{ kind: "connected"; socket: Socket }>
  | Readonly<{ kind: "failed"; code: string; text: string }>;

export function dial(
  { address, port, localAddress, timeouts }: OpenOptions,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<DialResult> {
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const settle = (result: DialResult): void => {
      timer.cancel();
      signal?.removeEventListener("abort", stop);
      socket.removeListener("error", fail);
      if (result.kind === "failed") {
        socket.on("error", () => undefined);
        socket.destroy();
      }
      resolve(result);
    };
    const fail = (error: NodeJS.ErrnoException): void =>
      settle({ kind: "failed", code: error.code ?? "UNKNOWN", text: sentences[error.code ?? ""] ?? error.message });
    const stop = (): void => settle({ kind: "failed", code: "ABORTED", text: "stopped while connecting" });
    const timer = clock.after(timeouts.connectMs, () =>
      settle({ kind: "failed", code: "TIMEOUT", text: "timed out while connecting" }),
    );
    socket.on("error", fail);
    socket.once("connect", () => settle({ kind: "connected", socket }));
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });
}

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "the network is unreachable",
  ETIMEDOUT: "timed out while connecting",
  EADDRNOTAVAIL: "the source address is not one of this machine's",
  EADDRINUSE: "no free port at the source address",
  EINVAL: "the source address is of the other IP family",
};
