/**
 * Records that are older than the history go, in slices of a millisecond or two, so that commits never wait for them:
 * block by block of the tally, first a block's records, then the block; behind them the words that nobody uses now.
 *
 * A record goes within an hour of growing too old, since blocks are hours. Not here: when slices come (`sqlite-queue.ts`).
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { hourOfKey, hoursPerDay, keyBefore, type TallyTable } from "./tally.ts";
import type { WordTable } from "./tally-words.ts";

/** Between two looks at the time. */
const recordsAtOnce = 20;

type Going = { readonly key: number; readonly last: number; next: number };

export class Pruning {
  readonly #tally: TallyTable;
  readonly #words: WordTable;
  /** The block that is going, and its first record that is still there. */
  #going: Going | undefined;
  /** Words were swept when the oldest block was of this day. */
  #sweptOn: number | undefined;
  readonly #oldest: StatementSync;
  readonly #empty: StatementSync;
  readonly #records: StatementSync;
  readonly #block: StatementSync;

  constructor(database: DatabaseSync, tally: TallyTable, words: WordTable) {
    this.#tally = tally;
    this.#words = words;
    this.#oldest = database.prepare("SELECT key, first, last FROM tally WHERE key < ? ORDER BY key LIMIT 1");
    this.#empty = database.prepare("UPDATE tally SET facts = x'' WHERE key = ?");
    this.#records = database.prepare("DELETE FROM attempt WHERE seq >= ? AND seq < ?");
    this.#block = database.prepare("DELETE FROM tally WHERE key = ?");
  }

  /**
   * One slice.
   *
   * @param before ms since 1970
   * @param goOn asked after every few records
   * @returns true when there is more to do
   */
  slice(before: number, goOn: () => boolean): boolean {
    const below = keyBefore(before);
    this.#tally.save(); // what this transaction added counts here
    do {
      this.#going ??= this.#begin(below);
      if (this.#going === undefined) return !this.#sweep(goOn);
      this.#goOn(this.#going);
    } while (goOn());
    return true;
  }

  /** After roll-back: what this transaction deleted is there again. */
  restore(): void {
    this.#going = undefined;
    this.#sweptOn = undefined;
  }

  #begin(below: number): Going | undefined {
    const block = this.#oldest.get(below) as { key: number; first: number; last: number } | undefined;
    if (block === undefined) return undefined;
    const { key, first, last } = block;
    this.#tally.close(key);
    // Counted no more from here on, so that no report tells of records that are half gone.
    this.#empty.run(key);
    return { key, last, next: first };
  }

  #goOn(going: Going): void {
    this.#records.run(going.next, Math.min(going.next + recordsAtOnce, going.last + 1));
    going.next += recordsAtOnce;
    if (going.next <= going.last) return;
    this.#block.run(going.key);
    this.#going = undefined;
  }

  /** @returns true when nothing is left to sweep */
  #sweep(goOn: () => boolean): boolean {
    const oldest = this.#oldest.get(Number.MAX_SAFE_INTEGER)?.key ?? Number.MAX_SAFE_INTEGER;
    const day = Math.floor(hourOfKey(Number(oldest)) / hoursPerDay);
    if (day === this.#sweptOn) return true;
    if (!this.#words.sweep(day, goOn)) return false;
    this.#sweptOn = day;
    return true;
  }
}
