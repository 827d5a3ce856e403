/**
 * Opens outbound connections within the worker's limit: at the limit an idle one makes room, else the caller waits its
 * turn, which comes when a connection ends or goes idle. One that says its farewell counts until it has closed, so for
 * that moment there may be more than the limit. Reports each handshake.
 */
import type { Clock } from "../mail/clock.ts";
import type { Observer } from "../observe/events.ts";
import { openConnection } from "../smtp/client/open-connection.ts";
import type { OpenOptions, OpenResult } from "../smtp/client/sender.ts";
import type { ConnectionPool } from "./connection-pool.ts";

export type OpenerTools = Readonly<{ pool: ConnectionPool; limit: () => number; observe: Observer; clock: Clock }>;

export function createOpener({
  pool,
  limit,
  observe,
  clock,
}: OpenerTools): (options: OpenOptions) => Promise<OpenResult> {
  let open = 0;
  const waiting: (() => void)[] = [];
  pool.onIdle(() => waiting.shift()?.());

  async function takePlace(): Promise<void> {
    while (open >= limit() && !pool.evictOne()) {
      const turn = Promise.withResolvers<void>();
      waiting.push(turn.resolve);
      await turn.promise;
    }
    open += 1;
  }

  function leavePlace(): void {
    open -= 1;
    waiting.shift()?.();
  }

  return async (options) => {
    if (open >= limit()) await takePlace();
    else open += 1;
    const result = await openConnection(options, { clock }).catch((error: unknown) => {
      leavePlace();
      throw error;
    });
    if (result.kind === "open") result.connection.onClose(leavePlace);
    else leavePlace();
    report(options, result, observe);
    return result;
  };
}

function report({ address, handshake }: OpenOptions, result: OpenResult, observe: Observer): void {
  if (result.kind !== "open" && result.kind !== "tls-broken") return;
  const { tls } = result.facts;
  const host = handshake.serverName ?? address;
  if (tls.kind === "done") {
    const { protocol, durationMs } = tls.handshake;
    observe({ kind: "outbound-handshake", host, address, protocol, error: null, durationMs });
  } else if (tls.kind === "failed") {
    observe({
      kind: "outbound-handshake",
      host,
      address,
      protocol: null,
      error: `${tls.code}: ${tls.text}`,
      durationMs: 0,
    });
  }
}
