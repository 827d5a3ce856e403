/**
 * Runs deliveries: takes due mail from the queue (or fresh mail straight from its acceptance), splits it into jobs,
 * keeps each destination within its limits, and writes every attempt's end back. Owns no rules.
 *
 * Guarantees:
 *  - every recipient that was taken is settled or put back, also when an attempt or a notice breaks on a bug;
 *  - memory is bounded: about `maxActiveMessages` messages and `maxActiveBytes` of bodies are held, the rest are rows;
 *  - while mail waits for room, a quarter of it is the queue's: fresh mail never keeps older mail out for good.
 */
import type { RetrySettings, Settings } from "../config/settings.ts";
import type { Mailbox } from "../mail/address.ts";
import type { Clock, Timer } from "../mail/clock.ts";
import { errorTrace } from "../mail/error-text.ts";
import type { Observer } from "../observe/events.ts";
import type { Policy } from "../policy/policy.ts";
import type { Queue, QueuedMail, QueuedRecipient, QueueFilter } from "../queue/queue.ts";
import type { NexthopChoice, Submission, TransportTable } from "../route/transport.ts";
import { type Failure, ourMistake, type RecipientOutcome } from "./attempt-result.ts";
import { type DeliveryJob, splitIntoJobs } from "./delivery-job.ts";
import { DestinationHealth, type Suspension } from "./destination-health.ts";
import { Lane } from "./lane.ts";
import { type AttemptEnd, type NoticeMaker, noNotices, settle } from "./settle.ts";

export type ConductorTools = Readonly<{
  queue: Queue;
  settings: () => Settings;
  transport: () => TransportTable;
  policy: () => Policy;
  attempt: (job: DeliveryJob) => Promise<readonly RecipientOutcome[]>;
  notices: NoticeMaker;
  observe: Observer;
  clock: Clock;
  random: () => number;
}>;

/** Messages taken at once: bounds the bodies that one batch may bring into memory. */
const refillBatch = 100;
/** Of the room, what fresh mail may fill while older mail waits in the queue for some. */
const freshShare = 0.75;
/** Mail whose end could not be written because of a bug is tried again after this. */
const rescueDelayMs = 600_000;

