/**
 * Composes one delivery status notification: a multipart/report (RFC 6522) of a text for people, a status for programs
 * and the returned message or its header, with the envelope to queue it under. Made with nodemailer's composer tree.
 *
 * Guarantees: null reverse-path, no NOTIFY but NEVER, so that nothing is ever reported about a report (DS-6, BO-2);
 * every line ends in CR LF; nothing that a peer wrote reaches a header or a line of its own (AT-28).
 * Not here: whether a notice is due (`notices.ts`).
 */
import MimeNode from "nodemailer/lib/mime-node";
import type { Body, BodyFacts } from "../mail/body.ts";
import type { EnvelopeRecipient, EnvelopeSender } from "../mail/envelope.ts";
import { humanPart, subjects } from "./human-part.ts";
import { isAscii, type NoticeInput } from "./notice-input.ts";
import { type ReturnedPart, returnedPart } from "./returned-part.ts";
import { statusPart } from "./status-part.ts";

/** Ready for the queue. */
export type ComposedNotice = Readonly<{
  sender: EnvelopeSender;
  recipients: readonly [EnvelopeRecipient];
  body: Extract<Body, { kind: "memory" }>;
  facts: BodyFacts;
}>;

/** The Message-ID of a notice. @param id ours, of the notice */
export function noticeHeaderId(id: string, hostname: string): string {
  return `<${id}@${hostname}>`;
}

/** Throws when the message has a null reverse-path (a bug: `noticesFor` plans none); nothing else makes it reject. */
export async function composeNotice(input: NoticeInput): Promise<ComposedNotice> {
  const { mailbox } = input.mail.sender;
  if (mailbox === undefined) throw new Error(`a notice about ${input.mail.id}, which has no sender`);
  const returned = await returnedPart(input);
  const bytes = await compose(input, mailbox.text, returned);
  const has8bit = returned.encoding === "8bit" || !isAscii(mailbox.text);
  return {
    sender: {
      mailbox: undefined,
      body: has8bit ? "8bitmime" : "7bit",
      // Parts with UTF-8 are encoded: only an address in UTF-8 needs SMTPUTF8 on the way (EX-12).
      smtputf8: !isAscii(mailbox.text),
      ret: undefined,
      envid: undefined,
    },
    recipients: [{ mailbox, notify: "never", orcpt: undefined }],
    body: { kind: "memory", sizeBytes: bytes.length, chunks: [bytes] },
    facts: { has8bit, hasUtf8Header: !isAscii(mailbox.text), receivedCount: 0, endsWithCrlf: true },
  };
}

async function compose(input: NoticeInput, to: string, returned: ReturnedPart): Promise<Buffer> {
  const { plan, mail, hostname, id, now } = input;
  const root = new MimeNode("multipart/report; report-type=delivery-status", {
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  root.setHeader({
    From: { name: "Mail Delivery System", address: `MAILER-DAEMON@${hostname}` },
    To: { address: to },
    Subject: subjects[plan.action],
    Date: new Date(now),
    "Message-ID": noticeHeaderId(id, hostname),
    "Auto-Submitted": "auto-replied",
  });
  root.createChild("text/plain; charset=utf-8").setContent(humanPart(input));

  const status = statusPart(input);
  root
    .createChild(mail.sender.smtputf8 ? "message/global-delivery-status" : "message/delivery-status")
    .setHeader("Content-Transfer-Encoding", isAscii(status) ? "7bit" : "base64")
    .setContent(status);

  if (returned.encoding === "7bit" || returned.encoding === "8bit") {
    // As it is, label and all: the composer would encode header text with long lines.
    const label = `Content-Type: ${returned.contentType}\r\nContent-Transfer-Encoding: ${returned.encoding}\r\n\r\n`;
    root.createChild(returned.contentType).setRaw(Buffer.concat([Buffer.from(label), returned.bytes]));
  } else {
    root
      .createChild(returned.contentType)
      .setHeader("Content-Transfer-Encoding", returned.encoding)
      .setContent(returned.bytes);
  }
  return await root.build();
}
