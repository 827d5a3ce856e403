/**
 * Mail to rows and back. Pure apart from the path of a spool file: no SQL here, no thread.
 */
import path from "node:path";
import type { Mailbox } from "../../mail/address.ts";
import { type AttemptRecord, attemptJson } from "../../mail/attempt.ts";
import type { BodyFacts } from "../../mail/body.ts";
import type { EnvelopeRecipient, EnvelopeSender } from "../../mail/envelope.ts";
import type { Arrival, NewMail, QueuedMail, Settlement } from "../queue.ts";
import { tallyOf } from "./tally-entry.ts";
import type { MessageRow, Place, RecipientRow, SettlementRow, TakenRow } from "./wire.ts";

type Meta = Readonly<{ sender: EnvelopeSender; facts: BodyFacts; arrival: Arrival }>;

/** @throws when a spool file lies outside `spoolDirectory`: it would not be found again. */
export function messageRow(mail: NewMail, spoolDirectory: string): MessageRow {
  const { sender, facts, arrival } = mail;
  return {
    id: mail.id,
    sender: sender.mailbox?.text ?? "",
    binding: mail.binding,
    size: mail.body.sizeBytes,
    arrivedAt: arrival.at,
    expiresAt: mail.expiresAt,
    spool: mail.body.kind === "file" ? spoolName(mail.body.path, spoolDirectory) : null,
    meta: JSON.stringify({ sender, facts, arrival } satisfies Meta),
    recipients: mail.recipients.map(recipientRow),
    bodyOffset: 0,
  };
}

export function settlementRow({ messageId, number, record, next }: Settlement): SettlementRow {
  return {
    messageId,
    number,
    recordId: record.id,
    record: attemptJson(record),
    ...tallyOf(record),
    nextTryAt: next.kind === "again" ? next.nextTryAt : null,
    attempts: record.attempt,
    delayNotified: next.kind === "again" && next.delayNotified,
    firstTriedAt: Date.parse(record.firstTriedAt),
    lastError: `${record.status} ${record.error ?? record.reply?.text ?? ""}`.trimEnd(),
  };
}

export function queuedMail(row: TakenRow, spoolDirectory: string): QueuedMail {
  const { sender, facts, arrival } = parseMeta(row.meta);
  return {
    id: row.id,
    sender,
    facts,
    arrival,
    binding: row.binding,
    expiresAt: row.expiresAt,
    body:
      row.spool === null
        ? { kind: "memory", sizeBytes: row.size, chunks: row.body === null || row.size === 0 ? [] : [row.body] }
        : { kind: "file", sizeBytes: row.size, path: path.join(spoolDirectory, row.spool) },
    recipients: row.recipients.map((one) => ({
      number: one.number,
      recipient: parseRecipient(one.envelope),
      attempts: one.attempts,
      firstTriedAt: one.firstTriedAt ?? undefined,
      uncertain: one.uncertain === 1,
      lastError: one.lastError ?? undefined,
      delayNotified: one.delayNotified === 1,
    })),
  };
}

export function parseArrival(meta: string): Arrival {
  return parseMeta(meta).arrival;
}

/** `<message id>.<recipient number>`, as `list` pages are continued. */
export function placeOf(text: string): Place {
  const dot = text.lastIndexOf(".");
  const number = Number(text.slice(dot + 1));
  if (dot < 1 || !Number.isInteger(number)) throw new Error(`not a place in the queue: ${JSON.stringify(text)}`);
  return { id: text.slice(0, dot), number };
}

export function parseRecord(text: string): AttemptRecord {
  return JSON.parse(text) as AttemptRecord;
}

function recipientRow(recipient: EnvelopeRecipient): RecipientRow {
  const { host, text } = recipient.mailbox;
  const domain = host === undefined ? "" : host.kind === "domain" ? host.domain : host.ip;
  return { address: text, domain, envelope: JSON.stringify(recipient) };
}

function spoolName(file: string, spoolDirectory: string): string {
  if (path.resolve(path.dirname(file)) !== path.resolve(spoolDirectory)) {
    throw new Error(`spool file ${file} is not in this queue's folder ${spoolDirectory}`);
  }
  return path.basename(file);
}

/** JSON drops members that are `undefined`: they are put back, so that what comes out equals what went in. */
function parseMeta(text: string): Meta {
  const { sender, facts, arrival } = JSON.parse(text) as Meta;
  const { mailbox, body, smtputf8, ret, envid } = sender;
  return { sender: { mailbox: mailbox && wholeMailbox(mailbox), body, smtputf8, ret, envid }, facts, arrival };
}

function parseRecipient(text: string): EnvelopeRecipient {
  const { mailbox, notify, orcpt } = JSON.parse(text) as EnvelopeRecipient;
  return { mailbox: wholeMailbox(mailbox), notify, orcpt };
}

function wholeMailbox({ text, localPart, host }: Mailbox): Mailbox {
  return { text, localPart, host };
}