export class Conductor {
  readonly #tools: ConductorTools;
  readonly #lanes = new Map<string, Lane>();
  readonly #health: DestinationHealth;
  readonly #closers = new WeakMap<DeliveryJob, () => void>();
  #activeMessages = 0;
  #activeBytes = 0;
  #refilling = false;
  #refilled: Promise<void> = Promise.resolve();
  /** Mail may be due that nobody has looked for. */
  #looking = false;
  /** Mail may be due for which there was no room. */
  #crowded = false;
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
    return !this.#stopping && this.#fits(sizeBytes, this.#crowded ? freshShare : 1);
  }

  /** Mail whose recipients are already "trying" in the queue. */
  submit(mail: QueuedMail): void {
    this.#enter(mail);
    const left = (): void => this.#leave(mail);
    if (this.#stopping) {
      this.#giveBack(mail, mail.recipients, this.#tools.clock.now(), left);
      return;
    }
    try {
      this.#split(mail, left);
    } catch (error) {
      this.#trouble(error);
      this.#giveBack(mail, mail.recipients, this.#tools.clock.now() + rescueDelayMs, left);
    }
  }

  #split(mail: QueuedMail, left: () => void): void {
    const submission = this.#submissionOf(mail);
    const { jobs, undeliverable } = splitIntoJobs(
      mail,
      (mailbox) => this.#nexthopFor(mailbox, submission),
      this.#tools.policy().recipientKey,
    );
    let open = jobs.length + (undeliverable.length > 0 ? 1 : 0);
    const closed = (): void => {
      open -= 1;
      if (open === 0) left();
    };
    if (undeliverable.length > 0) {
      const outcomes = undeliverable.map(({ recipient, ...why }) =>
        withoutContact(recipient, { ...why, kind: "route" }),
      );
      this.#finish({ mail, nexthop: undefined, outcomes, startedAt: this.#tools.clock.now() }, closed);
    }
    for (const job of jobs) this.#enqueue(job, closed);
  }

  /** Looks for due mail now: at start, after `retry`, `release`, or mail stored without being submitted. */
  wake(): void {
    if (this.#stopping) return;
    this.#looking = true;
    if (!this.#refilling) this.#refilled = this.#refill();
  }

  /** The operator asked for another try: back-off is forgotten. */
  forgetSuspensions(): void {
    this.#health.clear();
  }

  /** Bounces matching mail on the operator's word; resolves with the number of recipients. */
  async bounce(filter: QueueFilter, text: string): Promise<number> {
    let count = 0;
    // Not what comes in meanwhile, least of all the notices of this very bounce.
    const arrivedBefore = Math.min(filter.arrivedBefore ?? Number.POSITIVE_INFINITY, this.#tools.clock.now());
    for (;;) {
      const taken = await this.#tools.queue.takeMatching({ ...filter, arrivedBefore }, refillBatch);
      if (taken.length === 0) return count;
      for (const mail of taken) {
        count += mail.recipients.length;
        const outcomes = mail.recipients.map((recipient) =>
          withoutContact(recipient, { kind: "local", permanent: true, status: "5.0.0", text }),
        );
        await this.#write({ mail, nexthop: undefined, outcomes, startedAt: this.#tools.clock.now() });
      }
    }
  }

  /** Takes nothing new; resolves when what runs has ended and is on disk, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#putBackWaiting();
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, graceMs);
    await Promise.race([this.#ended(), deadline.promise]);
    clearTimeout(timer);
  }

  async #ended(): Promise<void> {
    await this.#refilled;
    await new Promise<void>((resolve) => {
      if (this.#activeMessages === 0) resolve();
      else this.#idle = resolve;
    });
  }

  #submissionOf({ sender, binding }: QueuedMail): Submission {
    const bindingGroup = this.#tools.settings().bindings.get(binding)?.group;
    return { sender: sender.mailbox, binding, bindingGroup };
  }

  #nexthopFor(mailbox: Mailbox, submission: Submission): NexthopChoice {
    const { outbound } = this.#tools.settings();
    return this.#tools.transport().nexthopFor(mailbox, {
      submission,
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
    if (this.#crowded && this.#fits(0, freshShare)) this.wake();
  }

  #fits(sizeBytes: number, share: number): boolean {
    const { maxActiveMessages, maxActiveBytes } = this.#tools.settings().limits;
    return this.#activeMessages < maxActiveMessages * share && this.#activeBytes + sizeBytes <= maxActiveBytes * share;
  }

  #enqueue(job: DeliveryJob, closed: () => void): void {
    const lane = this.#laneOf(job.destination);
    const { limits, outbound } = this.#tools.settings();
    if (lane.waiting.length >= Math.max(100, limits.maxActiveMessages / 4)) {
      const { mail, recipients } = job;
      const until = lane.nextSlot(this.#tools.clock.now(), outbound.maxConnectionsPerDestination);
      this.#giveBack(mail, recipients, until, closed);
      return;
    }
    this.#closers.set(job, closed);
    lane.waiting.push(job);
    this.#pump(lane);
  }

  #laneOf(key: string): Lane {
    let found = this.#lanes.get(key);
    if (found === undefined) {
      found = new Lane(key);
      this.#lanes.set(key, found);
    }
    return found;
  }

  #pump(lane: Lane): void {
    // A suspended destination ends its jobs within this very loop: no second one inside it, for thousands of jobs.
    if (lane.pumping) return;
    lane.pumping = true;
    const { maxConnectionsPerDestination } = this.#tools.settings().outbound;
    while (lane.running < maxConnectionsPerDestination) {
      const job = lane.waiting.shift();
      if (job === undefined) break;
      lane.running += 1;
      void this.#run(job, lane);
    }
    lane.pumping = false;
    if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(lane.key);
  }

  async #run(job: DeliveryJob, lane: Lane): Promise<void> {
    const { mail, nexthop } = job;
    const startedAt = this.#tools.clock.now();
    const suspended = this.#suspension(job, startedAt);
    let outcomes: readonly RecipientOutcome[];
    if (suspended === undefined) {
      outcomes = await this.#attempt(job);
      this.#learn(job, outcomes);
      lane.took(this.#tools.clock.now() - startedAt);
    } else {
      const { until, status, text } = suspended;
      const why = `delivery temporarily suspended until ${new Date(until).toISOString()}: ${text}`;
      const failure = { kind: "suspended", permanent: false, status, text: why, cause: text } as const;
      outcomes = job.recipients.map((recipient) => withoutContact(recipient, failure));
    }
    lane.running -= 1;
    const notBefore = this.#suspension(job, this.#tools.clock.now())?.until;
    const end = { mail, nexthop, outcomes, startedAt, ...(notBefore === undefined ? {} : { notBefore }) };
    this.#finish(end, this.#closers.get(job));
    this.#pump(lane);
  }

  async #attempt(job: DeliveryJob): Promise<readonly RecipientOutcome[]> {
    try {
      return await this.#tools.attempt(job);
    } catch (error) {
      // A bug must not lose mail nor stop the relay: the message waits, the log shouts.
      this.#trouble(error);
      return job.recipients.map((recipient) => withoutContact(recipient, ourMistake));
    }
  }

  #suspension({ destination, rulesKey }: DeliveryJob, now: number): Suspension | undefined {
    if (this.#health.isEmpty) return undefined;
    return this.#health.suspendedUntil(destination, now) ?? this.#health.suspendedUntil(rulesKey, now);
  }

  /** An unreachable destination concerns all its mail; a TLS rule that failed, only mail under the same rule. */
  #learn({ destination, rulesKey }: DeliveryJob, outcomes: readonly RecipientOutcome[]): void {
    const failed = outcomes.find(
      ({ outcome, reply, contact }) =>
        outcome.kind === "deferred" && reply === undefined && contact?.verdict?.kind !== "flow",
    );
    if (failed === undefined || outcomes.some(({ outcome }) => outcome.kind === "delivered")) {
      this.#health.succeeded(destination);
      this.#health.succeeded(rulesKey);
      return;
    }
    const { contact, outcome } = failed;
    const byRule = contact?.verdict !== undefined || contact?.decision.kind === "refuse";
    this.#health.failed(byRule ? rulesKey : destination, this.#tools.clock.now(), outcome.status, outcome.text);
  }

  #finish(end: AttemptEnd, closed: (() => void) | undefined): void {
    void this.#write(end).finally(closed);
  }

  /** Settles; never rejects. */
  async #write(end: AttemptEnd): Promise<void> {
    try {
      const nextTryAt = await settle(end, this.#tools, this.#retry());
      if (nextTryAt !== undefined) this.#wakeAt(nextTryAt);
    } catch (error) {
      await this.#rescue(end, error).catch((cause: unknown) => this.#storeTrouble(cause));
    }
  }

  /** A bug while the end was written: what was delivered is written down without notices, the rest is tried again. */
  async #rescue(end: AttemptEnd, error: unknown): Promise<void> {
    this.#trouble(error);
    const delivered = end.outcomes.filter(({ outcome }) => outcome.kind === "delivered");
    const others = end.outcomes.filter(({ outcome }) => outcome.kind !== "delivered");
    const numbers = others.map(({ recipient }) => ({ messageId: end.mail.id, number: recipient.number }));
    const nextTryAt = this.#tools.clock.now() + rescueDelayMs;
    await this.#tools.queue.putBack(numbers, nextTryAt);
    this.#wakeAt(nextTryAt);
    const quiet = { ...this.#tools, notices: async () => noNotices };
    if (delivered.length > 0) await settle({ ...end, outcomes: delivered }, quiet, this.#retry());
  }

  #trouble(error: unknown): void {
    this.#tools.observe({ kind: "trouble", where: "delivery", error: errorTrace(error) });
  }

  #storeTrouble(error: unknown): void {
    this.#tools.observe({ kind: "store-trouble", error: String(error) });
  }

  #retry(): RetrySettings {
    return this.#tools.settings().retry;
  }

  #giveBack(mail: QueuedMail, recipients: readonly QueuedRecipient[], nextTryAt: number, closed: () => void): void {
    const numbers = recipients.map(({ number }) => ({ messageId: mail.id, number }));
    this.#tools.queue
      .putBack(numbers, nextTryAt)
      .then(() => this.#wakeAt(nextTryAt))
      .catch((error: unknown) => this.#storeTrouble(error))
      .finally(closed);
  }

  #putBackWaiting(): void {
    const now = this.#tools.clock.now();
    for (const lane of this.#lanes.values()) {
      for (const job of lane.waiting.splice(0)) {
        this.#giveBack(job.mail, job.recipients, now, this.#closers.get(job) ?? (() => undefined));
      }
    }
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

  /** Takes until nothing is due or nothing more fits; ends in the same step in which it last looked. */
  async #refill(): Promise<void> {
    this.#refilling = true;
    try {
      while (this.#looking && !this.#stopping) {
        this.#crowded = !this.#fits(0, 1);
        if (this.#crowded) break;
        this.#looking = false;
        const room = Math.ceil(this.#tools.settings().limits.maxActiveMessages - this.#activeMessages);
        const taken = await this.#tools.queue.take(this.#tools.clock.now(), Math.min(refillBatch, room));
        for (const mail of taken) this.submit(mail);
        if (taken.length > 0) this.#looking = true;
        else await this.#lookAgainWhenDue();
      }
    } catch (error) {
      this.#storeTrouble(error);
      this.#wakeAt(this.#tools.clock.now() + 5_000);
    } finally {
      this.#refilling = false;
    }
  }

  async #lookAgainWhenDue(): Promise<void> {
    const next = await this.#tools.queue.nextDueAt();
    if (next !== undefined) this.#wakeAt(next);
  }
}

function heldBytes({ body }: QueuedMail): number {
  return body.kind === "memory" ? body.sizeBytes : 0;
}

/** An end that was reached without meeting any host. */
function withoutContact(recipient: QueuedRecipient, failure: Failure): RecipientOutcome {
  const { status, text } = failure;
  return {
    recipient,
    outcome: { kind: failure.permanent ? "failed" : "deferred", status, text },
    failure,
    earlier: [],
    contact: undefined,
    reply: undefined,
    uncertain: recipient.uncertain,
    dsnPassedOn: false,
  };
}
