/**
 * Lines that wait for their target. Every log is written through one of these.
 *
 * Promises:
 *  - `write` never waits and never throws: lines gather for 50 to 200 ms and go out in one batch, off the event loop;
 *  - what the target does not take waits in memory and is tried again; beyond 16 MiB (of a burst that nothing is wrong
 *    with, 64) the newest lines are dropped, counted and told. Trouble is told once, and its end once, with the number
 *    of lines that were dropped;
 *  - lines keep their order. A target that fails in the middle of a batch may get lines of it twice, never none;
 *  - closing waits for at most some seconds.
 * Not here: what a target is (`line-target.ts`), what the lines say (`../log-renderer.ts`).
 */
import type { Clock, Timer } from "../../mail/clock.ts";
import { errorText } from "../../mail/error-text.ts";
import type { Observer } from "../../observe/events.ts";
import type { LogSink } from "../log-sink.ts";
import type { LineTarget, TargetTools } from "./line-target.ts";
import { LossCount } from "./loss-count.ts";
import { WaitingLines } from "./waiting-lines.ts";

export type LineSinkOptions = Readonly<{
  /** The log's name, and where it goes to in words. */
  log: string;
  target: string;
  clock: Clock;
  observe: Observer;
  /** `doneUpTo` may have risen. */
  onProgress?: () => void;
  /** What must be over before the target is opened. */
  after?: Promise<unknown> | undefined;
  createTarget: (tools: TargetTools) => LineTarget;
}>;

/** Lines that come out of the blue go out soon; of a stream, more are gathered: each batch costs three system calls. */
const gatherMs = 50;
const streamMs = 200;
/** Gathered lines of so many characters go out without waiting for the timer. */
const gatherSize = 256 * 1024;
const maxWaiting = 16 * 1024 * 1024;
/** While the target takes what it is given: one message to a thousand recipients may bring 20 MB of records at once. */
const maxBurst = 4 * maxWaiting;
/** So long, and with so many lines behind, a file holds the store's mark. */
const mostHeldMs = 600_000;
const mostHeldLines = 50_000;
/** For what a stopping process must not wait longer. */
const closeMs = 5_000;

export class LineSink implements LogSink {
  readonly #options: LineSinkOptions;
  readonly #target: LineTarget;
  readonly #losses: LossCount;
  readonly #waiting = new WaitingLines();
  #dropped = false;
  /** Before the first line that was dropped. */
  #brokenAt = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  /** The last batch, ms since 1970. */
  #startedAt = Number.NEGATIVE_INFINITY;
  /** One piece of work at a time, in the order asked for. */
  #work: Promise<void>;
  #busy = 0;
  #failures = 0;
  #trouble = false;
  /** When it began, ms since 1970. */
  #troubleAt = 0;
  #complained = false;
  #closed = false;

