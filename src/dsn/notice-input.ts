/**
 * What a notice is made of; every part of it reads the same value.
 */
import type { Body, BodyFacts } from "../mail/body.ts";
import type { EnvelopeSender } from "../mail/envelope.ts";
import type { NoticePlan } from "./notices.ts";

/** The message that the notice is about. */
export type ReportedMail = Readonly<{
  id: string;
  sender: EnvelopeSender;
  body: Body;
  facts: BodyFacts;
  /** ms since 1970: accepted by us; given up after. */
  arrivedAt: number;
  expiresAt: number;
}>;

export type NoticeInput = Readonly<{
  plan: NoticePlan;
  mail: ReportedMail;
  /** Our name: Reporting-MTA, From and Message-ID. A-labels. */
  hostname: string;
  /** The notice's own id in our queue, unique for ever. */
  id: string;
  /** ms since 1970. */
  now: number;
  /** RET=FULL is honoured up to this size; a larger message returns as its header section. */
  maxReturnedBytes: number;
}>;

/** RFC 5322 §3.3, UTC. */
export function formatDate(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}

export function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}
