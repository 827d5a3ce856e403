/**
 * The embedded queue: `Queue` over one SQLite file, whose engine runs on a thread of its own.
 *
 * Promises: the event loop never waits for the disk (`store-pipe.ts` says how); reads go window by window, so that
 * commits pass between them; what cannot be written (disk full) is refused (`accept`) or kept and tried again
 * (`settle`, `putBack`), never lost. Leaves to the caller: one close at the end (`Symbol.asyncDispose`).
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { AttemptRecord } from "../../mail/attempt.ts";
import type { Clock, Timer } from "../../mail/clock.ts";
import type {
  AcceptResult,
  NewMail,
  Queue,
  QueueCounts,
  QueuedMail,
  QueueEntry,
  QueueFilter,
  Settlement,
} from "../queue.ts";
import type { ReportPart, ReportQuery } from "../tls-report.ts";
import { ProjectionMark } from "./projection-mark.ts";
import { messageRow, parseArrival, parseRecord, placeOf, queuedMail, settlementRow } from "./rows.ts";
import { QueueOpenError } from "./schema.ts";
import { StorePipe } from "./store-pipe.ts";
import { type Place, type StoreAnswers, type StoreOpened, type StoreOptions, state } from "./wire.ts";

export type SqliteQueueOptions = Readonly<{
  /** `queue-<n>.sqlite`; the folder exists. */
  file: string;
  /** This shard's own: files in it that no message names are removed at open. Made when missing. */
  spoolDirectory: string;
  clock: Clock;
  /** Attempt records are kept this long. */
  historyMs: number;
  /** `accept` answers full above this many bytes of bodies. */
  maxBodyBytes?: number;
  /** `accept` answers full while the disk has less. */
  minFreeDiskBytes?: number;
  /** Room on the disk that is kept for outcomes; 32 MiB unless said otherwise, which empties any WAL of ours. */
  reserveBytes?: number;
  /** Cap of the database file, in pages of 4 KiB. */
  maxPages?: number;
  /** After each group: its size, and the seconds it took on the store's thread. */
  onCommit?: (operations: number, seconds: number) => void;
  /** For the operator: outcomes that cannot be written and wait, housekeeping that failed. */
  onTrouble?: (error: string) => void;
  /** At open: how many recipients a crash had cut off. */
  onRecovered?: (recipients: number) => void;
}>;

const reserveBytes = 32 * 1024 * 1024;
const markMs = 1000;
const pruneMs = 60_000;
/** Between two slices: pruning takes a fifth of the store's time at the most. */
const prunePauseMs = 8;
const listRows = 1000;

/**
 * Opens one shard: recovers what a crash left (trying becomes ready and uncertain), removes spool files without a row.
 *
 * @throws QueueOpenError with file and remedy: in use by another relay, damaged, of another program, unreachable
 */
export async function openSqliteQueue(options: SqliteQueueOptions): Promise<Queue> {
  const storeOptions: StoreOptions = {
    file: options.file,
    spoolDirectory: options.spoolDirectory,
    now: options.clock.now(),
    maxBodyBytes: options.maxBodyBytes ?? Number.MAX_SAFE_INTEGER,
    minFreeDiskBytes: options.minFreeDiskBytes ?? 0,
    reserveBytes: options.reserveBytes ?? reserveBytes,
    maxPages: options.maxPages,
  };
  const worker = new Worker(threadFile(), { workerData: storeOptions, name: "store" });
  const [opened] = (await once(worker, "message")) as [StoreOpened];
  if (opened.kind === "failed") {
    await worker.terminate();
    throw new QueueOpenError(opened.reason, opened.error);
  }
  if (opened.recovered > 0) options.onRecovered?.(opened.recovered);
  if (opened.keptFiles.length > 0) {
    options.onTrouble?.(
      `${options.file} is new, yet ${options.spoolDirectory} holds ${opened.keptFiles.length} files of another one: ` +
        "they are kept; bring back their database, or remove them",
    );
  }
  return new SqliteQueue(worker, options, new ProjectionMark(opened.projected, opened.lastSeq));
}

