/**
 * One timer per connection, moved for every command at the price of storing a number: the timer runs on, and when it
 * fires too early it is set again for the rest. Only a wait that ends sooner than the running timer needs a new one.
 */
import type { Clock, Timer } from "../../mail/clock.ts";

export class Deadline {
  readonly #clock: Clock;
  readonly #expire: () => void;
  #expiresAt = Number.POSITIVE_INFINITY;
  #totalAt = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, expire: () => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** The limit over all that follows, until the next call: no single wait goes past it. */
  limitTotal(ms: number): void {
    this.#totalAt = this.#clock.now() + ms;
  }

  /** The wait that begins now may last this long. */
  arm(ms: number): void {
    const now = this.#clock.now();
    this.#expiresAt = Math.min(now + ms, this.#totalAt);
    if (this.#expiresAt < this.#firesAt) this.#start(now);
  }

  /** Nothing is awaited. A running timer is left to find that out. */
  disarm(): void {
    this.#expiresAt = Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.disarm();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #start(now: number): void {
    this.#timer?.cancel();
    this.#firesAt = this.#expiresAt;
    this.#timer = this.#clock.after(Math.max(0, this.#expiresAt - now), () => this.#fired());
  }

  #fired(): void {
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    if (now >= this.#expiresAt) this.#expire();
    else if (this.#expiresAt !== Number.POSITIVE_INFINITY) this.#start(now);
  }
}
