/**
 * What a recipient is told when the conversation ended before its answer.
 */
import type { SmtpStage } from "../../mail/smtp-stage.ts";
import type { Conversation } from "./conversation.ts";
import type { RecipientResult } from "./sender.ts";

/** A 421 stands for all answers that it cut off (CL-14); a broken connection is temporary (CL-7). */
export function lost(talk: Conversation): RecipientResult {
  if (talk.goodbye !== undefined) return { kind: "refused", ...talk.goodbye };
  return broken(talk, talk.broken?.stage ?? "mail", false);
}

/** The end of the message was written, and nobody knows whether it arrived (RFC 5321 §4.5.3.2.6, RFC 1047, CL-8). */
export function uncertain(talk: Conversation): RecipientResult {
  return broken(talk, "final-dot", true);
}

const unusable = { status: "4.4.2", code: "CLOSED", text: "the connection cannot be used any more" } as const;

function broken(talk: Conversation, stage: SmtpStage, unsure: boolean): RecipientResult {
  const { status, code, text } = talk.broken ?? unusable;
  return { kind: "broken", stage, status, code, text, uncertain: unsure };
}
