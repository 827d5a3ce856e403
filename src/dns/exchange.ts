/**
 * One question to one server, once: what both transports take and give.
 */
import type { Clock } from "../mail/clock.ts";
import type { DnsMessage } from "./message.ts";
import type { DnsServer, Query } from "./query.ts";

/** `failed`: this server cannot be talked to or breaks the format. `cancelled`: `signal` fired. */
export type Exchange =
  | Readonly<{ kind: "message"; message: DnsMessage }>
  | Readonly<{ kind: "failed"; error: string }>
  | Readonly<{ kind: "timeout" }>
  | Readonly<{ kind: "cancelled" }>;

export type ExchangeOptions = Readonly<{
  server: DnsServer;
  query: Query;
  timeoutMs: number;
  clock: Clock;
  signal: AbortSignal;
}>;

/**
 * A promise that is settled once, by an answer, the clock or the signal, whichever comes first; then `close` runs.
 */
export function settleOnce(
  { timeoutMs, clock, signal }: Pick<ExchangeOptions, "timeoutMs" | "clock" | "signal">,
  close: () => void,
): Readonly<{ result: Promise<Exchange>; settle: (exchange: Exchange) => void }> {
  const { promise, resolve } = Promise.withResolvers<Exchange>();
  let open = true;
  const settle = (exchange: Exchange): void => {
    if (!open) return;
    open = false;
    timer.cancel();
    signal.removeEventListener("abort", cancel);
    close();
    resolve(exchange);
  };
  const cancel = (): void => settle({ kind: "cancelled" });
  const timer = clock.after(timeoutMs, () => settle({ kind: "timeout" }));
  signal.addEventListener("abort", cancel, { once: true });
  return { result: promise, settle };
}
