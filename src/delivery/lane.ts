/**
 * The jobs of one destination: those that run, those that wait for a connection, and when one that finds the line full
 * may come again.
 *
 * Promise: however much mail there is for a slow destination, it comes out of the queue about as fast as it is taken,
 * not all of it every few seconds.
 */
import type { DeliveryJob } from "./delivery-job.ts";

/** Nobody comes again sooner, nor waits longer for a place. */
const shortestMs = 10_000;
const longestMs = 600_000;

export class Lane {
  /** `binding|nexthop`. */
  readonly key: string;
  readonly waiting: DeliveryJob[] = [];
  running = 0;
  /** Its jobs are being started right now. */
  pumping = false;
  /** How long a job takes, ms: the mean of the last few. */
  #meanMs = 1000;
  #slotAt = 0;

  constructor(key: string) {
    this.key = key;
  }

  /** A job ended after `ms`. */
  took(ms: number): void {
    this.#meanMs += (ms - this.#meanMs) / 8;
  }

  /**
   * When the next job that finds the line full may come again, ms since 1970: one after the other, at twice the pace at
   * which the line moves, so that it does not run empty meanwhile.
   */
  nextSlot(now: number, connections: number): number {
    const pace = this.#meanMs / connections / 2;
    this.#slotAt = Math.min(Math.max(this.#slotAt, now + shortestMs) + pace, now + longestMs);
    return Math.round(this.#slotAt);
  }
}
