/**
 * Writes the end of an attempt: for each recipient its record and its next state, and the notices that are due, all in
 * one transaction of the queue. What is observed afterwards is therefore on disk.
 */
import type { RetrySettings, Settings } from "../config/settings.ts";
import type { AttemptEvent, AttemptRecord } from "../mail/attempt.ts";
import type { Clock } from "../mail/clock.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { Observer } from "../observe/events.ts";
import type { NewMail, Queue, QueuedMail, Settlement } from "../queue/queue.ts";
import { nextTry } from "../queue/retry-schedule.ts";
import { buildAttempt, type HostMet } from "../record/build-attempt.ts";
import { type Failure, type HostContact, type RecipientOutcome, recordedFailure } from "./attempt-result.ts";

export type AttemptEnd = Readonly<{
  mail: QueuedMail;
  nexthop: Nexthop | undefined;
  outcomes: readonly RecipientOutcome[];
  /** ms since 1970. */
  startedAt: number;
  /** The destination is suspended until then: no earlier next try. */
  notBefore?: number;
}>;

/** One recipient's end as notices see it. */
export type SettledRecipient = Readonly<{
  end: RecipientOutcome;
  event: AttemptEvent;
  record: AttemptRecord;
  /** ms since 1970; undefined when there is no next try. */
  nextTryAt: number | undefined;
}>;

/** Which notices an attempt's end makes due, composed. Marks whom a delay notice is about. */
export type NoticeMaker = (
  mail: QueuedMail,
  settled: readonly SettledRecipient[],
  now: number,
) => Promise<Readonly<{ notices: readonly NewMail[]; delayNotified: ReadonlySet<number> }>>;

export type SettleTools = Readonly<{
  settings: () => Pick<Settings, "bindings">;
  queue: Queue;
  notices: NoticeMaker;
  observe: Observer;
  clock: Clock;
  random: () => number;
}>;

export const noNotices: Awaited<ReturnType<NoticeMaker>> = { notices: [], delayNotified: new Set() };

/** @returns when the soonest next try of these recipients or notices is due, `undefined` when none is */
export async function settle(end: AttemptEnd, tools: SettleTools, retry: RetrySettings): Promise<number | undefined> {
  const now = tools.clock.now();
  const settled = end.outcomes.map((outcome, index) => settleOne(end, outcome, index === 0, now, tools, retry));
  const plain = settled.every(
    ({ event, end: { recipient } }) => event === "delivered" && recipient.recipient.notify === undefined,
  );
  const { notices, delayNotified } = plain ? noNotices : await tools.notices(end.mail, settled, now);
  const settlements = settled.map(({ end: { recipient }, record, nextTryAt }): Settlement => {
    const { number } = recipient;
    const notified = recipient.delayNotified || delayNotified.has(number);
    return {
      messageId: end.mail.id,
      number,
      record,
      next: nextTryAt === undefined ? { kind: "done" } : { kind: "again", nextTryAt, delayNotified: notified },
    };
  });
  await tools.queue.settle(settlements, notices);
  for (const { record } of settlements) tools.observe({ kind: "attempt", record });
  const times = settled.flatMap(({ nextTryAt }) => (nextTryAt === undefined ? [] : [nextTryAt]));
  if (notices.length > 0) times.push(now);
  return times.length === 0 ? undefined : Math.min(...times);
}

function settleOne(
  { mail, nexthop, startedAt, notBefore }: AttemptEnd,
  end: RecipientOutcome,
  leads: boolean,
  now: number,
  { random, settings }: SettleTools,
  retry: RetrySettings,
): SettledRecipient {
  const { recipient, outcome, contact } = end;
  const attempt = recipient.attempts + 1;
  let event: AttemptEvent = outcome.kind;
  let nextTryAt: number | undefined;
  if (outcome.kind === "deferred") {
    const next = nextTry({
      attempts: attempt,
      arrivedAt: mail.arrival.at,
      now,
      schedule: retry.scheduleMs,
      jitter: retry.jitter,
      random,
      expiresAt: mail.expiresAt,
    });
    if (next.kind === "expired") event = "expired";
    else nextTryAt = Math.min(Math.max(next.time, notBefore ?? 0), Math.max(next.time, mail.expiresAt));
  }
  const record = buildAttempt({
    messageId: mail.id,
    number: recipient.number,
    attempt,
    event,
    from: mail.sender.mailbox,
    to: recipient.recipient.mailbox,
    orcpt: recipient.recipient.orcpt,
    recipients: mail.recipients.length,
    firstTriedAt: recipient.firstTriedAt,
    leads,
    binding: mail.binding,
    bindingGroup: settings().bindings.get(mail.binding)?.group,
    origin: mail.arrival.origin,
    nexthop: contact?.nexthop ?? nexthop,
    ...hostMet(contact, end.failure),
    reply: end.reply,
    error: outcome.kind === "delivered" ? undefined : outcome.text,
    status: outcome.status,
    earlier: end.earlier.map((failure) => hostMet(failure.contact, failure)),
    sizeBytes: mail.body.sizeBytes,
    uncertain: end.uncertain,
    acceptedAt: mail.arrival.at,
    startedAt,
    readyAt: contact?.readyAt,
    now,
  });
  return { end, event, record, nextTryAt };
}

function hostMet(contact: HostContact | undefined, failure: Failure | undefined): HostMet {
  return {
    place: contact,
    hop: contact && {
      decision: contact.decision,
      facts: contact.facts,
      verdict: contact.verdict,
      reusedConnection: contact.reusedConnection ?? false,
    },
    connection: contact?.connection && { ...contact.connection.facts, use: contact.connection.use },
    reply: failure?.reply,
    error: failure?.text,
    status: failure?.status ?? "2.0.0",
    failure: failure && recordedFailure(failure),
  };
}
