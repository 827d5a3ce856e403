/**
 * A peer's reply on one line.
 */
import type { RecordedReply } from "../../mail/attempt.ts";

/** `550 5.1.1 nobody here`; lines of a longer reply are joined. */
export function replyText(reply: RecordedReply): string {
  return `${reply.code} ${replyWords(reply)}`;
}

/** Without its code. */
export function replyWords({ enhanced, text }: Pick<RecordedReply, "enhanced" | "text">): string {
  return enhanced === null ? text : `${enhanced} ${text}`;
}
