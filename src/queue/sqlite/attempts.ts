/**
 * The `attempt` table: attempt records as JSON, numbered in the order of their commits.
 * A record's id is unique; one that is written twice is one row.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Totals } from "./totals.ts";
import type { SettlementRow, StoreAnswers } from "./wire.ts";

export class AttemptTable {
  readonly #totals: Totals;
  readonly #insert: StatementSync;
  readonly #ofMessage: StatementSync;
  readonly #between: StatementSync;
  readonly #prune: StatementSync;

  constructor(database: DatabaseSync, totals: Totals) {
    this.#totals = totals;
    this.#insert = database.prepare("INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?)");
    this.#ofMessage = database.prepare("SELECT record FROM attempt WHERE id > ? AND id < ? ORDER BY seq");
    this.#between = database.prepare("SELECT seq, record FROM attempt WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?");
    this.#prune = database.prepare(
      "DELETE FROM attempt WHERE seq IN (SELECT seq FROM attempt WHERE time < ? ORDER BY time LIMIT ?)",
    );
  }

  /** @returns the record's number. */
  insert({ recordId, record }: SettlementRow, now: number): number {
    this.#totals.now.lastSeq += 1;
    this.#insert.run(this.#totals.now.lastSeq, recordId, now, record);
    return this.#totals.now.lastSeq;
  }

  /** JSON of all records of one message: their ids begin with its id and a dot (`/` follows `.` in ASCII). */
  ofMessage(id: string): string[] {
    return this.#ofMessage.all(`${id}.`, `${id}/`).map((row) => String(row.record));
  }

  between(after: number, upTo: number, limit: number): StoreAnswers["unprojected"] {
    return this.#between.all(after, upTo, limit) as { seq: number; record: string }[];
  }

  /** Deletes up to `limit` records older than `before` (ms since 1970). */
  prune(before: number, limit: number): number {
    return Number(this.#prune.run(before, limit).changes);
  }
}
