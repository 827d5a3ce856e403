/**
 * Chance that can be repeated: the same seed draws the same situations. `LETTERLOCK_DIFFERENTIAL_SEED=random` explores,
 * a number repeats what a run before it printed.
 */
import { randomInt } from "node:crypto";

export const seed = chosenSeed(process.env.LETTERLOCK_DIFFERENTIAL_SEED ?? "20261122");

function chosenSeed(wanted: string): number {
  return wanted === "random" ? randomInt(2 ** 31) : Number(wanted);
}

export class Random {
  #state: number;

  constructor(start: number) {
    this.#state = start >>> 0;
  }

  /** A whole number from 0 up to but without the limit (mulberry32). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.below(choices.length)];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  }

  /** True once in so many times. */
  once(every: number): boolean {
    return this.below(every) === 0;
  }

  /** So many of them, each at most once, in a random order. */
  some<T>(choices: readonly T[], count: number): T[] {
    const left = [...choices];
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.below(left.length), 1)).flat();
  }
}
