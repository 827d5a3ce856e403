/**
 * Figures of many numbered things, in plain arrays: a million of them are counted in a tenth of a second and leave no
 * garbage behind. The numbers are found by open addressing; there is no way to take one out.
 */
import { type Figures, figureCount, noProtocol, weakestPlace } from "../tls-report.ts";
import type { TallyFacts } from "./tally-entry.ts";

/** 2^32 over the golden ratio: spreads numbers that follow each other. */
const spread = 0x9e3779b1;

export class Counters {
  /** Row after row, in the order in which the numbers came. */
  readonly figures: Uint32Array;
  size = 0;
  readonly #ids: Uint32Array;
  /** Row and one; 0 is free. At least half of it stays free. */
  readonly #table: Uint32Array;
  readonly #shift: number;

  /** @param most how many different numbers will come */
  constructor(most: number) {
    const bits = Math.max(4, Math.ceil(Math.log2(most * 2)));
    this.figures = new Uint32Array(most * figureCount);
    this.#ids = new Uint32Array(most);
    this.#table = new Uint32Array(2 ** bits);
    this.#shift = 32 - bits;
  }

  /** The number's row, a new one the first time. */
  rowOf(id: number): number {
    const at = this.#placeOf(id);
    const known = this.#table[at] ?? 0;
    if (known > 0) return known - 1;
    const row = this.size;
    this.size += 1;
    this.#ids[row] = id;
    this.#table[at] = this.size;
    this.figures[row * figureCount + weakestPlace] = noProtocol;
    return row;
  }

  findRow(id: number): number | undefined {
    const known = this.#table[this.#placeOf(id)] ?? 0;
    return known > 0 ? known - 1 : undefined;
  }

  idAt(row: number): number {
    return this.#ids[row] ?? 0;
  }

  add(row: number, { counts, strength }: TallyFacts): void {
    const from = row * figureCount;
    for (const place of counts) this.figures[from + place] = (this.figures[from + place] ?? 0) + 1;
    if (strength < (this.figures[from + weakestPlace] ?? 0)) this.figures[from + weakestPlace] = strength;
  }

  row(row: number): Readonly<{ id: number; figures: Figures }> {
    return { id: this.idAt(row), figures: [...this.figures.subarray(row * figureCount, (row + 1) * figureCount)] };
  }

  /** Where it stands in the table, or would. */
  #placeOf(id: number): number {
    const mask = this.#table.length - 1;
    let at = Math.imul(id, spread) >>> this.#shift;
    for (;;) {
      const row = this.#table[at] ?? 0;
      if (row === 0 || this.#ids[row - 1] === id) return at;
      at = (at + 1) & mask;
    }
  }
}
