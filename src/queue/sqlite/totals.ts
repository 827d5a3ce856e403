/**
 * Counts of one shard, kept as rows come and go and written by the transaction that changes them, so that start-up and
 * `counts` never have to count. Also the two marks of the attempt records: the last number given, and up to where the
 * projections have them.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export const stateNames = ["ready", "trying", "held"] as const;

/** What a shard holds now. `bodyBytes` counts bodies in the database and in the spool. */
export type TotalCounts = {
  messages: number;
  bodyBytes: number;
  ready: number;
  trying: number;
  held: number;
  lastSeq: number;
  projected: number;
};

export class Totals {
  now: TotalCounts;
  #saved: TotalCounts;
  readonly #write: StatementSync;

  constructor(database: DatabaseSync) {
    this.now = readTotals(database);
    this.#saved = { ...this.now };
    this.#write = database.prepare(
      "UPDATE total SET messages=?, body_bytes=?, ready=?, trying=?, held=?, last_seq=?, projected=?",
    );
  }

  /** Counts `by` more (or fewer) recipients in a state. */
  add(state: number, by: number): void {
    const name = stateNames[state];
    if (name === undefined) throw new Error(`no recipient state ${state}`);
    this.now[name] += by;
  }

  /** Before commit: writes the row when something changed. */
  save(): void {
    const { messages, bodyBytes, ready, trying, held, lastSeq, projected } = this.now;
    const was = this.#saved;
    const changed =
      messages !== was.messages ||
      bodyBytes !== was.bodyBytes ||
      ready !== was.ready ||
      trying !== was.trying ||
      held !== was.held ||
      lastSeq !== was.lastSeq ||
      projected !== was.projected;
    if (changed) this.#write.run(messages, bodyBytes, ready, trying, held, lastSeq, projected);
  }

  /** After commit. */
  keep(): void {
    this.#saved = { ...this.now };
  }

  /** After roll-back. */
  restore(): void {
    this.now = { ...this.#saved };
  }
}

/** The row as it is on disk. */
export function readTotals(database: DatabaseSync): TotalCounts {
  const row = database
    .prepare("SELECT messages, body_bytes AS bodyBytes, ready, trying, held, last_seq AS lastSeq, projected FROM total")
    .get();
  if (row === undefined) throw new Error("the queue's total row is missing");
  return row as TotalCounts;
}
