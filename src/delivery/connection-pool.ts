/**
 * Open connections waiting for their next message. One is only ever found under the same key: address, port, source
 * address and the identity of the decision it was made under; the caller judges it again for its own message (PO-9).
 *
 * Promises: a connection that its peer closed is never handed out; nothing stays idle longer than `idleMs`.
 */
import type { Clock, Timer } from "../mail/clock.ts";
import type { SmtpConnection } from "../smtp/client/sender.ts";

type Idle = { readonly key: string; readonly connection: SmtpConnection; since: number };

export class ConnectionPool {
  readonly #byKey = new Map<string, Idle[]>();
  readonly #watched = new WeakSet<SmtpConnection>();
  readonly #clock: Clock;
  readonly #idleMs: () => number;
  #idleCount = 0;
  #sweep: Timer | undefined;
  #idleListener: () => void = () => undefined;

  constructor(clock: Clock, idleMs: () => number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  get idleCount(): number {
    return this.#idleCount;
  }

  /** Called whenever a connection goes idle: from then on `evictOne` can make room. */
  onIdle(listener: () => void): void {
    this.#idleListener = listener;
  }

  /** The connection used last under this key, or `undefined`. */
  take(key: string): SmtpConnection | undefined {
    const idle = this.#byKey.get(key);
    for (let entry = idle?.pop(); entry !== undefined; entry = idle?.pop()) {
      this.#idleCount -= 1;
      if (idle?.length === 0) this.#byKey.delete(key);
      if (entry.connection.reusable) return entry.connection;
      entry.connection.quit();
    }
    return undefined;
  }

  give(key: string, connection: SmtpConnection): void {
    if (!connection.reusable || this.#idleMs() === 0) {
      connection.quit();
      return;
    }
    if (!this.#watched.has(connection)) {
      this.#watched.add(connection);
      connection.onClose(() => this.#forget(key, connection));
    }
    const entry: Idle = { key, connection, since: this.#clock.now() };
    const idle = this.#byKey.get(key);
    if (idle === undefined) this.#byKey.set(key, [entry]);
    else idle.push(entry);
    this.#idleCount += 1;
    this.#sweep ??= this.#clock.after(Math.max(100, this.#idleMs() / 2), () => this.#closeOld());
    this.#idleListener();
  }

  /** Closes the one that has waited longest; false when none is idle. */
  evictOne(): boolean {
    let oldest: Idle | undefined;
    for (const idle of this.#byKey.values()) {
      const first = idle[0];
      if (first !== undefined && (oldest === undefined || first.since < oldest.since)) oldest = first;
    }
    if (oldest === undefined) return false;
    this.#forget(oldest.key, oldest.connection);
    oldest.connection.quit();
    return true;
  }

  closeAll(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const idle of this.#byKey.values()) for (const { connection } of idle) connection.quit();
    this.#byKey.clear();
    this.#idleCount = 0;
  }

  #forget(key: string, connection: SmtpConnection): void {
    const idle = this.#byKey.get(key);
    const at = idle?.findIndex((entry) => entry.connection === connection) ?? -1;
    if (idle === undefined || at < 0) return;
    idle.splice(at, 1);
    this.#idleCount -= 1;
    if (idle.length === 0) this.#byKey.delete(key);
  }

  #closeOld(): void {
    this.#sweep = undefined;
    const limit = this.#clock.now() - this.#idleMs();
    for (const idle of [...this.#byKey.values()]) {
      for (const { key, connection, since } of [...idle]) {
        if (since > limit) continue;
        this.#forget(key, connection);
        connection.quit();
      }
    }
    if (this.#idleCount > 0) {
      this.#sweep = this.#clock.after(Math.max(100, this.#idleMs() / 2), () => this.#closeOld());
    }
  }
}
