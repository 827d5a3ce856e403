/**
 * Runs deliveries: takes due mail from the queue (or fresh mail straight from its acceptance), splits it into jobs,
 * keeps each destination within its limits, and writes every attempt's end back. Owns no rules.
 *
 * Memory is bounded: at most `maxActiveMessages` messages and `maxActiveBytes` of bodies are held; the rest are rows.
 */
import type { RetrySettings, Settings } from "../config/settings.ts";
import type { Clock, Timer } from "../mail/clock.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Observer } from "../observe/events.ts";
import type { Queue, QueuedMail, QueuedRecipient, QueueFilter } from "../queue/queue.ts";
import type { TransportTable } from "../route/transport.ts";
import type { RecipientOutcome } from "./attempt-result.ts";
import { type DeliveryJob, splitIntoJobs } from "./delivery-job.ts";
import { DestinationHealth } from "./destination-health.ts";
import { type AttemptEnd, type NoticeMaker, settle } from "./settle.ts";

export type ConductorTools = Readonly<{
  queue: Queue;
  settings: () => Settings;
  transport: () => TransportTable;
  attempt: (job: DeliveryJob) => Promise<readonly RecipientOutcome[]>;
  notices: NoticeMaker;
  observe: Observer;
  clock: Clock;
  random: () => number;
}>;

type Destination = { readonly key: string; waiting: DeliveryJob[]; running: number };

/** A waiting line longer than this goes back to the queue, so that one slow destination cannot fill the memory. */
const overflowDelayMs = 10_000;
/** Messages taken at once: bounds the bodies that one batch may bring into memory. */
const refillBatch = 100;

export class Conductor {
  readonly #tools: ConductorTools;
  readonly #destinations = new Map<string, Destination>();
  readonly #health: DestinationHealth;
  readonly #ends = new Set<Promise<void>>();
  readonly #closers = new WeakMap<DeliveryJob, () => void>();
  #activeMessages = 0;
  #activeBytes = 0;
  #refilling = false;
  #refillAgain = false;
  #stopping = false;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #idle: (() => void) | undefined;

  constructor(tools: ConductorTools) {
    this.#tools = tools;
    this.#health = new DestinationHealth(tools.random);
  }

  get activeMessages(): number {
    return this.#activeMessages;
  }

