/**
 * One mail transaction on a ready connection: MAIL, RCPT and DATA in one write where the peer pipelines, then body and
 * final dot in one write where the body is in memory. Two writes and two waits for a usual message.
 *
 * Guarantees:
 *  - every reply is matched to its command; recipients are settled one by one (CL-12);
 *  - a result is `uncertain` exactly when the end of the message was written and its reply is missing (CL-8);
 *  - a message that cannot be read whole is never ended: the connection is dropped instead.
 * RFC 5321 §3.3, RFC 2920 §3.1; standards.md CL-*, EX-22. The body itself: `body-transfer.ts`.
 */
import type { EnvelopeRecipient } from "../../mail/envelope.ts";
import { type Reply, replyClass } from "../../mail/reply.ts";
import type { SmtpStage } from "../../mail/smtp-stage.ts";
import { sendByBdat, sendByData, wantsBdat } from "./body-transfer.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Conversation } from "./conversation.ts";
import { mailLine, rcptLine } from "./envelope-commands.ts";
import { lost } from "./lost.ts";
import type { OutboundMessage, RecipientResult } from "./sender.ts";

export type TransactionResult = Readonly<{
  /** In the order of the recipients that were given. */
  results: readonly RecipientResult[];
  /** The peer still holds a half-done transaction: RSET comes before the next one. */
  leftOpen: boolean;
}>;

export type TransactionRequest = Readonly<{
  message: OutboundMessage;
  /** The recipients of this transaction, at least one. */
  recipients: readonly EnvelopeRecipient[];
  /** A transaction before this one was left open. */
  reset: boolean;
}>;

/** The replies to the envelope, as far as they came. */
type Answers = Readonly<{ mail: Reply | undefined; rcpt: readonly (Reply | undefined)[]; data: Reply | undefined }>;

export async function transact(
  talk: Conversation,
  peer: Capabilities,
  request: TransactionRequest,
): Promise<TransactionResult> {
  const { message, recipients } = request;
  const bdat = peer.chunking && wantsBdat(message);
  const commands: EnvelopeCommands = {
    reset: request.reset,
    mail: mailLine(message, recipients, peer),
    rcpt: recipients.map((recipient) => rcptLine(recipient, peer)),
    data: !bdat,
  };
  const answers = peer.pipelining ? await sayTogether(talk, commands) : await sayOneByOne(talk, commands);
  const settled = answers.rcpt.map((_, index) => refusal(talk, answers, index));
  const go = await clearance(talk, answers, settled.includes(undefined), bdat);
  const last = go === "send" ? await (bdat ? sendByBdat : sendByData)(talk, message, peer.dsn) : go;
  return {
    results: settled.map((result) => result ?? last ?? lost(talk)),
    leftOpen: answers.mail !== undefined && isYes(answers.mail) && go !== "send" && !isGo(answers.data),
  };
}

type EnvelopeCommands = Readonly<{ reset: boolean; mail: string; rcpt: readonly string[]; data: boolean }>;

/** One write, and one wait for all replies. */
async function sayTogether(talk: Conversation, { reset, mail, rcpt, data }: EnvelopeCommands): Promise<Answers> {
  talk.write(
    `${reset ? "RSET\r\n" : ""}${mail}${rcpt.length === 1 ? rcpt[0] : rcpt.join("")}${data ? "DATA\r\n" : ""}`,
  );
  const mailAt = reset ? 1 : 0;
  const dataAt = mailAt + 1 + rcpt.length;
  const replies = await talk.read(data ? dataAt + 1 : dataAt, (index): SmtpStage => {
    if (index <= mailAt) return "mail";
    return index < dataAt ? "rcpt" : "data";
  });
  if (reset && !isYes(replies[0])) talk.reject("RSET was not accepted");
  return {
    mail: replies[mailAt],
    rcpt: rcpt.map((_, index) => replies[mailAt + 1 + index]),
    data: replies[dataAt],
  };
}

/** The peer does not pipeline: each command waits for its reply, and DATA is said only when someone was accepted. */
async function sayOneByOne(talk: Conversation, { reset, mail, rcpt, data }: EnvelopeCommands): Promise<Answers> {
  const none = rcpt.map(() => undefined);
  if (reset && !isYes(await talk.ask("mail", "RSET\r\n"))) talk.reject("RSET was not accepted");
  const mailReply = await talk.ask("mail", mail);
  if (!isYes(mailReply)) return { mail: mailReply, rcpt: none, data: undefined };
  const replies: (Reply | undefined)[] = [];
  for (const line of rcpt) replies.push(talk.goodbye === undefined ? await talk.ask("rcpt", line) : undefined);
  const wanted = data && talk.goodbye === undefined && replies.some(isYes);
  return { mail: mailReply, rcpt: replies, data: wanted ? await talk.ask("data", "DATA\r\n") : undefined };
}

/** What the envelope's replies say of one recipient; `undefined` when it was accepted. */
function refusal(talk: Conversation, { mail, rcpt }: Answers, index: number): RecipientResult | undefined {
  if (isNo(mail)) return { kind: "refused", stage: "mail", reply: mail };
  const reply = rcpt[index];
  if (isNo(reply)) return { kind: "refused", stage: "rcpt", reply: asTooMany(reply, rcpt.slice(0, index).some(isYes)) };
  if (isYes(mail) && isYes(reply)) return undefined;
  talk.reject("an answer that fits no command");
  return lost(talk);
}

/** A 552 behind accepted recipients means too many of them (RFC 5321 §4.5.3.1.10, CL-11). */
function asTooMany(reply: Reply, othersAccepted: boolean): Reply {
  return reply.code === 552 && othersAccepted ? { ...reply, code: 452, enhanced: "4.5.3" } : reply;
}

/** May the body be sent? Otherwise what holds for the recipients that were accepted, if any. */
async function clearance(
  talk: Conversation,
  { rcpt, data }: Answers,
  someAccepted: boolean,
  bdat: boolean,
): Promise<"send" | RecipientResult | undefined> {
  if (talk.goodbye !== undefined || talk.broken !== undefined) return lost(talk);
  if (!someAccepted) {
    if (isGo(data)) await sendNothing(talk, rcpt);
    return undefined;
  }
  if (bdat || isGo(data)) return "send";
  if (isNo(data)) return { kind: "refused", stage: "data", reply: data };
  talk.reject("an answer that fits no command");
  return lost(talk);
}

/** DATA was accepted though no recipient was: a lone dot ends it (RFC 2920 §3.1), which must reach nobody. */
async function sendNothing(talk: Conversation, rcpt: Answers["rcpt"]): Promise<void> {
  if (rcpt.some(isYes)) return talk.reject("recipients and DATA accepted behind a refused MAIL");
  await talk.ask("final-dot", ".\r\n");
}

function isYes(reply: Reply | undefined): reply is Reply {
  return reply !== undefined && replyClass(reply) === "success";
}

function isGo(reply: Reply | undefined): boolean {
  return reply !== undefined && replyClass(reply) === "intermediate";
}

function isNo(reply: Reply | undefined): reply is Reply {
  return reply !== undefined && reply.code >= 400;
}