  constructor(options: LineSinkOptions) {
    this.#options = options;
    this.#losses = new LossCount(options);
    this.#work = (options.after ?? Promise.resolve()).then(() => undefined);
    this.#target = options.createTarget({
      clock: options.clock,
      complain: (error) => this.#complain(error),
      failed: (error) => this.#failed(error),
      later: (work) => void this.#enqueue(work),
    });
  }

  write(text: string, mark: number): void {
    const most = this.#trouble ? maxWaiting : maxBurst;
    if (this.#waiting.size + text.length > most) {
      this.#drop(mark, most);
      return;
    }
    this.#waiting.add(text, mark);
    if (this.#busy > 0 || this.#failures > 0) return;
    if (this.#waiting.size >= gatherSize) this.#start();
    else this.#startSoon();
  }

  get doneUpTo(): number {
    return Math.min(this.#brokenAt, this.#waiting.doneUpTo);
  }

  /**
   * What it lacks may be worth printing every log's lines again after a crash: it has dropped none, is not in trouble for
   * long and not far behind.
   */
  get holdsMark(): boolean {
    if (this.#dropped || this.#waiting.count > mostHeldLines) return false;
    return !this.#trouble || this.#options.clock.now() - this.#troubleAt < mostHeldMs;
  }

  /** Told, and not over. */
  get inTrouble(): boolean {
    return this.#trouble;
  }

  /** Opens the target now; by default that is done with the first lines. @returns what is wrong, which is told as well */
  async open(): Promise<Error | undefined> {
    let wrong: Error | undefined;
    await this.#enqueue(async () => {
      wrong = await this.#target.open().then(
        () => undefined,
        (cause: unknown) => this.#failed(cause),
      );
    });
    return wrong;
  }

  async flush(): Promise<number> {
    await this.#enqueue(() => this.#drain());
    return this.#waiting.count;
  }

  async reopen(): Promise<void> {
    await this.#enqueue(() => this.#target.reopen().catch((cause: unknown) => this.#complain(errorText(cause))));
    await this.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close("stop");
  }

  /** @param why `removed`: nobody will go on with this log */
  async close(why: "stop" | "removed"): Promise<void> {
    if (this.#closed) return;
    await this.#patience(this.flush());
    this.#closed = true;
    this.#timer?.cancel();
    this.#brokenAt = Math.min(this.#brokenAt, this.doneUpTo);
    this.#losses.add(this.#waiting.left);
    this.#losses.tell();
    await this.#patience(this.#target.close(why).catch((cause: unknown) => this.#complain(errorText(cause))));
  }

  async #patience(work: Promise<unknown>): Promise<void> {
    const enough = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(closeMs, enough.resolve);
    await Promise.race([work, enough.promise]);
    timer.cancel();
  }

  /** Lines that came in meanwhile are seen to afterwards. */
  #enqueue(work: () => Promise<unknown>): Promise<void> {
    this.#busy += 1;
    const done = this.#work.then(work).then(
      () => undefined,
      (cause: unknown) => void this.#failed(cause),
    );
    this.#work = done.finally(() => {
      this.#busy -= 1;
      if (this.#busy > 0 || this.#waiting.count === 0 || this.#failures > 0) return;
      this.#startSoon();
    });
    return this.#work;
  }

  #startSoon(): void {
    if (this.#timer !== undefined) return;
    const { clock } = this.#options;
    const sinceLast = clock.now() - this.#startedAt;
    const wait = Math.max(gatherMs, Math.min(streamMs, streamMs - sinceLast));
    this.#timer = clock.after(wait, () => this.#start());
  }

  #start(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#startedAt = this.#options.clock.now();
    void this.#enqueue(() => this.#drain());
  }

  /** After a failure the target is opened again whether or not a line waits: the end of trouble is told. */
  async #drain(): Promise<void> {
    if (this.#waiting.count === 0 && this.#failures > 0) await this.#append([]);
    while (this.#waiting.count > 0) {
      const done = await this.#append(this.#waiting.take(this.#target.batchSize));
      this.#waiting.settle(done);
      if (done === 0) return;
      this.#options.onProgress?.();
    }
  }

  /** @returns how many of the lines are where they belong */
  async #append(lines: readonly string[]): Promise<number> {
    try {
      await this.#target.open();
      const done = lines.length === 0 ? 0 : await this.#target.append(lines);
      if (done > 0 || lines.length === 0) this.#succeeded();
      return done;
    } catch (cause) {
      this.#failed(cause);
      return 0;
    }
  }

  #failed(cause: unknown): Error {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#failures += 1;
    this.#tellTrouble(error.message);
    this.#timer?.cancel();
    if (this.#closed) return error;
    this.#timer = this.#options.clock.after(this.#target.retryMs(this.#failures), () => this.#start());
    return error;
  }

  /** After having dropped lines, the end of trouble is that there is room again, or it would come and go with each batch. */
  #succeeded(): void {
    this.#failures = 0;
    if (!this.#trouble || this.#waiting.size > maxWaiting / 2) return;
    this.#trouble = false;
    const { log, target, observe } = this.#options;
    observe({ kind: "log-recovered", log, target, lost: this.#losses.end() });
  }

  #tellTrouble(error: string): void {
    if (this.#trouble) return;
    this.#trouble = true;
    this.#troubleAt = this.#options.clock.now();
    const { log, target, observe } = this.#options;
    observe({ kind: "log-trouble", log, target, error });
  }

  #complain(error: string | undefined): void {
    const { log, target, observe } = this.#options;
    if (error !== undefined && !this.#complained) observe({ kind: "trouble", where: `${log} (${target})`, error });
    this.#complained = error !== undefined;
  }

  #drop(mark: number, most: number): void {
    this.#dropped = true;
    this.#brokenAt = Math.min(this.#brokenAt, mark - 1);
    this.#tellTrouble(`${most} bytes wait: further lines are dropped until there is room`);
    this.#losses.add(1);
  }
}