/** Beside this file, and of its kind: `.ts` from a checkout, `.js` as published. */
function threadFile(): URL {
  return new URL(`./store-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
}

class SqliteQueue implements Queue {
  readonly #options: SqliteQueueOptions;
  readonly #pipe: StorePipe;
  readonly #mark: ProjectionMark;
  /** What the thread was told last. */
  #markSent: number;
  #markTimer: Timer | undefined;
  #pruneTimer: Timer;
  /** Reports go one after the other; nothing is pruned meanwhile. */
  #reports: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(worker: Worker, options: SqliteQueueOptions, mark: ProjectionMark) {
    this.#options = options;
    this.#mark = mark;
    this.#markSent = mark.value();
    this.#pruneTimer = options.clock.after(pruneMs, () => this.#prune());
    this.#pipe = new StorePipe(worker, {
      clock: options.clock,
      projected: () => {
        this.#markSent = mark.value();
        return this.#markSent;
      },
      onCommit: (operations, seconds) => options.onCommit?.(operations, seconds),
      onTrouble: (error) => options.onTrouble?.(`${options.file}: ${error}`),
    });
  }

  async accept(mail: NewMail, into: "trying" | "ready"): Promise<AcceptResult> {
    const message = messageRow(mail, this.#options.spoolDirectory);
    const request = { kind: "accept", message, state: state[into], now: this.#now() } as const;
    return this.#pipe.send<"accept">(request, [message], [mail.body]);
  }

  async take(now: number, limit: number): Promise<readonly QueuedMail[]> {
    return this.#mails(await this.#pipe.send<"take">({ kind: "take", now, limit }));
  }

  async settle(settlements: readonly Settlement[], notices: readonly NewMail[]): Promise<void> {
    const rows = notices.map((notice) => messageRow(notice, this.#options.spoolDirectory));
    const request = {
      kind: "settle",
      settlements: settlements.map(settlementRow),
      notices: rows,
      now: this.#now(),
    } as const;
    const first = await this.#pipe.send<"settle">(
      request,
      rows,
      notices.map((notice) => notice.body),
    );
    this.#mark.committed(
      settlements.map(({ record }) => record.id),
      first,
    );
  }

  async putBack(
    recipients: readonly Readonly<{ messageId: string; number: number }>[],
    nextTryAt: number,
  ): Promise<void> {
    await this.#pipe.send<"put-back">({ kind: "put-back", recipients, nextTryAt });
  }

  async nextDueAt(): Promise<number | undefined> {
    return this.#pipe.send<"next-due">({ kind: "next-due" });
  }

  async list(
    filter: QueueFilter,
    page: Readonly<{ after: string | undefined; limit: number }>,
  ): Promise<readonly QueueEntry[]> {
    const entries: QueueEntry[] = [];
    let after = page.after === undefined ? undefined : placeOf(page.after);
    while (entries.length < page.limit) {
      const limit = Math.min(listRows, page.limit - entries.length);
      const part = await this.#pipe.send<"list">({ kind: "list", filter, now: this.#now(), after, limit });
      entries.push(...part.entries);
      if (part.next === undefined) break;
      after = part.next;
    }
    return entries;
  }

  async show(id: string): ReturnType<Queue["show"]> {
    const shown = await this.#pipe.send<"show">({ kind: "show", id });
    if (shown === undefined) return undefined;
    const { entries, records, header, meta } = shown;
    return { entries, header, arrival: parseArrival(meta), attempts: records.map(parseRecord) };
  }

  hold(filter: QueueFilter): Promise<number> {
    return this.#change("hold", filter, this.#now());
  }

  release(filter: QueueFilter): Promise<number> {
    return this.#change("release", filter, this.#now());
  }

  retry(filter: QueueFilter, now: number): Promise<number> {
    return this.#change("retry", filter, now);
  }

  remove(filter: QueueFilter): Promise<number> {
    return this.#change("remove", filter, this.#now());
  }

  async takeMatching(filter: QueueFilter, limit: number): Promise<readonly QueuedMail[]> {
    const taken: QueuedMail[] = [];
    let count = 0;
    let after: Place | undefined;
    while (count < limit) {
      const part = await this.#pipe.send<"take-matching">({
        kind: "take-matching",
        filter,
        now: this.#now(),
        after,
        limit: limit - count,
      });
      for (const mail of this.#mails(part.messages)) {
        taken.push(mail);
        count += mail.recipients.length;
      }
      if (part.next === undefined) break;
      after = part.next;
    }
    return taken;
  }

  counts(): Promise<QueueCounts> {
    return this.#pipe.send<"counts">({ kind: "counts" });
  }

  report(query: ReportQuery): Promise<ReportPart> {
    const report = this.#reports.then(() => this.#report(query));
    this.#reports = report.catch(() => undefined);
    return report;
  }

  async unprojected(limit: number): Promise<readonly AttemptRecord[]> {
    const rows = await this.#pipe.send<"unprojected">({ kind: "unprojected", ...this.#mark.leftovers(), limit });
    const records = rows.map(({ seq, record }) => ({ seq, record: parseRecord(record) }));
    this.#mark.gaveOut(records.map(({ seq, record }) => ({ seq, id: record.id })));
    return records.map(({ record }) => record);
  }

  markProjected(recordIds: readonly string[]): void {
    this.#mark.projected(recordIds);
    if (this.#markTimer === undefined) this.#markTimer = this.#options.clock.after(markMs, () => this.#writeMark());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#markTimer?.cancel();
    this.#pruneTimer.cancel();
    this.#writeMark();
    await this.#pipe.close();
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #mails(rows: StoreAnswers["take"]): QueuedMail[] {
    return rows.map((row) => queuedMail(row, this.#options.spoolDirectory));
  }

  async #change(action: "hold" | "release" | "retry" | "remove", filter: QueueFilter, now: number): Promise<number> {
    let total = 0;
    let after: Place | undefined;
    do {
      const { changed, next } = await this.#pipe.send<"change">({ kind: "change", action, filter, now, after });
      total += changed;
      after = next;
    } while (after !== undefined);
    return total;
  }

  #writeMark(): void {
    this.#markTimer = undefined;
    if (this.#mark.value() > this.#markSent) this.#background(this.#pipe.send<"mark">({ kind: "mark" }));
  }

  /** Slice by slice, so that commits pass in between. */
  async #report(query: ReportQuery): Promise<ReportPart> {
    let part = await this.#pipe.send<"report">({ kind: "report", query });
    while (part === undefined) part = await this.#pipe.send<"report">({ kind: "report", query: undefined });
    return part;
  }

  #prune(): void {
    const before = this.#now() - this.#options.historyMs;
    const pruned = this.#reports.then(() => this.#pipe.send<"prune">({ kind: "prune", before }));
    const goOn = (more: boolean) => {
      if (!this.#closed) {
        this.#pruneTimer = this.#options.clock.after(more ? prunePauseMs : pruneMs, () => this.#prune());
      }
    };
    void pruned.then(goOn, () => goOn(false));
    this.#background(pruned);
  }

  /** Nobody waits for it, and it comes round again: trouble is for the operator alone. */
  #background(work: Promise<unknown>): void {
    work.catch((error: Error) => this.#options.onTrouble?.(`${this.#options.file}: ${error.message}`));
  }
}
