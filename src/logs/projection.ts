/**
 * Which attempt records all files have: so far the store need not give them out again after a crash. Files alone count;
 * a syslog server or a program that is away must not keep the mark.
 *
 * Records are numbered as they come; every file says up to which number it has all lines (`LogSink.doneUpTo`).
 */
import type { LogSink } from "./log-sink.ts";

/** Records that may be out at a time; above, the mark stands still for the rest of this run, as the store's own does. */
const mostOut = 100_000;

export class Projection {
  readonly #onDone: (recordIds: readonly string[]) => void;
  #files: readonly Pick<LogSink, "doneUpTo">[] = [];
  /** Ids of records that are not done, the first of them numbered `#first`. */
  #ids: string[] = [];
  #first = 1;
  #stopped = false;

  constructor(onDone: (recordIds: readonly string[]) => void) {
    this.#onDone = onDone;
  }

  /** The number of the last record. */
  get mark(): number {
    return this.#first + this.#ids.length - 1;
  }

  setFiles(files: readonly Pick<LogSink, "doneUpTo">[]): void {
    this.#files = files;
  }

  /** To be called before its lines are written. @returns its number */
  add(recordId: string): number {
    this.#ids.push(recordId);
    if (this.#stopped || this.#ids.length > mostOut) {
      this.#stopped = true;
      this.#first += this.#ids.length;
      this.#ids = [];
    }
    return this.mark;
  }

  /** Tells of the records that all files have now. */
  settle(): void {
    if (this.#stopped) return;
    let upTo = this.mark;
    for (const { doneUpTo } of this.#files) upTo = Math.min(upTo, doneUpTo);
    if (upTo < this.#first) return;
    const done = this.#ids.splice(0, upTo - this.#first + 1);
    this.#first = upTo + 1;
    this.#onDone(done);
  }
}
