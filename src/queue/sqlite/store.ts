/**
 * One shard, synchronously: what each request does to the tables, and groups of requests in one transaction.
 *
 * Promises: a group is committed with one sync; a request that fails takes no other with it (the group is rolled back
 * and its requests run one by one); counts in memory equal the committed ones.
 * Not here: threads and waiting (`store-thread.ts`, `sqlite-queue.ts`).
 */
import { statfsSync } from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import type { DatabaseSync } from "node:sqlite";
import { assertNever } from "../../mail/assert-never.ts";
import { errorText } from "../../mail/error-text.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { History } from "./history.ts";
import { Listing } from "./listing.ts";
import { type MessageKey, MessageTable, sweepSpool } from "./messages.ts";
import { type RecipientKey, RecipientTable, recoverTrying } from "./recipients.ts";
import { closeDatabase, isEnvironmentError, openDatabase } from "./schema.ts";
import { type ShowTables, showMessage } from "./showing.ts";
import { Totals } from "./totals.ts";
import type {
  SettlementRow,
  StoreAnswer,
  StoreAnswers,
  StoreGroup,
  StoreOptions,
  StoreReply,
  StoreRequest,
  TakenRow,
} from "./wire.ts";
import { state } from "./wire.ts";

type Request<Kind extends StoreRequest["kind"]> = Extract<StoreRequest, { kind: Kind }>;
type Value = StoreAnswers[keyof StoreAnswers];

/** `take` stops after this many octets of bodies, so that one answer stays small in memory. */
const takeBytes = 16 * 1024 * 1024;
/** What a slice may keep commits waiting. */
const pruneSliceMs = 2;
const reportSliceMs = 4;
/** The disk is asked for its room at most this often. */
const diskCheckMs = 1000;

export class Store {
  /** Recipients that a crash had cut off. */
  readonly recovered: number;
  /** Spool files without a row that were left alone, since the database is new. */
  readonly keptFiles: readonly string[];
  readonly totals: Totals;
  readonly #options: StoreOptions;
  readonly #database: DatabaseSync;
  readonly #recipients: RecipientTable;
  readonly #tables: ShowTables;
  readonly #history: History;
  readonly #reserve: DiskReserve;
  #diskCheckedAt = Number.NEGATIVE_INFINITY;
  #diskFull = false;

