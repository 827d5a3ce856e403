/**
 * The durable queue: messages, the state of each recipient, attempt records. One interface, several engines.
 *
 *     ready --take--> trying --delivered--> (gone)
 *      ^  ^             | | \---failed----> (gone, a DSN was queued in the same transaction)
 *      |  '--deferred---' '-----------------^
 *      '--release-- held <--hold-- ready
 *
 * Guarantees:
 *  - `accept` resolves after the commit that holds the message is on disk (SR-15);
 *  - a recipient's new state, its attempt record and any DSN message are one transaction;
 *  - after a crash "trying" becomes "ready" and is marked uncertain: delivered twice perhaps, never zero times;
 *  - a message leaves the store with its last recipient.
 * Not here: when to try again (`retry-schedule.ts`), what a DSN says (`../dsn`), where mail goes (`../route`).
 */

import type { AttemptRecord, MessageOrigin } from "../mail/attempt.ts";
import type { Body, BodyFacts } from "../mail/body.ts";
import type { EnvelopeRecipient, EnvelopeSender } from "../mail/envelope.ts";
import type { ReportPart, ReportQuery } from "./tls-report.ts";

/** Where a message came from; kept for records, DSNs and `queue show`. */
export type Arrival = Readonly<{
  /** ms since 1970. */
  at: number;
  /** Everything that records tell of it, escaped. */
  origin: MessageOrigin;
}>;

/** A message as it enters the queue; `id` is ours and unique for ever. */
export type NewMail = Readonly<{
  id: string;
  sender: EnvelopeSender;
  recipients: readonly EnvelopeRecipient[];
  /** Our Received field first, then the bytes as they came. */
  body: Body;
  facts: BodyFacts;
  binding: string;
  arrival: Arrival;
  /** ms since 1970: given up after this. */
  expiresAt: number;
}>;

export type RecipientState = "ready" | "trying" | "held";

/** One recipient of a stored message, as taken. `number` is its place in the envelope, from 0. */
export type QueuedRecipient = Readonly<{
  number: number;
  recipient: EnvelopeRecipient;
  /** Attempts made so far. */
  attempts: number;
  /** ms since 1970; undefined: never tried. */
  firstTriedAt: number | undefined;
  /** A crash cut off an attempt whose end we do not know. */
  uncertain: boolean;
  /** Enhanced status and text of the last deferral. */
  lastError: string | undefined;
  /** A delay notice has been sent. */
  delayNotified: boolean;
}>;

/** A message with the recipients that were taken for delivery. */
export type QueuedMail = Readonly<Omit<NewMail, "recipients"> & { recipients: readonly QueuedRecipient[] }>;

/** The end of one attempt for one recipient. */
export type Settlement = Readonly<{
  messageId: string;
  number: number;
  record: AttemptRecord;
  /** `done`: delivered, failed or expired. `again`: ready at `nextTryAt` (ms since 1970). */
  next: Readonly<{ kind: "done" }> | Readonly<{ kind: "again"; nextTryAt: number; delayNotified: boolean }>;
}>;

export type QueueFilter = Readonly<{
  ids?: readonly string[];
  /** Recipient domain, sender (mailbox or domain), substring of the last error. */
  domain?: string;
  sender?: string;
  error?: string;
  state?: RecipientState;
  olderThanMs?: number;
  /** ms since 1970: what arrived earlier than this. */
  arrivedBefore?: number;
}>;

/** One recipient as `queue list` shows it. */
export type QueueEntry = Readonly<{
  messageId: string;
  number: number;
  from: string;
  to: string;
  state: RecipientState;
  attempts: number;
  arrivedAt: number;
  /** ms since 1970, null while trying or held. */
  nextTryAt: number | null;
  expiresAt: number;
  sizeBytes: number;
  binding: string;
  lastError: string | null;
}>;

export type QueueCounts = Readonly<{
  messages: number;
  ready: number;
  trying: number;
  held: number;
  bodyBytes: number;
}>;

/** `full`: disk or quota, nothing was stored: answer 451/452. */
export type AcceptResult = Readonly<{ kind: "stored" }> | Readonly<{ kind: "full"; error: string }>;

export interface Queue extends AsyncDisposable {
  /**
   * Stores a message. With `state: "trying"` its recipients belong to the caller at once (first attempt from memory);
   * with `ready` they wait for `take`. A body in the spool belongs to the queue once stored; on `full` it stays the
   * caller's to remove. Rejects only for a mistake of ours (an id that is there already).
   */
  accept(mail: NewMail, state: "trying" | "ready"): Promise<AcceptResult>;
  /** Moves up to `limit` due recipients to "trying", oldest due first, grouped by message; bodies are read. */
  take(now: number, limit: number): Promise<readonly QueuedMail[]>;
  /**
   * Writes outcomes, and `notices` (DSNs, entering as "ready" now), in one transaction. Resolves when it is on disk;
   * while the disk is full it waits and is tried again. A recipient that is not "trying" keeps its state.
   */
  settle(settlements: readonly Settlement[], notices: readonly NewMail[]): Promise<void>;
  /** Gives taken recipients back untried, due at `nextTryAt`. */
  putBack(recipients: readonly Readonly<{ messageId: string; number: number }>[], nextTryAt: number): Promise<void>;
  /** When the next ready recipient is due, ms since 1970; undefined when none is. */
  nextDueAt(): Promise<number | undefined>;
  /** In the order of message id and recipient number; `after` is `<messageId>.<number>` of the last entry seen. */
  list(
    filter: QueueFilter,
    page: Readonly<{ after: string | undefined; limit: number }>,
  ): Promise<readonly QueueEntry[]>;
  /** One message whole: entries, attempt records, header section (at most 64 KiB). */
  show(
    id: string,
  ): Promise<
    | Readonly<{ entries: readonly QueueEntry[]; attempts: readonly AttemptRecord[]; header: string; arrival: Arrival }>
    | undefined
  >;
  /** ready -> held. Each of these answers how many recipients changed. */
  hold(filter: QueueFilter): Promise<number>;
  /** held -> ready, due now. */
  release(filter: QueueFilter): Promise<number>;
  /** ready -> due now. */
  retry(filter: QueueFilter, now: number): Promise<number>;
  /** Deletes recipients that are ready or held, without a notice. */
  remove(filter: QueueFilter): Promise<number>;
  /** Like `take`, for `queue bounce`: ready or held recipients that match become "trying"; the caller settles them. */
  takeMatching(filter: QueueFilter, limit: number): Promise<readonly QueuedMail[]>;
  counts(): Promise<QueueCounts>;
  /** Counts the attempt records that are kept: those committed when it begins. Commits go on meanwhile. */
  report(query: ReportQuery): Promise<ReportPart>;
  /**
   * Records from before this start that may not have reached the projections, oldest first; each call gives the next
   * ones, an empty answer says that there are no more.
   */
  unprojected(limit: number): Promise<readonly AttemptRecord[]>;
  /**
   * These records have reached the projections: called after their `settle` has resolved, or after `unprojected`.
   * Waits for nothing: the mark is written along with a later commit, so a crash may give the last ones out again
   * (same ids). Records never marked are given out at every start.
   */
  markProjected(recordIds: readonly string[]): void;
}
