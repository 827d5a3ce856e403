/**
 * Remembers destinations that could not be reached, so that one dead host does not cost every message a connection
 * attempt (QU-5). A destination is suspended for a growing, jittered time; one success, or the operator, clears it.
 * A first failure suspends nothing: other messages may fare better (a greylisted sender, one refused certificate).
 */
import type { EnhancedStatus } from "../mail/outcome.ts";

export type Suspension = Readonly<{ until: number; status: EnhancedStatus; text: string }>;

type Health = { failures: number; suspension: Suspension | undefined };

const failuresBeforeSuspension = 3;
const firstMs = 60_000;
const longestMs = 30 * 60_000;
const remembered = 50_000;

export class DestinationHealth {
  readonly #byKey = new Map<string, Health>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get isEmpty(): boolean {
    return this.#byKey.size === 0;
  }

  /** The suspension in force at `now`, or `undefined`. */
  suspendedUntil(key: string, now: number): Suspension | undefined {
    if (this.#byKey.size === 0) return undefined;
    const suspension = this.#byKey.get(key)?.suspension;
    return suspension !== undefined && suspension.until > now ? suspension : undefined;
  }

  succeeded(key: string): void {
    if (this.#byKey.size > 0) this.#byKey.delete(key);
  }

  failed(key: string, now: number, status: EnhancedStatus, text: string): void {
    const health = this.#byKey.get(key) ?? { failures: 0, suspension: undefined };
    // Jobs that ran side by side fail together: while suspended, or just before, that is one failure, not many.
    if (health.suspension !== undefined && health.suspension.until > now) return;
    health.failures += 1;
    if (health.failures >= failuresBeforeSuspension) {
      const doublings = health.failures - failuresBeforeSuspension;
      const wait = Math.min(longestMs, firstMs * 2 ** Math.min(doublings, 10)) * (0.8 + 0.4 * this.#random());
      health.suspension = { until: Math.round(now + wait), status, text };
    }
    if (!this.#byKey.has(key) && this.#byKey.size >= remembered) this.#forgetOldest();
    this.#byKey.set(key, health);
  }

  clear(): void {
    this.#byKey.clear();
  }

  #forgetOldest(): void {
    const [oldest] = this.#byKey.keys();
    if (oldest !== undefined) this.#byKey.delete(oldest);
  }
}
