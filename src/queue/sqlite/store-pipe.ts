/**
 * The way to the store's thread: requests collect while a group is being written, then go as one.
 *
 *     send -> waiting --(thread idle)--> in hand --answer--> resolved
 *                ^                          |
 *                '------- stuck <--trouble--' (settle, putBack)
 *
 * Promises: one group at a time, in the order of `send`; what must not be lost is tried again until it is written.
 */
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import type { Body } from "../../mail/body.ts";
import type { Clock, Timer } from "../../mail/clock.ts";
import type { MessageRow, StoreAnswer, StoreAnswers, StoreGroup, StoreReply, StoreRequest } from "./wire.ts";

/** One group holds at most this many requests and octets of bodies. */
const groupRequests = 1000;
const groupBytes = 16 * 1024 * 1024;
const retryMs = 1000;
/** Memory for bodies that is kept between groups. */
const keptBytes = 4 * 1024 * 1024;

type Waiting = Readonly<{
  request: StoreRequest;
  /** Rows whose bodies go along, and those bodies, in the same order. */
  rows: readonly MessageRow[];
  bodies: readonly Body[];
  bytes: number;
  resolve: (value: StoreAnswers[keyof StoreAnswers]) => void;
  reject: (error: Error) => void;
}>;

export type StorePipeOptions = Readonly<{
  clock: Clock;
  /** Asked for each group. */
  projected: () => number;
  onCommit: (operations: number, seconds: number) => void;
  /** Outcomes could not be written and wait; once for each round of tries. */
  onTrouble: (error: string) => void;
}>;

export class StorePipe {
  readonly #worker: Worker;
  readonly #options: StorePipeOptions;
  readonly #bodies = new BodyBuffer();
  #waiting: Waiting[] = [];
  #inHand: Waiting[] | undefined;
  #stuck: Waiting[] = [];
  #planned = false;
  #retryTimer: Timer | undefined;
  /** Set once closing: called when nothing waits any more. */
  #emptied: (() => void) | undefined;

  constructor(worker: Worker, options: StorePipeOptions) {
    this.#worker = worker;
    this.#options = options;
    worker.on("message", (reply: StoreReply) => this.#receive(reply));
    // Only a bug ends the thread: the process must not go on without its store.
    worker.on("error", (error) => {
      throw new Error("the queue's store thread broke", { cause: error });
    });
  }

  /**
   * @param rows the request's rows that have bodies, and `bodies` in the same order
   * @returns the answer, once it is on disk. `accept` answers `full` on trouble with the disk; `settle` and `put-back`
   *   wait until it is over; the others reject.
   */
  send<Kind extends keyof StoreAnswers>(
    request: Extract<StoreRequest, { kind: Kind }>,
    rows: readonly MessageRow[] = [],
    bodies: readonly Body[] = [],
  ): Promise<StoreAnswers[Kind]> {
    if (this.#emptied !== undefined) return Promise.reject(new Error("the queue is closed"));
    let bytes = 0;
    for (const body of bodies) if (body.kind === "memory") bytes += body.sizeBytes;
    const { promise, resolve, reject } = Promise.withResolvers<StoreAnswers[keyof StoreAnswers]>();
    this.#waiting.push({ request, rows, bodies, bytes, resolve, reject });
    this.#plan();
    return promise as Promise<StoreAnswers[Kind]>;
  }

  /** Writes what waits; what still cannot be written is rejected. Then ends the thread. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    this.#retryTimer?.cancel();
    this.#waiting.push(...this.#stuck.splice(0));
    this.#plan();
    await promise;
    const exited = once(this.#worker, "exit");
    this.#worker.postMessage("close");
    await exited;
  }

  /** After the sockets of this turn have been read, so that their requests share a group. */
  #plan(): void {
    if (this.#planned || this.#inHand !== undefined) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#waiting.length === 0) {
      this.#emptied?.();
      return;
    }
    const group = this.#nextGroup();
    this.#inHand = group;
    const requests = group.map(({ request }) => request);
    const bodies = this.#bodies.fill(group);
    const message: StoreGroup = { requests, bodies, projected: this.#options.projected() };
    this.#worker.postMessage(message);
  }

  #nextGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && (count >= groupRequests || bytes + waiting.bytes > groupBytes)) break;
      bytes += waiting.bytes;
      count += 1;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #receive({ answers, seconds }: StoreReply): void {
    const group = this.#inHand ?? [];
    this.#inHand = undefined;
    this.#options.onCommit(group.length, seconds);
    for (const [index, waiting] of group.entries()) {
      const answer = answers[index];
      if (answer === undefined) throw new Error("the store left a request without an answer");
      if (answer.kind === "done") waiting.resolve(answer.value);
      else this.#fail(waiting, answer);
    }
    this.#plan();
  }

  #fail(waiting: Waiting, { kind, error }: Exclude<StoreAnswer, { kind: "done" }>): void {
    const what = waiting.request.kind;
    if (kind === "bug") {
      waiting.reject(new Error(`${what}: ${error}`));
      return;
    }
    const kept = what === "settle" || what === "put-back";
    if (what === "accept") waiting.resolve({ kind: "full", error });
    else if (kept && this.#emptied === undefined) this.#retryLater(waiting, error);
    else waiting.reject(new Error(`${what}: ${error}`));
  }

  /** Nothing of it was written: the recipients still belong to the caller, who waits on. */
  #retryLater(waiting: Waiting, error: string): void {
    this.#stuck.push(waiting);
    if (this.#retryTimer === undefined) this.#options.onTrouble(`${waiting.request.kind}: ${error}`);
    this.#retryTimer ??= this.#options.clock.after(retryMs, () => {
      this.#retryTimer = undefined;
      this.#waiting.unshift(...this.#stuck.splice(0));
      this.#plan();
    });
  }
}

/**
 * The memory in which a group's bodies cross over: shared with the thread and used again for the next group, since only
 * one is in hand at a time. So bodies cost one copy and no allocation.
 */
class BodyBuffer {
  #memory: SharedArrayBuffer | undefined;

  /** Copies the bodies of a group, and tells the rows where each begins. `undefined`: there are none. */
  fill(group: readonly Waiting[]): SharedArrayBuffer | undefined {
    let total = 0;
    for (const { bytes } of group) total += bytes;
    if (total === 0) return undefined;
    const memory = this.#reserve(total);
    const bytes = new Uint8Array(memory);
    let offset = 0;
    for (const { rows, bodies } of group) {
      for (const [index, row] of rows.entries()) {
        const body = bodies[index];
        if (body?.kind !== "memory") continue;
        row.bodyOffset = offset;
        for (const chunk of body.chunks) {
          bytes.set(chunk, offset);
          offset += chunk.byteLength;
        }
      }
    }
    if (offset !== total) throw new Error(`bodies of ${total} octets had ${offset}`);
    return memory;
  }

  /** An unusually large group gets memory of its own, which is not kept. */
  #reserve(total: number): SharedArrayBuffer {
    if (total > keptBytes) return new SharedArrayBuffer(total);
    if (this.#memory === undefined || this.#memory.byteLength < total) {
      this.#memory = new SharedArrayBuffer(Math.min(keptBytes, Math.max(256 * 1024, total * 2)));
    }
    return this.#memory;
  }
}
