/**
 * Looking through a shard by filter, in the order of (message id, recipient number), window by window: no call looks at
 * more than a thousand messages, so that commits are never held up for long however many rows there are.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { QueueEntry, QueueFilter, RecipientState } from "../queue.ts";
import type { RecipientKey } from "./recipients.ts";
import { stateNames } from "./totals.ts";
import { type Place, state } from "./wire.ts";

const windowMessages = 1000;

/** `next`: where to go on; `undefined` when all was seen. */
export type Window<Row> = Readonly<{ rows: readonly Row[]; next: Place | undefined }>;

const columns = {
  found: "r.message, r.number, r.state",
  entry: `r.number, r.state, r.attempts, r.address, r.next_try_at AS nextTryAt, r.last_error AS lastError, m.sender,
    m.arrived_at AS arrivedAt, m.expires_at AS expiresAt, m.size, m.binding`,
};

type EntryRow = Readonly<{
  id: string;
  number: number;
  state: number;
  attempts: number;
  address: string;
  nextTryAt: number;
  lastError: string | null;
  sender: string;
  arrivedAt: number;
  expiresAt: number;
  size: number;
  binding: string;
}>;

export class Listing {
  readonly #database: DatabaseSync;
  readonly #windowEnd: StatementSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#windowEnd = database.prepare(
      `SELECT id FROM message WHERE id > ? ORDER BY id LIMIT 1 OFFSET ${windowMessages - 1}`,
    );
  }

  entries(filter: QueueFilter, now: number, after: Place | undefined, limit: number): Window<QueueEntry> {
    const { rows, next } = this.#look<EntryRow>(columns.entry, filter, now, after, limit);
    return { rows: rows.map(entryOf), next };
  }

  found(filter: QueueFilter, now: number, after: Place | undefined, limit: number): Window<RecipientKey> {
    return this.#look<RecipientKey>(columns.found, filter, now, after, limit);
  }

  #look<Row>(
    what: string,
    filter: QueueFilter,
    now: number,
    after: Place | undefined,
    limit: number,
  ): Window<Row & Readonly<{ id: string; number: number }>> {
    const from = after ?? { id: "", number: -1 };
    const end = filter.ids === undefined ? this.#windowEnd.get(from.id)?.id : undefined;
    const { where, values } = conditions(filter, now, from, end);
    const rows = this.#prepare(
      `SELECT m.id, ${what} FROM message m CROSS JOIN recipient r ON r.message = m.key
       WHERE ${where} ORDER BY m.id, r.number LIMIT ?`,
    ).all(...values, limit) as (Row & { id: string; number: number })[];
    const last = rows.length === limit ? rows.at(-1) : undefined;
    if (last !== undefined) return { rows, next: { id: last.id, number: last.number } };
    return { rows, next: typeof end === "string" ? { id: end, number: Number.MAX_SAFE_INTEGER } : undefined };
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function conditions(
  filter: QueueFilter,
  now: number,
  from: Place,
  end: unknown,
): { where: string; values: SQLInputValue[] } {
  const where = ["m.id >= ? AND (m.id > ? OR r.number > ?)"];
  const values: SQLInputValue[] = [from.id, from.id, from.number];
  const add = (condition: string, ...more: SQLInputValue[]) => {
    where.push(condition);
    values.push(...more);
  };
  if (typeof end === "string") add("m.id <= ?", end);
  if (filter.ids !== undefined) add("m.id IN (SELECT value FROM json_each(?))", JSON.stringify(filter.ids));
  if (filter.domain !== undefined) add("r.domain = ?", filter.domain);
  if (filter.sender !== undefined) {
    const domain = `@${filter.sender}`;
    add("(m.sender = ? OR substr(m.sender, ?) = ?)", filter.sender, -domain.length, domain);
  }
  if (filter.error !== undefined) add("instr(r.last_error, ?) > 0", filter.error);
  if (filter.state !== undefined) add("r.state = ?", state[filter.state]);
  if (filter.olderThanMs !== undefined) add("m.arrived_at < ?", now - filter.olderThanMs);
  if (filter.arrivedBefore !== undefined) add("m.arrived_at < ?", filter.arrivedBefore);
  return { where: where.join(" AND "), values };
}

function entryOf(row: EntryRow): QueueEntry {
  return {
    messageId: row.id,
    number: row.number,
    from: row.sender,
    to: row.address,
    state: stateNames[row.state] as RecipientState,
    attempts: row.attempts,
    arrivedAt: row.arrivedAt,
    nextTryAt: row.state === state.ready ? row.nextTryAt : null,
    expiresAt: row.expiresAt,
    sizeBytes: row.size,
    binding: row.binding,
    lastError: row.lastError,
  };
}
