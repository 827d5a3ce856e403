/**
 * A clock that stands still until a test moves it.
 */
import type { Clock } from "../../src/mail/clock.ts";

type Pending = { readonly at: number; readonly run: () => void };

export class HandClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  readonly #pending = new Set<Pending>();
  /** Every wait that was asked for, in ms. */
  readonly waits: number[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): { cancel(): void } {
    this.waits.push(ms);
    const pending = { at: this.#now + ms, run };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Runs what falls due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#pending].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}
