/**
 * The delivery log and the inbound log: records as JSON lines, appended to one file by any number of processes.
 *
 * Promises:
 *  - `write` never waits: lines gather for up to 50 ms and go out in one append, off the event loop;
 *  - a line is whole: on a local file system an append is one step (O_APPEND), so that lines of several processes follow
 *    one another. Not on NFS. To a pipe (`-`), lines up to 4096 bytes are whole, longer ones may be interleaved;
 *  - a full disk loses nothing silently: lines wait in memory and are tried again each second; beyond 16 MiB the newest
 *    are dropped, counted and reported. After a short write the next line starts on a line of its own; the fragment
 *    before it is no JSON, readers skip it;
 *  - every process rotates by size on its own (`record-file.ts`), without locks.
 * The store holds the records of deliveries durably: their file is a reading of it. Of what came in there is nothing but
 * the file. Neither is synced.
 * Not here: what a record says (`build-attempt.ts`, `../admission/inbound-record.ts`).
 */
import { type AttemptRecord, attemptJson } from "../mail/attempt.ts";
import type { Clock, Timer } from "../mail/clock.ts";
import { errorText } from "../mail/error-text.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";
import type { Observer } from "../observe/events.ts";
import { openRecordFile, type RecordFile } from "./record-file.ts";

export type RecordWriterOptions = Readonly<{
  /** A path, or `-` for standard output, which is never rotated. */
  file: string;
  /** Rotated by the first append that reaches it; 0: never. */
  maxBytes: number;
  /** Rotated files kept besides the current one. */
  keepFiles: number;
  clock: Clock;
  observe: Observer;
  /** Default: deliveries, which are in the store as well. */
  of?: "deliveries" | "inbound";
  /** Told the ids of records whose lines are in the file. */
  onWritten?: (recordIds: readonly string[]) => void;
}>;

type Line = Readonly<{ id: string; text: string }>;

const gatherMs = 50;
const retryMs = 1000;
/** Lines gathered up to this go out without waiting for the timer, and at most this much in one append. */
const batchBytes = 256 * 1024;
const maxWaitingBytes = 16 * 1024 * 1024;

/** Opens or creates the file and its folder. Rejects when it cannot be written to at all. */
export async function openRecordWriter(options: RecordWriterOptions): Promise<RecordWriter> {
  const report = (error: string) => options.observe({ kind: "trouble", where: where(options), error });
  return new RecordWriter(options, await openRecordFile({ ...options, report }), report);
}

function where({ file, of }: RecordWriterOptions): string {
  return `${of === "inbound" ? "inbound" : "delivery"} log ${file === "-" ? "on standard output" : file}`;
}

export class RecordWriter implements AsyncDisposable {
  readonly #file: RecordFile;
  readonly #options: RecordWriterOptions;
  readonly #report: (error: string) => void;
  #lines: Line[] = [];
  #waitingBytes = 0;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  /** Set from the first failure until an append succeeds again; counts what was dropped meanwhile. */
  #trouble: { dropped: number } | undefined;

  constructor(options: RecordWriterOptions, file: RecordFile, report: (error: string) => void) {
    this.#options = options;
    this.#file = file;
    this.#report = report;
  }

  /** Takes one record. The line is in the file some 50 ms later. */
  write(record: AttemptRecord | InboundRecord): void {
    const json = "attempt" in record ? attemptJson(record) : JSON.stringify(record);
    const line = { id: record.id, text: `${json}\n` };
    if (this.#waitingBytes + line.text.length > maxWaitingBytes) {
      this.#drop(line);
      return;
    }
    this.#lines.push(line);
    this.#waitingBytes += line.text.length;
    if (this.#waitingBytes >= batchBytes && this.#trouble === undefined) this.#start();
    else this.#startSoon();
  }

  /** Tries to append all that was written before. @returns how many records still wait: 0 unless the disk is in trouble */
  async flush(): Promise<number> {
    await this.#idle();
    if (this.#lines.length > 0) {
      this.#start();
      await this.#writing;
    }
    return this.#lines.length;
  }

  /** Opens the path anew (SIGUSR1, after someone moved the file); what waits goes to the new file. */
  async reopen(): Promise<void> {
    await this.#idle();
    this.#occupy(
      this.#file
        .reopen()
        .catch((cause) => this.#report(`cannot reopen, still writing to the old file: ${errorText(cause)}`)),
    );
    await this.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await this.flush();
    this.#timer?.cancel();
    if (left > 0) this.#report(`${left} records ${this.#fate}`);
    await this.#file.close();
  }

  /** What became of records that could not be written. */
  get #fate(): string {
    return this.#options.of === "inbound" ? "are lost" : "are in the store only";
  }

  async #idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** One piece of work on the file at a time; what came in meanwhile is seen to afterwards. */
  #occupy(work: Promise<void>): void {
    this.#writing = work.finally(() => {
      this.#writing = undefined;
      if (this.#lines.length > 0) this.#startSoon();
    });
  }

  #startSoon(): void {
    if (this.#writing === undefined) this.#timer ??= this.#options.clock.after(gatherMs, () => this.#start());
  }

  #start(): void {
    if (this.#writing !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#occupy(this.#drain());
  }

  async #drain(): Promise<void> {
    while (this.#lines.length > 0) {
      const batch = this.#takeBatch();
      try {
        const appended = await this.#file.append(batch.map(({ text }) => text));
        this.#options.onWritten?.(batch.slice(0, appended).map(({ id }) => id));
        this.#giveBack(batch.slice(appended));
        this.#recovered();
      } catch (cause) {
        this.#giveBack(batch);
        this.#failed(cause);
        return;
      }
    }
  }

  #takeBatch(): Line[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#lines.length && bytes < this.#file.maxAppendBytes(batchBytes)) {
      bytes += this.#lines[count]?.text.length ?? 0;
      if (count > 0 && bytes > this.#file.maxAppendBytes(batchBytes)) break;
      count += 1;
    }
    const batch = this.#lines.splice(0, count);
    for (const { text } of batch) this.#waitingBytes -= text.length;
    return batch;
  }

  #giveBack(lines: readonly Line[]): void {
    if (lines.length === 0) return;
    this.#lines.unshift(...lines);
    for (const { text } of lines) this.#waitingBytes += text.length;
  }

  #failed(cause: unknown): void {
    if (this.#trouble === undefined) this.#report(`cannot write, trying again: ${errorText(cause)}`);
    this.#trouble ??= { dropped: 0 };
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(retryMs, () => this.#start());
  }

  #recovered(): void {
    if (this.#trouble === undefined) return;
    const { dropped } = this.#trouble;
    this.#trouble = undefined;
    this.#report(dropped === 0 ? "written again, nothing lost" : `written again, ${dropped} records ${this.#fate}`);
  }

  /** Only while in trouble, or when far more is written than the disk takes: both are trouble. */
  #drop({ text }: Line): void {
    if (this.#trouble?.dropped === 0 || this.#trouble === undefined) {
      this.#report(
        `${maxWaitingBytes} bytes wait: further records (${text.length} bytes) are dropped until written again`,
      );
    }
    this.#trouble ??= { dropped: 0 };
    this.#trouble.dropped += 1;
  }
}
