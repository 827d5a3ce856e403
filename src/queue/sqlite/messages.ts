/**
 * The `message` table and the spool files that belong to its rows.
 *
 * Promises: a row is written once and deleted once; a spool file outlives its row, never the other way round: it is
 * unlinked after the commit that deleted the row, and what a crash leaves over is removed at the next start.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { syncDirectory } from "./schema.ts";
import type { Totals } from "./totals.ts";
import type { MessageRow } from "./wire.ts";

export type MessageKey = Readonly<{ key: number; size: number; spool: string | null }>;

export type StoredMessage = MessageKey &
  Readonly<{ id: string; binding: string; expiresAt: number; meta: string; body: Uint8Array | null }>;

export class MessageTable {
  readonly #totals: Totals;
  readonly #spoolDirectory: string;
  /** Spool files whose rows this transaction deletes. */
  #left: string[] = [];
  #spoolGrew = false;
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  readonly #keyOf: StatementSync;
  readonly #read: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync, totals: Totals, spoolDirectory: string) {
    this.#totals = totals;
    this.#spoolDirectory = spoolDirectory;
    this.#insert = database.prepare(
      `INSERT INTO message (id, sender, binding, size, arrived_at, expires_at, spool, meta, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#find = database.prepare("SELECT key, size, spool FROM message WHERE id = ?");
    this.#keyOf = database.prepare("SELECT key, size, spool FROM message WHERE key = ?");
    this.#read = database.prepare(
      "SELECT key, id, binding, size, expires_at AS expiresAt, spool, meta, body FROM message WHERE key = ?",
    );
    this.#delete = database.prepare("DELETE FROM message WHERE key = ?");
  }

  /** @returns the new row's key; throws when the id is already there. */
  insert(row: MessageRow, bodies: SharedArrayBuffer | undefined): number {
    if (row.spool !== null) this.#expectFile(row.spool, row.size);
    const body = row.spool === null && bodies !== undefined ? new Uint8Array(bodies, row.bodyOffset, row.size) : null;
    const { id, sender, binding, size, arrivedAt, expiresAt, spool, meta } = row;
    const { lastInsertRowid } = this.#insert.run(id, sender, binding, size, arrivedAt, expiresAt, spool, meta, body);
    this.#totals.now.messages += 1;
    this.#totals.now.bodyBytes += size;
    return Number(lastInsertRowid);
  }

  /** The row without its body. */
  keyOf(key: number): MessageKey {
    const row = this.#keyOf.get(key);
    if (row === undefined) throw new Error(`message ${key} has recipients but no row`);
    return row as MessageKey;
  }

  find(id: string): MessageKey | undefined {
    return this.#find.get(id) as MessageKey | undefined;
  }

  read(key: number): StoredMessage {
    const row = this.#read.get(key);
    if (row === undefined) throw new Error(`message ${key} has recipients but no row`);
    return row as StoredMessage;
  }

  delete({ key, size, spool }: MessageKey): void {
    this.#delete.run(key);
    this.#totals.now.messages -= 1;
    this.#totals.now.bodyBytes -= size;
    if (spool !== null) this.#left.push(spool);
  }

  /** Before commit: a file name must be as durable as the row that names it (SR-15). */
  beforeCommit(): void {
    if (this.#spoolGrew) syncDirectory(this.#spoolDirectory);
  }

  afterCommit(): void {
    for (const name of this.#left) rmSync(path.join(this.#spoolDirectory, name), { force: true });
    this.afterRollback();
  }

  afterRollback(): void {
    this.#left = [];
    this.#spoolGrew = false;
  }

  #expectFile(name: string, size: number): void {
    const found = statSync(path.join(this.#spoolDirectory, name)).size;
    if (found !== size) throw new Error(`spool file ${name} has ${found} octets, the message ${size}`);
    this.#spoolGrew = true;
  }
}

/**
 * Removes spool files that no row names: a crash came between file and row, or between row and unlink.
 * A database made just now knows of no file: then files are kept, since their database may have been moved away by
 * mistake.
 *
 * @returns files that were kept for that reason
 */
export function sweepSpool(database: DatabaseSync, spoolDirectory: string, isNew: boolean): string[] {
  mkdirSync(spoolDirectory, { recursive: true });
  const names = readdirSync(spoolDirectory);
  if (isNew) return names;
  const known = database.prepare("SELECT 1 FROM message WHERE spool = ?");
  for (const name of names) {
    if (known.get(name) === undefined) rmSync(path.join(spoolDirectory, name), { force: true });
  }
  return [];
}
