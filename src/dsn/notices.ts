/**
 * Which delivery status notifications the end of an attempt makes due, and about whom. Pure.
 * RFC 3461 §5.2, RFC 5321 §4.5.4 and §6.1; standards.md DS-3 to DS-5, BO-1, BO-2, BO-4.
 * Not here: what a notice says (`compose.ts`), when a delay is long enough (the caller's schedule).
 */
import type { AttemptRecord } from "../mail/attempt.ts";
import type { EnvelopeRecipient, EnvelopeSender, Notify } from "../mail/envelope.ts";

export type NoticeAction = "failed" | "delayed" | "relayed";

/** One recipient whose attempt has just ended. */
export type NoticeCandidate = Readonly<{
  recipient: EnvelopeRecipient;
  record: AttemptRecord;
  /** The next hop offers DSN and was given this recipient's parameters: it answers for the rest (DS-2). */
  dsnPassedOn: boolean;
  /** Deferred for long enough, and no delay notice was sent before. */
  delayDue: boolean;
}>;

/** One notice: everyone for whom the same is to be said (BO-4). */
export type NoticePlan<T extends NoticeCandidate = NoticeCandidate> = Readonly<{
  action: NoticeAction;
  recipients: readonly T[];
}>;

/** At most one plan per action; none for a null reverse-path (BO-2). */
export function noticesFor<T extends NoticeCandidate>(
  sender: EnvelopeSender,
  candidates: readonly T[],
): readonly NoticePlan<T>[] {
  if (sender.mailbox === undefined) return [];
  const actions: readonly NoticeAction[] = ["failed", "delayed", "relayed"];
  return actions.flatMap((action) => {
    const recipients = candidates.filter((candidate) => actionFor(candidate) === action);
    return recipients.length === 0 ? [] : [{ action, recipients }];
  });
}

function actionFor({
  recipient: { notify },
  record,
  dsnPassedOn,
  delayDue,
}: NoticeCandidate): NoticeAction | undefined {
  switch (record.event) {
    case "failed":
    case "expired":
      return wants(notify, "failure") ? "failed" : undefined;
    case "deferred":
      return delayDue && wants(notify, "delay") ? "delayed" : undefined;
    case "delivered":
      return !dsnPassedOn && wants(notify, "success") ? "relayed" : undefined;
  }
}

/** Without NOTIFY, failures are reported and so are delays; success never is (RFC 3461 §4.1). */
function wants(notify: Notify | undefined, about: "success" | "failure" | "delay"): boolean {
  if (notify === undefined) return about !== "success";
  return notify !== "never" && notify.includes(about);
}
