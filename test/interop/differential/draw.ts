/**
 * Chance with a seed: the same seed draws the same situations on every machine (mulberry32).
 */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, but without, 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(share: number): boolean {
    return this.fraction() < share;
  }

  /** One of them; the list must not be empty. */
  pick<T>(from: readonly T[]): T {
    const at = Math.floor(this.fraction() * from.length);
    if (from.length === 0) throw new Error("nothing to draw from");
    return from[at] as T;
  }

  /** One of them, each as often as its weight says. */
  weighted<T>(from: readonly (readonly [weight: number, value: T])[]): T {
    const total = from.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.fraction() * total;
    for (const [weight, value] of from) {
      left -= weight;
      if (left < 0) return value;
    }
    return this.pick(from)[1];
  }

  shuffled<T>(from: readonly T[]): T[] {
    return from
      .map((value) => ({ value, at: this.fraction() }))
      .sort((one, other) => one.at - other.at)
      .map(({ value }) => value);
  }
}
