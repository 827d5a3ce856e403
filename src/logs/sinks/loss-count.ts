/**
 * How many lines of a log nobody will see there: told with the first, then once a minute while it goes on.
 */
import type { Clock } from "../../mail/clock.ts";
import type { Observer } from "../../observe/events.ts";

const tellEveryMs = 60_000;

export class LossCount {
  readonly #options: Readonly<{ log: string; clock: Clock; observe: Observer }>;
  #lost = 0;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: Readonly<{ log: string; clock: Clock; observe: Observer }>) {
    this.#options = options;
  }

  add(lines: number): void {
    this.#lost += lines;
    this.#untold += lines;
    if (this.#untold > 0 && this.#options.clock.now() - this.#toldAt >= tellEveryMs) this.tell();
  }

  tell(): void {
    if (this.#untold === 0) return;
    const lines = this.#untold;
    this.#untold = 0;
    this.#toldAt = this.#options.clock.now();
    this.#options.observe({ kind: "log-lines-lost", log: this.#options.log, lines });
  }

  /** @returns all that were lost since the last end */
  end(): number {
    this.tell();
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }
}
