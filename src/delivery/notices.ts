/**
 * Turns the end of an attempt into the notices that are due, as mail for the queue. Whom to tell and what to say is
 * `dsn/`'s; how long a delay must last, the schedule's.
 */
import type { Settings } from "../config/settings.ts";
import { composeNotice, noticeHeaderId } from "../dsn/compose.ts";
import { type NoticeCandidate, type NoticePlan, noticesFor } from "../dsn/notices.ts";
import type { MessageOrigin } from "../mail/attempt.ts";
import { isoTime } from "../mail/iso-time.ts";
import type { Observer } from "../observe/events.ts";
import type { NewMail, QueuedMail } from "../queue/queue.ts";
import type { NoticeMaker, SettledRecipient } from "./settle.ts";

export type NoticeTools = Readonly<{
  settings: () => Settings;
  newId: () => string;
  observe: Observer;
}>;

/** RET=FULL returns the message up to this size, larger ones as their header section (AT-31). */
const maxReturnedBytes = 256 * 1024;

function localOrigin(now: number): MessageOrigin {
  return {
    receivedAt: isoTime(now),
    session: null,
    listener: null,
    client: null,
    clientName: null,
    ehlo: null,
    protocol: "local",
    user: null,
    by: null,
    tls: null,
    envid: null,
    headers: {},
  };
}

type Candidate = NoticeCandidate & Readonly<{ number: number }>;

export function createNoticeMaker(tools: NoticeTools): NoticeMaker {
  return async (mail, settled, now) => {
    const delayMs = tools.settings().retry.delayNoticeMs;
    const delayDue = delayMs !== undefined && now - mail.arrival.at >= delayMs;
    const plans = noticesFor(
      mail.sender,
      settled.map((one) => candidate(one, delayDue)),
    );
    const notices: NewMail[] = [];
    for (const plan of plans) notices.push(await compose(plan, mail, now, tools));
    const delayed = plans.filter(({ action }) => action === "delayed").flatMap(({ recipients }) => recipients);
    return { notices, delayNotified: new Set(delayed.map(({ number }) => number)) };
  };
}

function candidate({ end, event, record, nextTryAt }: SettledRecipient, delayDue: boolean): Candidate {
  const { recipient, dsnPassedOn } = end;
  return {
    number: recipient.number,
    recipient: recipient.recipient,
    record,
    dsnPassedOn: event === "delivered" && dsnPassedOn,
    delayDue: delayDue && nextTryAt !== undefined && !recipient.delayNotified,
  };
}

async function compose(
  plan: NoticePlan<Candidate>,
  mail: QueuedMail,
  now: number,
  tools: NoticeTools,
): Promise<NewMail> {
  const { hostname, defaultBinding, retry } = tools.settings();
  const id = tools.newId();
  const { arrival, expiresAt, sender, body, facts } = mail;
  const reported = { id: mail.id, sender, body, facts, arrivedAt: arrival.at, expiresAt };
  const { recipients, ...notice } = await composeNotice({ plan, mail: reported, hostname, id, now, maxReturnedBytes });
  const [{ mailbox }] = recipients;
  tools.observe({
    kind: "notice-queued",
    messageId: id,
    about: mail.id,
    to: mailbox.text,
    action: plan.action,
    headerId: noticeHeaderId(id, hostname),
    sizeBytes: notice.body.sizeBytes,
    binding: defaultBinding,
  });
  return {
    ...notice,
    id,
    recipients,
    binding: defaultBinding,
    arrival: { at: now, origin: localOrigin(now) },
    expiresAt: now + retry.bounceLifetimeMs,
  };
}