  /** @throws QueueOpenError */
  constructor(options: StoreOptions) {
    this.#reserve = new DiskReserve(`${options.file}-reserve`, options.reserveBytes);
    const { database, isNew } = openDatabase(options.file, options.maxPages);
    this.#options = options;
    this.#database = database;
    this.totals = new Totals(database);
    this.keptFiles = sweepSpool(database, options.spoolDirectory, isNew);
    this.recovered = this.#recover(options.now);
    this.#recipients = new RecipientTable(database, this.totals);
    this.#history = new History(database, this.totals);
    this.#tables = {
      messages: new MessageTable(database, this.totals, options.spoolDirectory),
      attempts: this.#history.attempts,
      listing: new Listing(database),
      spoolDirectory: options.spoolDirectory,
    };
    this.#reserve.ensure();
  }

  /** Runs a group; never throws: what goes wrong is in the answers. */
  run(group: StoreGroup): StoreReply {
    const started = performance.now();
    this.totals.now.projected = Math.max(this.totals.now.projected, group.projected);
    const answers = this.#together(group) ?? group.requests.map((request) => this.#alone(request, group.bodies));
    return { answers, seconds: (performance.now() - started) / 1000 };
  }

  close(): void {
    this.#reserve.giveUp();
    closeDatabase(this.#database, this.#options.file);
  }

  #recover(now: number): number {
    this.#database.exec("BEGIN IMMEDIATE");
    const recovered = recoverTrying(this.#database, this.totals, now);
    this.totals.save();
    this.#database.exec("COMMIT");
    this.totals.keep();
    return recovered;
  }

  /** All in one transaction; `undefined` when any failed and nothing was kept. */
  #together({ requests, bodies }: StoreGroup): StoreAnswer[] | undefined {
    try {
      return this.#transaction(() =>
        requests.map((request): StoreAnswer => ({ kind: "done", value: this.#answer(request, bodies) })),
      );
    } catch {
      return undefined; // whose fault it was comes out one by one
    }
  }

  #alone(request: StoreRequest, bodies: SharedArrayBuffer | undefined): StoreAnswer {
    try {
      return { kind: "done", value: this.#transaction(() => this.#answer(request, bodies)) };
    } catch (error) {
      const isTrouble = isEnvironmentError(error);
      // Not for new mail: the room is for what must not wait.
      if (isTrouble && request.kind !== "accept" && this.#makeRoom()) return this.#alone(request, bodies);
      const text = errorText(error);
      return { kind: isTrouble ? "trouble" : "bug", error: text };
    }
  }

  /** Gives up the reserve and empties the WAL into the file. False: there is no reserve, or it did not help. */
  #makeRoom(): boolean {
    if (!this.#reserve.giveUp()) return false;
    this.#diskFull = true;
    this.#diskCheckedAt = performance.now();
    try {
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      return true;
    } catch (error) {
      if (!isEnvironmentError(error)) throw error;
      return false;
    }
  }

  #transaction<Result>(run: () => Result): Result {
    let result: Result;
    try {
      this.#database.exec("BEGIN");
      result = run();
      this.#history.save();
      this.totals.save();
      this.#tables.messages.beforeCommit();
      this.#database.exec("COMMIT");
    } catch (error) {
      // SQLite has rolled back by itself after some errors (disk full, I/O).
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.totals.restore();
      this.#history.restore();
      this.#tables.messages.afterRollback();
      throw error;
    }
    this.totals.keep();
    this.#history.keep();
    this.#tables.messages.afterCommit();
    return result;
  }

  #answer(request: StoreRequest, bodies: SharedArrayBuffer | undefined): Value {
    switch (request.kind) {
      case "accept":
        return this.#accept(request, bodies);
      case "settle":
        return this.#settle(request, bodies);
      case "put-back":
        return this.#putBack(request);
      case "take":
        return this.#hand(this.#recipients.due(request.now, request.limit));
      case "next-due":
        return this.#recipients.nextDueAt();
      case "list":
        return this.#list(request);
      case "show":
        return showMessage(this.#tables, request.id);
      case "change":
        return this.#change(request);
      case "take-matching":
        return this.#takeMatching(request);
      case "counts":
        return this.#counts();
      case "unprojected":
        return this.#tables.attempts.between(request.after, request.upTo, request.limit);
      case "prune":
        return this.#history.prune(request.before, forMs(pruneSliceMs));
      case "report":
        return this.#reportOn(request);
      case "mark":
        return null;
      default:
        return assertNever(request);
    }
  }

  #accept(
    { message, state: into, now }: Request<"accept">,
    bodies: SharedArrayBuffer | undefined,
  ): StoreAnswers["accept"] {
    const full = this.#whyFull(message.size);
    if (full !== undefined) return { kind: "full", error: full };
    const key = this.#tables.messages.insert(message, bodies);
    this.#recipients.insert(key, message.recipients, into, now);
    return { kind: "stored" };
  }

  #settle(request: Request<"settle">, bodies: SharedArrayBuffer | undefined): number {
    const first = this.totals.now.lastSeq + 1;
    for (const settlement of request.settlements) this.#settleOne(settlement);
    for (const notice of request.notices) {
      const key = this.#tables.messages.insert(notice, bodies);
      this.#recipients.insert(key, notice.recipients, state.ready, request.now);
    }
    return first;
  }

  /** Rows go before the record comes: on a full disk the one makes room for the other. */
  #settleOne(settlement: SettlementRow): void {
    const message = this.#tables.messages.find(settlement.messageId);
    if (message !== undefined) {
      if (settlement.nextTryAt === null) this.#finish(message, settlement.number, state.trying);
      else this.#recipients.again(message.key, settlement, settlement.nextTryAt);
    }
    this.#history.insert(settlement);
  }

  /** The message goes with its last recipient. */
  #finish(message: MessageKey, number: number, from: number): boolean {
    const gone = this.#recipients.delete(message.key, number, from);
    if (gone && !this.#recipients.hasAny(message.key)) this.#tables.messages.delete(message);
    return gone;
  }

  #reportOn({ query }: Request<"report">): StoreAnswers["report"] {
    if (query !== undefined) this.#history.beginReport(query);
    return this.#history.continueReport(forMs(reportSliceMs));
  }

  #putBack({ recipients, nextTryAt }: Request<"put-back">): null {
    for (const { messageId, number } of recipients) {
      const message = this.#tables.messages.find(messageId);
      if (message !== undefined) this.#recipients.move(message.key, number, state.trying, state.ready, nextTryAt);
    }
    return null;
  }

  #takeMatching({ filter, now, after, limit }: Request<"take-matching">): StoreAnswers["take-matching"] {
    const { rows, next } = this.#tables.listing.found(filter, now, after, limit);
    const idle = rows.filter((row) => row.state !== state.trying);
    const messages = this.#hand(idle);
    const taken = messages.reduce((sum, message) => sum + message.recipients.length, 0);
    // Cut short by size: go on from the start, what was taken no longer matches.
    return { messages, next: taken < idle.length ? (after ?? { id: "", number: -1 }) : next };
  }

  /** Moves rows to "trying" and reads them, by message, until enough octets are in hand. */
  #hand(rows: readonly RecipientKey[]): TakenRow[] {
    const taken: TakenRow[] = [];
    let bytes = 0;
    for (const [key, group] of groupByMessage(rows)) {
      if (bytes > takeBytes) break;
      const { id, binding, size, expiresAt, spool, meta, body } = this.#tables.messages.read(key);
      const recipients = group.map((row) => {
        this.#recipients.move(key, row.number, row.state, state.trying, 0);
        return this.#recipients.read(key, row.number);
      });
      taken.push({ id, binding, size, expiresAt, spool, meta, body, recipients });
      if (spool === null) bytes += size;
    }
    return taken;
  }

  #list({ filter, now, after, limit }: Request<"list">): StoreAnswers["list"] {
    const { rows, next } = this.#tables.listing.entries(filter, now, after, limit);
    return { entries: rows, next };
  }

  #change({ action, filter, now, after }: Request<"change">): StoreAnswers["change"] {
    const { rows, next } = this.#tables.listing.found(filter, now, after, Number.MAX_SAFE_INTEGER);
    const change = changes[action];
    let changed = 0;
    for (const row of rows) {
      if (row.state === state.trying || !change.from.includes(row.state)) continue;
      if (action === "remove") this.#remove(row);
      else this.#recipients.move(row.message, row.number, row.state, change.to, action === "hold" ? 0 : now);
      changed += 1;
    }
    return { changed, next };
  }

  #remove(row: RecipientKey): void {
    this.#finish(this.#tables.messages.keyOf(row.message), row.number, row.state);
  }

  #counts(): StoreAnswers["counts"] {
    const { messages, ready, trying, held, bodyBytes } = this.totals.now;
    return { messages, ready, trying, held, bodyBytes };
  }

  #whyFull(size: number): string | undefined {
    const { maxBodyBytes, minFreeDiskBytes, reserveBytes, file } = this.#options;
    if (this.totals.now.bodyBytes + size > maxBodyBytes) return `the queue holds its ${maxBodyBytes} bytes`;
    const now = performance.now();
    if (now - this.#diskCheckedAt >= diskCheckMs) {
      const { bavail, bsize } = statfsSync(path.dirname(file));
      this.#diskFull = bavail * bsize < minFreeDiskBytes || !this.#reserve.ensure();
      this.#diskCheckedAt = now;
    }
    return this.#diskFull ? `the disk has less than ${minFreeDiskBytes + reserveBytes} bytes to spare` : undefined;
  }
}

/** True until so much time has gone by. */
function forMs(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() < end;
}

const changes = {
  hold: { from: [state.ready] as readonly number[], to: state.held },
  release: { from: [state.held] as readonly number[], to: state.ready },
  retry: { from: [state.ready] as readonly number[], to: state.ready },
  remove: { from: [state.ready, state.held] as readonly number[], to: state.ready },
};

function groupByMessage(rows: readonly RecipientKey[]): Map<number, RecipientKey[]> {
  const groups = new Map<number, RecipientKey[]>();
  for (const row of rows) {
    const group = groups.get(row.message);
    if (group === undefined) groups.set(row.message, [row]);
    else group.push(row);
  }
  return groups;
}