  /** Whether a message of this size may be delivered from memory right away. */
  hasRoom(sizeBytes: number): boolean {
    const { maxActiveMessages, maxActiveBytes } = this.#tools.settings().limits;
    if (this.#stopping) return false;
    return this.#activeMessages < maxActiveMessages && this.#activeBytes + sizeBytes <= maxActiveBytes;
  }

  /** Mail whose recipients are already "trying" in the queue. */
  submit(mail: QueuedMail): void {
    const { jobs, undeliverable } = splitIntoJobs(mail, (mailbox) => this.#nexthopFor(mailbox));
    this.#enter(mail);
    let open = jobs.length + (undeliverable.length > 0 ? 1 : 0);
    const closed = (): void => {
      open -= 1;
      if (open === 0) this.#leave(mail);
    };
    if (undeliverable.length > 0) {
      const outcomes = undeliverable.map(({ recipient, status, text }) =>
        withoutContact(recipient, { kind: "failed", status, text }),
      );
      this.#finish({ mail, nexthop: undefined, outcomes, startedAt: this.#tools.clock.now() }, closed);
    }
    for (const job of jobs) this.#enqueue(job, closed);
  }

  /** Looks for due mail now: at start, after `retry`, `release`, or mail stored without being submitted. */
  wake(): void {
    if (this.#stopping) return;
    if (this.#refilling) {
      this.#refillAgain = true;
      return;
    }
    void this.#refill();
  }

  /** The operator asked for another try: back-off is forgotten. */
  forgetSuspensions(): void {
    this.#health.clear();
  }

  /** Bounces matching mail on the operator's word; resolves with the number of recipients. */
  async bounce(filter: QueueFilter, text: string): Promise<number> {
    let count = 0;
    for (;;) {
      const taken = await this.#tools.queue.takeMatching(filter, refillBatch);
      if (taken.length === 0) return count;
      for (const mail of taken) {
        count += mail.recipients.length;
        const outcomes = mail.recipients.map((recipient) =>
          withoutContact(recipient, { kind: "failed", status: "5.0.0", text }),
        );
        await settle(
          { mail, nexthop: undefined, outcomes, startedAt: this.#tools.clock.now() },
          this.#tools,
          this.#retry(),
        );
      }
    }
  }

  /** Takes nothing new; resolves when what runs has ended and is on disk, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    await this.#putBackWaiting();
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, graceMs);
    const running = new Promise<void>((resolve) => {
      if (this.#activeMessages === 0) resolve();
      else this.#idle = resolve;
    });
    await Promise.race([running, deadline.promise]);
    clearTimeout(timer);
    await Promise.allSettled([...this.#ends]);
  }

  #nexthopFor(mailbox: QueuedRecipient["recipient"]["mailbox"]): ReturnType<TransportTable["nexthopFor"]> {
    const { outbound } = this.#tools.settings();
    return this.#tools.transport().nexthopFor(mailbox, {
      defaultPort: outbound.port,
      allowAddressLiterals: outbound.allowAddressLiterals,
      allowAddresses: outbound.allowAddresses,
    });
  }

  #enter(mail: QueuedMail): void {
    this.#activeMessages += 1;
    this.#activeBytes += heldBytes(mail);
  }

  #leave(mail: QueuedMail): void {
    this.#activeMessages -= 1;
    this.#activeBytes -= heldBytes(mail);
    if (this.#activeMessages === 0) this.#idle?.();
    const { maxActiveMessages } = this.#tools.settings().limits;
    if (this.#refillAgain && this.#activeMessages < maxActiveMessages / 2) this.wake();
  }

  #enqueue(job: DeliveryJob, closed: () => void): void {
    const destination = this.#destination(job.destination);
    const { maxActiveMessages } = this.#tools.settings().limits;
    if (destination.waiting.length >= Math.max(100, maxActiveMessages / 4)) {
      this.#giveBack(job, this.#tools.clock.now() + overflowDelayMs, closed);
      return;
    }
    this.#closers.set(job, closed);
    destination.waiting.push(job);
    this.#pump(destination);
  }

  #destination(key: string): Destination {
    let found = this.#destinations.get(key);
    if (found === undefined) {
      found = { key, waiting: [], running: 0 };
      this.#destinations.set(key, found);
    }
    return found;
  }

  #pump(destination: Destination): void {
    const { maxConnectionsPerDestination } = this.#tools.settings().outbound;
    while (destination.running < maxConnectionsPerDestination) {
      const job = destination.waiting.shift();
      if (job === undefined) break;
      destination.running += 1;
      void this.#run(job, destination);
    }
    if (destination.running === 0 && destination.waiting.length === 0) this.#destinations.delete(destination.key);
  }

  async #run(job: DeliveryJob, destination: Destination): Promise<void> {
    const startedAt = this.#tools.clock.now();
    const suspended = this.#health.suspendedUntil(destination.key, startedAt);
    let outcomes: readonly RecipientOutcome[];
    if (suspended === undefined) {
      outcomes = await this.#attempt(job);
      this.#learn(job, outcomes);
    } else {
      const { until, status, text } = suspended;
      const why = `delivery temporarily suspended until ${new Date(until).toISOString()}: ${text}`;
      outcomes = job.recipients.map((recipient) => withoutContact(recipient, { kind: "deferred", status, text: why }));
    }
    destination.running -= 1;
    const notBefore = this.#health.suspendedUntil(destination.key, this.#tools.clock.now())?.until;
    const end = {
      mail: job.mail,
      nexthop: job.nexthop,
      outcomes,
      startedAt,
      ...(notBefore === undefined ? {} : { notBefore }),
    };
    this.#finish(end, this.#closers.get(job));
    this.#pump(destination);
  }

  async #attempt(job: DeliveryJob): Promise<readonly RecipientOutcome[]> {
    try {
      return await this.#tools.attempt(job);
    } catch (error) {
      // A bug must not lose mail nor stop the relay: the message waits, the log shouts.
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#tools.observe({ kind: "trouble", where: "delivery", error: text });
      return job.recipients.map((recipient) =>
        withoutContact(recipient, { kind: "deferred", status: "4.3.0", text: "internal error during delivery" }),
      );
    }
  }

  #learn({ destination }: DeliveryJob, outcomes: readonly RecipientOutcome[]): void {
    const failed = outcomes.find(
      ({ outcome, reply, contact }) =>
        outcome.kind === "deferred" && reply === undefined && contact?.verdict?.kind !== "flow",
    );
    const now = this.#tools.clock.now();
    if (failed === undefined || outcomes.some(({ outcome }) => outcome.kind === "delivered"))
      this.#health.succeeded(destination);
    else this.#health.failed(destination, now, failed.outcome.status, failed.outcome.text);
  }

  #finish(end: AttemptEnd, closed: (() => void) | undefined): void {
    const done = settle(end, this.#tools, this.#retry())
      .then((nextTryAt) => {
        if (nextTryAt !== undefined) this.#wakeAt(nextTryAt);
      })
      .catch((error: unknown) => {
        this.#tools.observe({ kind: "store-trouble", error: String(error) });
      })
      .finally(() => {
        this.#ends.delete(done);
        closed?.();
      });
    this.#ends.add(done);
  }

  #retry(): RetrySettings {
    return this.#tools.settings().retry;
  }

  #giveBack(job: DeliveryJob, nextTryAt: number, closed: () => void): void {
    const numbers = job.recipients.map(({ number }) => ({ messageId: job.mail.id, number }));
    const done = this.#tools.queue
      .putBack(numbers, nextTryAt)
      .then(() => this.#wakeAt(nextTryAt))
      .catch((error: unknown) => this.#tools.observe({ kind: "store-trouble", error: String(error) }))
      .finally(() => {
        this.#ends.delete(done);
        closed();
      });
    this.#ends.add(done);
  }

  async #putBackWaiting(): Promise<void> {
    const now = this.#tools.clock.now();
    for (const destination of this.#destinations.values()) {
      for (const job of destination.waiting.splice(0)) {
        this.#giveBack(job, now, this.#closers.get(job) ?? (() => undefined));
      }
    }
    await Promise.allSettled([...this.#ends]);
  }

  #wakeAt(time: number): void {
    if (this.#stopping || time >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = time;
    const wait = Math.max(50, time - this.#tools.clock.now());
    this.#timer = this.#tools.clock.after(Math.min(wait, 60_000), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.wake();
    });
  }

  async #refill(): Promise<void> {
    this.#refilling = true;
    this.#refillAgain = false;
    try {
      for (;;) {
        const room = this.#tools.settings().limits.maxActiveMessages - this.#activeMessages;
        if (room <= 0 || !this.hasRoom(0)) {
          this.#refillAgain = true;
          return;
        }
        const limit = Math.min(refillBatch, room);
        const taken = await this.#tools.queue.take(this.#tools.clock.now(), limit);
        for (const mail of taken) this.submit(mail);
        if (taken.length === 0) break;
      }
      const next = await this.#tools.queue.nextDueAt();
      if (next !== undefined) this.#wakeAt(next);
    } catch (error) {
      this.#tools.observe({ kind: "store-trouble", error: String(error) });
      this.#wakeAt(this.#tools.clock.now() + 5_000);
    } finally {
      this.#refilling = false;
    }
  }
}

function heldBytes({ body }: QueuedMail): number {
  return body.kind === "memory" ? body.sizeBytes : 0;
}

/** An end that was reached without meeting any host. */
function withoutContact(recipient: QueuedRecipient, outcome: Outcome): RecipientOutcome {
  return {
    recipient,
    outcome,
    contact: undefined,
    reply: undefined,
    uncertain: recipient.uncertain,
    dsnPassedOn: false,
  };
}
