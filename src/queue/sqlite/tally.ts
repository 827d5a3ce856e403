/**
 * The `tally` table: what the report counts, twenty octets for each attempt, in blocks of two hundred.
 *
 * A block is one row: entries of five 32-bit numbers, little endian: milliseconds from the start of the hour before the
 * block's, and the numbers of four words (`tally-entry.ts`). Its key begins with its hour, so that blocks lie in the
 * order of time; `first` and `last` are the numbers of its attempt records. Entries are of the block's hour or of the
 * one before it, since records come in the order of commits, which is not quite that of their times.
 *
 * Promises: written by the transaction that writes the records, one row for each transaction and two hundred attempts;
 * a block that another one follows never changes again.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type TallyRow, wordsOfHost } from "./tally-entry.ts";
import type { WordTable } from "./tally-words.ts";

export const hourMs = 3_600_000;
export const hoursPerDay = 24;
/** Keys of one hour. */
const keysPerHour = 2 ** 32;
export const entryBytes = 4 * (1 + wordsOfHost);
/** A row of this size and its header fill one page of the database. */
const blockBytes = 200 * entryBytes;

type Block = {
  readonly key: number;
  readonly hour: number;
  readonly first: number;
  last: number;
  readonly view: DataView;
  length: number;
};

/** Where a reader stops who wants what is committed now: records up to `seq`, of block `key` so many octets. */
export type TallyEnd = Readonly<{ seq: number; key: number; length: number }>;

export class TallyTable {
  readonly #words: WordTable;
  /** The block that grows, and what is committed of it. */
  #open: Block | undefined;
  #saved: Readonly<{ block: Block | undefined; last: number; length: number }>;
  readonly #write: StatementSync;
  readonly #lastOfHour: StatementSync;

  /** @param lastSeq number of the last record there is */
  constructor(database: DatabaseSync, words: WordTable, lastSeq: number) {
    this.#words = words;
    this.#saved = { block: undefined, last: lastSeq, length: 0 };
    this.#write = database.prepare("INSERT OR REPLACE INTO tally VALUES (?, ?, ?, ?)");
    this.#lastOfHour = database.prepare("SELECT key FROM tally WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT 1");
  }

  /** @param seq the record's number */
  append(seq: number, { time, words }: TallyRow): void {
    const list = words.split("\t");
    const block = this.#blockFor(seq, Math.floor(time / hourMs), (list.length / wordsOfHost) * entryBytes);
    const day = Math.floor(block.hour / hoursPerDay);
    block.last = seq;
    let place = 0;
    for (const word of list) {
      if (place % wordsOfHost === 0) this.#put(block, time - (block.hour - 1) * hourMs);
      this.#put(block, this.#words.intern(word, day));
      place += 1;
    }
  }

  /** Before commit. */
  save(): void {
    const { block, length } = this.#saved;
    if (this.#open !== undefined && (this.#open !== block || this.#open.length !== length)) this.#store(this.#open);
  }

  /** After commit. */
  keep(): void {
    if (this.#open === this.#saved.block && this.#open?.length === this.#saved.length) return;
    const last = this.#open?.last ?? this.#saved.last;
    this.#saved = { block: this.#open, last: Math.max(last, this.#saved.last), length: this.#open?.length ?? 0 };
    this.#words.keep();
  }

  /** After roll-back. */
  restore(): void {
    const { block, last, length } = this.#saved;
    this.#open = block;
    if (block !== undefined) Object.assign(block, { last, length });
    this.#words.restore();
  }

  /** What is committed. */
  end(): TallyEnd {
    const { block, last, length } = this.#saved;
    return { seq: last, key: block?.key ?? -1, length };
  }

  /** Nothing is added to this block any more. */
  close(key: number): void {
    if (this.#open?.key === key) this.#open = undefined;
  }

  #blockFor(seq: number, hour: number, bytes: number): Block {
    const open = this.#open;
    const fits =
      open !== undefined &&
      seq === open.last + 1 &&
      (hour === open.hour || hour === open.hour - 1) &&
      open.length + bytes <= open.view.byteLength;
    if (fits) return open;
    if (open !== undefined) this.#store(open);
    const view = new DataView(new ArrayBuffer(blockBytes));
    this.#open = { key: this.#nextKey(hour), hour, first: seq, last: seq, view, length: 0 };
    return this.#open;
  }

  #nextKey(hour: number): number {
    const from = hour * keysPerHour;
    const last = this.#lastOfHour.get(from, from + keysPerHour)?.key;
    return last === undefined ? from : Number(last) + 1;
  }

  #put(block: Block, value: number): void {
    block.view.setUint32(block.length, value, true);
    block.length += 4;
  }

  #store({ key, first, last, view, length }: Block): void {
    this.#write.run(key, first, last, new Uint8Array(view.buffer, 0, length));
  }
}

/** Keys of blocks that may have entries from `since` on and before `until` (ms since 1970): from, and below. */
export function keysBetween(since: number, until: number): Readonly<{ from: number; below: number }> {
  return { from: Math.floor(since / hourMs) * keysPerHour, below: (Math.ceil(until / hourMs) + 1) * keysPerHour };
}

export function hourOfKey(key: number): number {
  return Math.floor(key / keysPerHour);
}

/** Every block with a key below has only entries before that moment. */
export function keyBefore(moment: number): number {
  return Math.floor(moment / hourMs) * keysPerHour;
}
