/**
 * The `recipient` table: one row for each recipient whose delivery is not over, and its state.
 * Every change of state goes through here, with the counts.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Totals } from "./totals.ts";
import { type RecipientRow, type SettlementRow, state } from "./wire.ts";

/** Which recipient, by the key of its message's row, and in which state. */
export type RecipientKey = Readonly<{ message: number; number: number; state: number }>;

export type RecipientColumns = Readonly<{
  number: number;
  envelope: string;
  attempts: number;
  uncertain: number;
  delayNotified: number;
  lastError: string | null;
  firstTriedAt: number | null;
}>;

export class RecipientTable {
  readonly #totals: Totals;
  readonly #insert: StatementSync;
  readonly #due: StatementSync;
  readonly #nextDue: StatementSync;
  readonly #read: StatementSync;
  readonly #move: StatementSync;
  readonly #again: StatementSync;
  readonly #delete: StatementSync;
  readonly #any: StatementSync;

  constructor(database: DatabaseSync, totals: Totals) {
    this.#totals = totals;
    this.#insert = database.prepare("INSERT INTO recipient VALUES (?, ?, ?, ?, 0, 0, 0, ?, ?, ?, NULL, NULL)");
    this.#due = database.prepare(
      `SELECT message, number, state FROM recipient WHERE state = 0 AND next_try_at <= ?
       ORDER BY next_try_at, message, number LIMIT ?`,
    );
    this.#nextDue = database.prepare(
      "SELECT next_try_at AS at FROM recipient WHERE state = 0 ORDER BY next_try_at LIMIT 1",
    );
    this.#read = database.prepare(
      `SELECT number, envelope, attempts, uncertain, delay_notified AS delayNotified, last_error AS lastError,
         first_tried_at AS firstTriedAt
       FROM recipient WHERE message = ? AND number = ?`,
    );
    this.#move = database.prepare(
      "UPDATE recipient SET state = ?, next_try_at = ? WHERE message = ? AND number = ? AND state = ?",
    );
    this.#again = database.prepare(
      `UPDATE recipient SET state = 0, next_try_at = ?, attempts = ?, delay_notified = ?, last_error = ?,
         first_tried_at = ?
       WHERE message = ? AND number = ? AND state = 1`,
    );
    this.#delete = database.prepare("DELETE FROM recipient WHERE message = ? AND number = ? AND state = ?");
    this.#any = database.prepare("SELECT 1 FROM recipient WHERE message = ? LIMIT 1");
  }

  insert(message: number, rows: readonly RecipientRow[], into: number, dueAt: number): void {
    let number = 0;
    for (const { domain, address, envelope } of rows) {
      this.#insert.run(message, number, into, dueAt, domain, address, envelope);
      number += 1;
    }
    this.#totals.add(into, rows.length);
  }

  /** Ready and due, oldest first; costs what it finds. */
  due(now: number, limit: number): readonly RecipientKey[] {
    return this.#due.all(now, limit) as RecipientKey[];
  }

  nextDueAt(): number | undefined {
    const row = this.#nextDue.get();
    return row === undefined ? undefined : Number(row.at);
  }

  read(message: number, number: number): RecipientColumns {
    const row = this.#read.get(message, number);
    if (row === undefined) throw new Error(`message ${message} has no recipient ${number}`);
    return row as RecipientColumns;
  }

  /** @returns false when the recipient is not there in state `from`: nothing changed. */
  move(message: number, number: number, from: number, to: number, nextTryAt: number): boolean {
    const moved = this.#move.run(to, nextTryAt, message, number, from).changes === 1;
    if (moved && from !== to) this.#count(from, to);
    return moved;
  }

  /** trying -> ready, with what the attempt taught. */
  again(message: number, row: SettlementRow, nextTryAt: number): void {
    const { attempts, delayNotified, lastError, firstTriedAt, number } = row;
    const delay = delayNotified ? 1 : 0;
    const result = this.#again.run(nextTryAt, attempts, delay, lastError, firstTriedAt, message, number);
    if (result.changes === 1) this.#count(state.trying, state.ready);
  }

  /** @returns false when the recipient is not there in state `from`. */
  delete(message: number, number: number, from: number): boolean {
    const deleted = this.#delete.run(message, number, from).changes === 1;
    if (deleted) this.#totals.add(from, -1);
    return deleted;
  }

  hasAny(message: number): boolean {
    return this.#any.get(message) !== undefined;
  }

  #count(from: number, to: number): void {
    this.#totals.add(from, -1);
    this.#totals.add(to, 1);
  }
}

/**
 * After a crash: whoever was trying is ready now, and marked. Touches only those rows.
 *
 * @returns how many there were
 */
export function recoverTrying(database: DatabaseSync, totals: Totals, now: number): number {
  const found = Number(
    database.prepare("UPDATE recipient SET state = 0, uncertain = 1, next_try_at = ? WHERE state = 1").run(now).changes,
  );
  totals.add(state.trying, -found);
  totals.add(state.ready, found);
  return found;
}
