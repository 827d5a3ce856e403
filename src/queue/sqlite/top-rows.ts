/**
 * The first so many of however many rows, by attention: a heap whose root is the last of them.
 */
import { compareAttention, type Figures, figureCount } from "../tls-report.ts";

export type FoundRow = Readonly<{ id: number; figures: Figures }>;

export class TopRows {
  readonly #limit: number;
  readonly #heap: FoundRow[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param from where the row's figures begin */
  offer(id: number, figures: ArrayLike<number>, from: number): void {
    const last = this.#heap[0];
    if (this.#heap.length < this.#limit) this.#push(rowOf(id, figures, from));
    else if (last !== undefined && compareAttention(figures, last.figures, from) < 0) {
      this.#heap[0] = rowOf(id, figures, from);
      this.#sink();
    }
  }

  /** In no order. */
  rows(): readonly FoundRow[] {
    return this.#heap;
  }

  #push(row: FoundRow): void {
    const heap = this.#heap;
    let at = heap.push(row) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isAfter(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      let last = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#isAfter(child, last)) last = child;
      }
      if (last === at) return;
      this.#swap(at, last);
      at = last;
    }
  }

  #isAfter(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    return a !== undefined && b !== undefined && compareAttention(a.figures, b.figures) > 0;
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }
}

function rowOf(id: number, figures: ArrayLike<number>, from: number): FoundRow {
  return { id, figures: Array.from({ length: figureCount }, (_, place) => figures[from + place] ?? 0) };
}
