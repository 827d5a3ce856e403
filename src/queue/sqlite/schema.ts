/**
 * One shard's database file: its tables, the settings it is run with, and the ways in which opening it can fail.
 *
 * Promises: whoever holds the file open for writing is alone (SQLite's exclusive lock, which ends with the process
 * however that dies); every commit is synced (WAL, `synchronous=FULL`); no statement of the hot path scans a table.
 * Not here: what the rows mean (`messages.ts`, `recipients.ts`, `attempts.ts`).
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorText } from "../../mail/error-text.ts";

/** `LTLK`: tells our files from other SQLite files. */
const applicationId = 0x4c544c4b;
const schemaVersion = 2;

/** SQLite result codes (low octet) that speak of disk, file or lock, never of a mistake in our own statements. */
const environmentCodes = new Set([5, 6, 7, 8, 10, 11, 13, 14, 15, 26]);
const busyCode = 5;
const damageCodes = new Set([11, 26]);

/** Why a shard could not be opened; the message names the file and what to do. */
export class QueueOpenError extends Error {
  override readonly name = "QueueOpenError";
  readonly reason: "in-use" | "damaged" | "foreign" | "newer" | "older" | "unreachable";

  constructor(reason: QueueOpenError["reason"], message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** SQLite's result code (low octet), or `undefined` when the error is not SQLite's. */
function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}

/** True when disk, file or lock are to blame: trying again later may help. False: our own mistake. */
export function isEnvironmentError(error: unknown): boolean {
  const code = resultCode(error);
  if (code !== undefined) return environmentCodes.has(code);
  return error instanceof Error && "syscall" in error;
}

/**
 * The tables. `recipient` is small and apart from `message`, whose rows carry bodies and are never updated: SQLite
 * writes a row anew as a whole. Times are ms since 1970; `state` is 0 ready, 1 trying, 2 held. The two partial indexes
 * make "what is due" and "what was cut off by a crash" cost what they find, whatever else is stored. `total` has the
 * one row that keeps the counts, written with the transaction that changes them.
 */
const tables = `
  CREATE TABLE message (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    binding TEXT NOT NULL,
    size INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spool TEXT,
    meta TEXT NOT NULL,
    body BLOB
  ) STRICT;
  CREATE INDEX message_spool ON message (spool) WHERE spool IS NOT NULL;
  CREATE TABLE recipient (
    message INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    uncertain INTEGER NOT NULL,
    delay_notified INTEGER NOT NULL,
    domain TEXT NOT NULL,
    address TEXT NOT NULL,
    envelope TEXT NOT NULL,
    last_error TEXT,
    first_tried_at INTEGER,
    PRIMARY KEY (message, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX recipient_ready ON recipient (next_try_at) WHERE state = 0;
  CREATE INDEX recipient_trying ON recipient (message) WHERE state = 1;
  CREATE TABLE attempt (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
  ) STRICT;
  CREATE TABLE tally (
    key INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    facts BLOB NOT NULL
  ) STRICT;
  CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE,
    used INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE total (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    messages INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    trying INTEGER NOT NULL,
    held INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    projected INTEGER NOT NULL
  ) STRICT;
  INSERT INTO total VALUES (1, 0, 0, 0, 0, 0, 0, 0);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Opens one shard for writing and makes its tables when the file is new. The database holds the lock until closed.
 *
 * @param maxPages cap of the file in pages of 4 KiB (tests, quotas); `undefined`: what the disk holds
 * @throws QueueOpenError
 */
export function openDatabase(file: string, maxPages?: number): { database: DatabaseSync; isNew: boolean } {
  return explained(file, () => {
    const database = new DatabaseSync(file, { timeout: 1000 });
    try {
      // Exclusive before WAL: the WAL index then lives in our memory and nobody else gets in.
      database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 4096");
      const isNew = readVersion(database, file) === 0;
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768");
      database.exec(
        "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY",
      );
      if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${maxPages}`);
      database.exec(isNew ? `BEGIN IMMEDIATE; ${tables} COMMIT` : "BEGIN IMMEDIATE; COMMIT");
      if (isNew) syncDirectory(path.dirname(file));
      writeOwner(file);
      return { database, isNew };
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/**
 * Opens one shard that no relay has open, to look at it.
 *
 * @throws QueueOpenError
 */
export function openDatabaseForReading(file: string): DatabaseSync {
  return explained(file, () => {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      readVersion(database, file);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Closes a database opened for writing; what the WAL holds is moved into the file. */
export function closeDatabase(database: DatabaseSync, file: string): void {
  rmSync(ownerFile(file), { force: true });
  database.close();
}

/** Makes names that were added to or removed from a folder durable. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** 0 for an empty file, else the schema's version; throws for a file that we must not touch. */
function readVersion(database: DatabaseSync, file: string): number {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  const application = Number(database.prepare("PRAGMA application_id").get()?.application_id);
  const objects = Number(database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n);
  if (objects === 0) return 0;
  if (application !== applicationId) {
    throw new QueueOpenError(
      "foreign",
      `${file} is a database of another program: move it away or set another data folder`,
    );
  }
  if (version > schemaVersion) {
    throw new QueueOpenError(
      "newer",
      `${file} was written by a newer Letterlock (queue format ${version}, this one knows ${schemaVersion}): run that version`,
    );
  }
  if (version < schemaVersion) {
    throw new QueueOpenError(
      "older",
      `${file} was written by an older Letterlock (queue format ${version}, this one knows ${schemaVersion}): ` +
        "let that version deliver what is in it, then move the file away; or set another data folder",
    );
  }
  return version;
}

function explained<Opened>(file: string, open: () => Opened): Opened {
  try {
    return open();
  } catch (error) {
    if (error instanceof QueueOpenError) throw error;
    const text = errorText(error);
    const code = resultCode(error);
    if (code === busyCode)
      throw new QueueOpenError("in-use", `${file} is in use by ${readOwner(file)}: stop that one first`, error);
    if (code !== undefined && damageCodes.has(code)) {
      throw new QueueOpenError(
        "damaged",
        `${file} is damaged (${text}): stop the relay, move ${file} and ${file}-wal away together, ` +
          `rescue what is left with: sqlite3 MOVED-FILE .recover | sqlite3 ${file}`,
        error,
      );
    }
    throw new QueueOpenError(
      "unreachable",
      `${file} cannot be opened (${text}): check the folder, its owner and the disk`,
      error,
    );
  }
}

/** Says who holds the lock; only read by people, the lock itself is SQLite's. */
function ownerFile(file: string): string {
  return `${file}-owner`;
}

function writeOwner(file: string): void {
  writeFileSync(ownerFile(file), `process ${process.pid} on ${os.hostname()} since ${new Date().toISOString()}\n`);
}

function readOwner(file: string): string {
  try {
    return readFileSync(ownerFile(file), "utf8").trim();
  } catch {
    return "another process";
  }
}
