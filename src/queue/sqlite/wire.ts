/**
 * What event loop and store thread say to each other: plain rows of text and numbers, so that crossing over costs one
 * clone for a whole group. JSON is made on the event loop and stored as it is; the thread never parses it.
 * Bodies of a group lie in one shared buffer.
 */
import type { QueueCounts, QueueEntry, QueueFilter } from "../queue.ts";
import type { ReportPart, ReportQuery } from "../tls-report.ts";
import type { QueueOpenError } from "./schema.ts";
import type { TallyRow } from "./tally-entry.ts";

/** `RecipientState` as stored. */
export const state = { ready: 0, trying: 1, held: 2 } as const;

export type RecipientRow = Readonly<{
  address: string;
  /** Domain or address literal; empty for a bare postmaster. */
  domain: string;
  /** JSON of the `EnvelopeRecipient`. */
  envelope: string;
}>;

export type MessageRow = {
  readonly id: string;
  readonly sender: string;
  readonly binding: string;
  readonly size: number;
  readonly arrivedAt: number;
  readonly expiresAt: number;
  /** Name in the spool folder; null: the body is in the group's buffer at `bodyOffset`. */
  readonly spool: string | null;
  /** JSON of sender, body facts and arrival. */
  readonly meta: string;
  readonly recipients: readonly RecipientRow[];
  /** Set when the group is put together. */
  bodyOffset: number;
};

export type SettlementRow = TallyRow &
  Readonly<{
    messageId: string;
    number: number;
    recordId: string;
    record: string;
    /** ms since 1970; null: done. */
    nextTryAt: number | null;
    attempts: number;
    delayNotified: boolean;
    lastError: string;
    /** ms since 1970. */
    firstTriedAt: number;
  }>;

export type RecipientName = Readonly<{ messageId: string; number: number }>;

/** A place in the order of (message id, recipient number). */
export type Place = Readonly<{ id: string; number: number }>;

export type TakenRow = Readonly<{
  id: string;
  binding: string;
  size: number;
  expiresAt: number;
  spool: string | null;
  meta: string;
  body: Uint8Array | null;
  recipients: readonly Readonly<{
    number: number;
    envelope: string;
    attempts: number;
    uncertain: number;
    delayNotified: number;
    lastError: string | null;
    firstTriedAt: number | null;
  }>[];
}>;

/** `now` is the caller's clock: the thread has none of its own for these. */
export type StoreRequest =
  | Readonly<{ kind: "accept"; message: MessageRow; state: number; now: number }>
  | Readonly<{ kind: "settle"; settlements: readonly SettlementRow[]; notices: readonly MessageRow[]; now: number }>
  | Readonly<{ kind: "put-back"; recipients: readonly RecipientName[]; nextTryAt: number }>
  | Readonly<{ kind: "take"; now: number; limit: number }>
  | Readonly<{ kind: "next-due" }>
  | Readonly<{ kind: "list"; filter: QueueFilter; now: number; after: Place | undefined; limit: number }>
  | Readonly<{ kind: "show"; id: string }>
  | Readonly<{
      kind: "change";
      action: "hold" | "release" | "retry" | "remove";
      filter: QueueFilter;
      now: number;
      after: Place | undefined;
    }>
  | Readonly<{ kind: "take-matching"; filter: QueueFilter; now: number; after: Place | undefined; limit: number }>
  | Readonly<{ kind: "counts" }>
  | Readonly<{ kind: "unprojected"; after: number; upTo: number; limit: number }>
  /** One slice: records older than `before` (ms since 1970). */
  | Readonly<{ kind: "prune"; before: number }>
  /** Begins a report, or goes on with the one begun last; a slice each time. */
  | Readonly<{ kind: "report"; query: ReportQuery | undefined }>
  /** Nothing but the projection mark that every group carries. */
  | Readonly<{ kind: "mark" }>;

/** What each request is answered with. `next` is where to go on, `undefined` when everything was seen. */
export type StoreAnswers = {
  accept: Readonly<{ kind: "stored" }> | Readonly<{ kind: "full"; error: string }>;
  /** Number of the settlement's first record; the others follow. */
  settle: number;
  "put-back": null;
  take: readonly TakenRow[];
  "next-due": number | undefined;
  list: Readonly<{ entries: readonly QueueEntry[]; next: Place | undefined }>;
  show:
    | Readonly<{ entries: readonly QueueEntry[]; records: readonly string[]; header: string; meta: string }>
    | undefined;
  change: Readonly<{ changed: number; next: Place | undefined }>;
  "take-matching": Readonly<{ messages: readonly TakenRow[]; next: Place | undefined }>;
  counts: QueueCounts;
  unprojected: readonly Readonly<{ seq: number; record: string }>[];
  /** True: there is more. */
  prune: boolean;
  /** `undefined`: there is more to count. */
  report: ReportPart | undefined;
  mark: null;
};

export type StoreGroup = Readonly<{
  requests: readonly StoreRequest[];
  bodies: SharedArrayBuffer | undefined;
  /** Records up to this number have reached the projections. */
  projected: number;
}>;

/**
 * `trouble`: disk, file or lock; nothing of this request was stored, it may be tried again. `bug`: our own mistake.
 */
export type StoreAnswer =
  | Readonly<{ kind: "done"; value: StoreAnswers[keyof StoreAnswers] }>
  | Readonly<{ kind: "trouble" | "bug"; error: string }>;

export type StoreReply = Readonly<{ answers: readonly StoreAnswer[]; seconds: number }>;

export type StoreOptions = Readonly<{
  file: string;
  spoolDirectory: string;
  /** Now, for due times of what a crash cut off. */
  now: number;
  /** Accepts are refused above this many bytes of bodies. */
  maxBodyBytes: number;
  /** Accepts are refused while the disk has less than this. */
  minFreeDiskBytes: number;
  /** Room kept for outcomes on a full disk (`disk-reserve.ts`). */
  reserveBytes: number;
  /** Cap of the database file in pages of 4 KiB. */
  maxPages: number | undefined;
}>;

/** The thread's first words. */
export type StoreOpened =
  | Readonly<{ kind: "opened"; recovered: number; lastSeq: number; projected: number; keptFiles: readonly string[] }>
  | Readonly<{ kind: "failed"; reason: QueueOpenError["reason"]; error: string }>;
