/**
 * One data folder, one shard per worker: where each lies, and what becomes of shards whose worker is gone.
 *
 * Adoption, when there are fewer workers than before. Each step may be cut off by a crash and is simply done again:
 *
 *     queue-3.sqlite --recover, close--> rename to queue-3.into-1.sqlite --copy in parts--> queue-1.sqlite; then deleted
 *
 * The new name says what was begun, so that a later start, whatever its number of workers, finishes it first and the
 * half-copied shard is never opened as one. A row that is there already is not copied again (ids are unique).
 * No worker runs meanwhile: the caller adopts before it starts any.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../mail/clock.ts";
import { History } from "./history.ts";
import { closeDatabase, openDatabase, syncDirectory } from "./schema.ts";
import { Store } from "./store.ts";
import { Totals } from "./totals.ts";
import { state } from "./wire.ts";

const partMessages = 1000;
const partRecords = 5000;

export type ShardPaths = Readonly<{ file: string; spoolDirectory: string }>;

export function shardPaths(dataDirectory: string, shard: number): ShardPaths {
  return {
    file: path.join(dataDirectory, `queue-${shard}.sqlite`),
    spoolDirectory: path.join(dataDirectory, "spool", String(shard)),
  };
}

/**
 * Moves everything in shards that no worker will serve into those that one will.
 *
 * @returns the shards that are no more
 * @throws QueueOpenError when one of them is in use or damaged
 */
export function adoptShards(dataDirectory: string, workers: number, clock: Clock = systemClock): readonly number[] {
  const adopted: number[] = [];
  for (const { shard, into } of pendingIn(dataDirectory)) {
    finishAdoption(dataDirectory, shard, into);
    adopted.push(shard);
  }
  for (const shard of shardsIn(dataDirectory)) {
    if (shard < workers) continue;
    const into = shard % workers;
    beginAdoption(dataDirectory, shard, into, clock.now());
    finishAdoption(dataDirectory, shard, into);
    adopted.push(shard);
  }
  return adopted;
}

/** Numbers of the shards that a data folder has. */
export function shardsIn(dataDirectory: string): number[] {
  const found = readdirSync(dataDirectory).map((name) => /^queue-(\d+)\.sqlite$/.exec(name)?.[1]);
  return found.filter((shard) => shard !== undefined).map(Number);
}

function pendingIn(dataDirectory: string): { shard: number; into: number }[] {
  const found = readdirSync(dataDirectory).map((name) => /^queue-(\d+)\.into-(\d+)\.sqlite$/.exec(name));
  return found.filter((match) => match !== null).map((match) => ({ shard: Number(match[1]), into: Number(match[2]) }));
}

function pendingFile(dataDirectory: string, shard: number, into: number): string {
  return path.join(dataDirectory, `queue-${shard}.into-${into}.sqlite`);
}

/** Opens it once as its worker would (crash recovery, one plain file afterwards), then gives it its new name. */
function beginAdoption(dataDirectory: string, shard: number, into: number, now: number): void {
  const { file, spoolDirectory } = shardPaths(dataDirectory, shard);
  const store = new Store({
    file,
    spoolDirectory,
    now,
    maxBodyBytes: Number.MAX_SAFE_INTEGER,
    minFreeDiskBytes: 0,
    reserveBytes: 0,
    maxPages: undefined,
  });
  store.close();
  renameSync(file, pendingFile(dataDirectory, shard, into));
  syncDirectory(dataDirectory);
}

function finishAdoption(dataDirectory: string, shard: number, into: number): void {
  const source = pendingFile(dataDirectory, shard, into);
  const from = shardPaths(dataDirectory, shard).spoolDirectory;
  const target = shardPaths(dataDirectory, into);
  mkdirSync(target.spoolDirectory, { recursive: true });
  const { database } = openDatabase(target.file);
  try {
    database.prepare("ATTACH ? AS source").run(source);
    const totals = new Totals(database);
    copyMessages(database, totals, from, target.spoolDirectory);
    copyRecords(database, totals);
    database.exec("DETACH source");
  } finally {
    closeDatabase(database, target.file);
  }
  for (const ending of ["", "-wal", "-shm"]) rmSync(`${source}${ending}`, { force: true });
  rmSync(from, { recursive: true, force: true });
  syncDirectory(dataDirectory);
}

function copyMessages(database: DatabaseSync, totals: Totals, from: string, to: string): void {
  const part = database.prepare("SELECT key, size, spool FROM source.message WHERE key > ? ORDER BY key LIMIT ?");
  const message = database.prepare(
    `INSERT OR IGNORE INTO main.message (id, sender, binding, size, arrived_at, expires_at, spool, meta, body)
     SELECT id, sender, binding, size, arrived_at, expires_at, spool, meta, body FROM source.message WHERE key = ?`,
  );
  const recipients = database.prepare(
    `INSERT INTO main.recipient SELECT ?, number, state, next_try_at, attempts, uncertain, delay_notified, domain,
     address, envelope, last_error, first_tried_at FROM source.recipient WHERE message = ?`,
  );
  const inState = database.prepare("SELECT count(*) AS n FROM main.recipient WHERE message = ? AND state = ?");
  let after = 0;
  for (;;) {
    const rows = part.all(after, partMessages) as { key: number; size: number; spool: string | null }[];
    if (rows.length === 0) return;
    const files = rows.map(({ spool }) => spool).filter((name) => name !== null);
    moveFiles(files, from, to);
    inTransaction(database, totals, () => {
      for (const { key, size } of rows) {
        const { changes, lastInsertRowid } = message.run(key);
        if (changes === 0) continue; // copied before a crash
        recipients.run(lastInsertRowid, key);
        totals.now.messages += 1;
        totals.now.bodyBytes += size;
        for (const one of Object.values(state)) totals.add(one, Number(inState.get(lastInsertRowid, one)?.n));
      }
    });
    after = rows.at(-1)?.key ?? after;
  }
}

/** Before the rows, and durably: a row must never name a file that is not there. */
function moveFiles(names: readonly string[], from: string, to: string): void {
  if (names.length === 0) return;
  for (const name of names) {
    const old = path.join(from, name);
    if (existsSync(old)) renameSync(old, path.join(to, name));
  }
  syncDirectory(to);
}

/**
 * Records that the projections have go below the target's own, the others above, so that its mark stays right:
 * what is above the mark is projected once more.
 */
function copyRecords(database: DatabaseSync, totals: Totals): void {
  const number = (sql: string) => Number(database.prepare(sql).get()?.n);
  const mark = number("SELECT projected AS n FROM source.total");
  const projected = number(`SELECT count(*) AS n FROM source.attempt WHERE seq <= ${mark}`);
  let below = Math.min(number("SELECT coalesce(min(seq), 1) AS n FROM main.attempt"), 1) - projected;
  const part = database.prepare("SELECT seq, id, record FROM source.attempt WHERE seq > ? ORDER BY seq LIMIT ?");
  const history = new History(database, totals);
  const seqFor = (seq: number) => {
    if (seq <= mark) return below++;
    totals.now.lastSeq += 1;
    return totals.now.lastSeq;
  };
  let after = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const rows = part.all(after, partRecords) as { seq: number; id: string; record: string }[];
    if (rows.length === 0) return;
    inTransaction(database, totals, () => {
      for (const { seq, id, record } of rows) history.adopt(seqFor(seq), id, record);
      history.save();
    });
    history.keep();
    after = rows.at(-1)?.seq ?? after;
  }
}

function inTransaction(database: DatabaseSync, totals: Totals, run: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  run();
  totals.save();
  database.exec("COMMIT");
  totals.keep();
}
