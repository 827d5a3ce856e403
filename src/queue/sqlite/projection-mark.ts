/**
 * Up to which attempt record the projections (JSON log and the like) have everything. The mark is written along with
 * later commits; after a crash the records above it are given out once more, so that each is projected at least once.
 *
 * The mark moves up to the record before the first one that is still out.
 */

/** Records that may be out at a time; above, the mark stands still for the rest of this run. */
const mostOut = 100_000;

export class ProjectionMark {
  /** Record id to number, each in the order of numbers: of this run, and left over from before. */
  readonly #out = new Map<string, number>();
  readonly #leftOver = new Map<string, number>();
  readonly #leftoverEnd: number;
  #leftoverSeen: number;
  #last: number;
  #stopped = Number.POSITIVE_INFINITY;

  /** @param projected the mark on disk; `lastSeq` the last record there is. */
  constructor(projected: number, lastSeq: number) {
    this.#leftoverSeen = projected;
    this.#leftoverEnd = lastSeq;
    this.#last = lastSeq;
  }

  /** Records from before this run that were not yet given out: numbers above `after`, up to `upTo`. */
  leftovers(): Readonly<{ after: number; upTo: number }> {
    return { after: this.#leftoverSeen, upTo: this.#leftoverEnd };
  }

  /** Leftovers were given out; none: there are no more. */
  gaveOut(rows: readonly Readonly<{ id: string; seq: number }>[]): void {
    for (const { id, seq } of rows) this.#leftOver.set(id, seq);
    this.#leftoverSeen = rows.at(-1)?.seq ?? this.#leftoverEnd;
  }

  /** Records were committed under the numbers from `first` on. */
  committed(ids: readonly string[], first: number): void {
    for (const [index, id] of ids.entries()) this.#add(id, first + index);
    this.#last = Math.max(this.#last, first + ids.length - 1);
  }

  projected(ids: readonly string[]): void {
    for (const id of ids) if (!this.#out.delete(id)) this.#leftOver.delete(id);
  }

  /** Every record up to this number has been projected. */
  value(): number {
    const seen = this.#leftoverSeen < this.#leftoverEnd ? this.#leftoverSeen : this.#last;
    return Math.min(seen, firstOf(this.#out) - 1, firstOf(this.#leftOver) - 1, this.#stopped - 1);
  }

  #add(id: string, seq: number): void {
    if (this.#out.size < mostOut) this.#out.set(id, seq);
    else this.#stopped = Math.min(this.#stopped, seq);
  }
}

function firstOf(numbers: ReadonlyMap<string, number>): number {
  const [first] = numbers.values();
  return first ?? Number.POSITIVE_INFINITY;
}
