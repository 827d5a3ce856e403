/**
 * The `attempt` table: attempt records as JSON, numbered in the order of their commits.
 * A record's id is unique; one that is written twice is one row. Not here: when records go (`pruning.ts`).
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StoreAnswers } from "./wire.ts";

export class AttemptTable {
  readonly #insert: StatementSync;
  readonly #ofMessage: StatementSync;
  readonly #between: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare("INSERT OR IGNORE INTO attempt VALUES (?, ?, ?)");
    this.#ofMessage = database.prepare("SELECT record FROM attempt WHERE id > ? AND id < ? ORDER BY seq");
    this.#between = database.prepare("SELECT seq, record FROM attempt WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?");
  }

  /**
   * @param record JSON
   * @returns false: it is there already, under another number, and stays as it is
   */
  insert(seq: number, id: string, record: string): boolean {
    return this.#insert.run(seq, id, record).changes === 1;
  }

  /** JSON of all records of one message: their ids begin with its id and a dot (`/` follows `.` in ASCII). */
  ofMessage(id: string): string[] {
    return this.#ofMessage.all(`${id}.`, `${id}/`).map((row) => String(row.record));
  }

  between(after: number, upTo: number, limit: number): StoreAnswers["unprojected"] {
    return this.#between.all(after, upTo, limit) as { seq: number; record: string }[];
  }
}
