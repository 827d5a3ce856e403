/**
 * Where in the conversation a message failed, in Momentum's numbers and words (log formats: Connection Stages). A reply
 * that refuses a command is one "after" it, as the sample of the mainlog has it: 5 for `552 No such account`.
 */
import type { AttemptFailure, AttemptRecord } from "../../mail/attempt.ts";
import type { SmtpStage } from "../../mail/smtp-stage.ts";

type Stage = Readonly<{ number: number; text: string }>;

const stages = {
  none: { number: 0, text: "while not connected" },
  mail: { number: 3, text: "after MAIL FROM" },
  rcpt: { number: 5, text: "after RCPT TO" },
  data: { number: 7, text: "after DATA" },
  body: { number: 8, text: "while sending BODY" },
  confirmation: { number: 9, text: "reading confirmation" },
  ehlo: { number: 11, text: "after EHLO" },
  banner: { number: 12, text: "reading BANNER" },
  starttls: { number: 16, text: "after STARTTLS" },
  handshake: { number: 17, text: "handshaking TLS" },
  unknown: { number: 22, text: "in unknown state" },
} as const satisfies Record<string, Stage>;

/** Where there was no failure: what the sample of a rejection log prints. */
export const noStage: Stage = { number: stages.unknown.number, text: "" };

const byStage: Readonly<Record<SmtpStage, Stage>> = {
  connect: stages.none,
  greeting: stages.banner,
  ehlo: stages.ehlo,
  starttls: stages.starttls,
  handshake: stages.handshake,
  mail: stages.mail,
  rcpt: stages.rcpt,
  data: stages.data,
  body: stages.body,
  "final-dot": stages.confirmation,
};

/** Inferred: the manual says of none of these where it is told. */
const byTls: Readonly<Record<NonNullable<AttemptFailure["tls"]>, Stage>> = {
  "not-asked": stages.ehlo,
  "not-offered": stages.ehlo,
  refused: stages.starttls,
  lost: stages.starttls,
  injected: stages.starttls,
  handshake: stages.handshake,
  unproven: stages.handshake,
  requirement: stages.handshake,
  "recipient-requirement": stages.handshake,
  "mx-pattern": stages.none,
};

export function stageOf({ failure, event }: AttemptRecord): Stage {
  if (event === "delivered") return noStage;
  if (failure === null) return stages.unknown;
  if (failure.stage !== null) return byStage[failure.stage];
  if (failure.tls !== null) return byTls[failure.tls];
  return stages.none;
}
