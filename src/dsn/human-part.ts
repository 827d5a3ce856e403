/**
 * The part of a notice that people read: what happened to which recipient, why, and what happens next.
 * Addresses may be UTF-8 (the part is then encoded); whatever a peer wrote was escaped when the record was made, and is
 * escaped and capped again here (standards.md DS-9, AT-28).
 */
import { escapeText } from "../mail/escape.ts";
import { formatDate, type NoticeInput } from "./notice-input.ts";
import type { NoticeAction, NoticeCandidate } from "./notices.ts";
import { tlsFailureOf } from "./tls-failure.ts";

const width = 72;
/** The sender knows whom he wrote to: beyond these, the part for programs has the rest. */
const maxListed = 50;

export const subjects: Record<NoticeAction, string> = {
  failed: "Your message could not be delivered",
  delayed: "Your message is delayed and still being tried",
  relayed: "Your message was passed on",
};

/** Lines of at most 72 characters where words allow, ended by CR LF. */
export function humanPart(input: NoticeInput): string {
  const { plan, mail, hostname } = input;
  const listed = plan.recipients.slice(0, maxListed).flatMap((candidate) => ["", ...about(candidate, input)]);
  const more = plan.recipients.length - maxListed;
  return [
    `This is the mail relay at ${hostname}.`,
    "",
    ...wrap(opening(input), ""),
    ...listed,
    ...(more > 0 ? ["", `and ${more} more recipients, listed in the next part.`] : []),
    "",
    ...wrap(`The relay knows the message as ${mail.id}, accepted ${formatDate(mail.arrivedAt)}.`, ""),
    "",
  ].join("\r\n");
}

function opening({ plan: { action }, mail }: NoticeInput): string {
  switch (action) {
    case "failed":
      return "Your message could not be delivered to the recipients below. No further attempt will be made for them; any others were or will be served as usual.";
    case "delayed":
      return `Your message has not been delivered to the recipients below yet. Attempts go on until ${formatDate(mail.expiresAt)}. You need not send it again; you will hear if it fails in the end.`;
    case "relayed":
      return "Your message was passed on for the recipients below to a mail server that does not report on delivery. This is the last notice that you will get about them, unless delivery fails there.";
  }
}

function about({ recipient, record }: NoticeCandidate, { mail, plan }: NoticeInput): string[] {
  const tls = tlsFailureOf(record);
  const lines = [`<${printable(recipient.mailbox.text)}>`];
  const say = (text: string) => lines.push(...wrap(escapeText(text, 1200), "    "));
  if (plan.action === "relayed") {
    say(`passed on to ${host(record)}`);
    return lines;
  }
  if (tls !== undefined) {
    say(`The connection to ${host(record)} was not secure enough to hand the message over.`);
    say(`Required: TLS level "${tls.level}" (${tls.policy}).`);
    for (const step of tls.steps) say(`Failed: ${step}.`);
    say(
      `Tried since ${formatDate(mail.arrivedAt)}, attempt ${record.attempt} was made ${formatDate(Date.parse(record.time))}.`,
    );
  } else if (record.reply !== null) {
    const { code, enhanced, text } = record.reply;
    say(`${host(record)} answered: ${[code, enhanced, text].filter(Boolean).join(" ")}`);
  } else {
    say(record.error ?? "no reason was recorded");
  }
  if (record.event === "expired") say("Given up: the message has waited as long as this relay keeps mail.");
  say(`Status: ${record.status}`);
  return lines;
}

function host({ mx, address }: NoticeCandidate["record"]): string {
  if (mx === null && address === null) return "the next host";
  return `${mx ?? ""}[${address ?? "no address"}]`;
}

/** An address as its owner writes it, without controls and direction marks. */
function printable(text: string): string {
  return text.slice(0, 512).replace(/\p{C}|\p{Z}/gu, (char) => (char === " " ? char : escapeText(char)));
}

/** Words longer than a line are cut: hostile text makes no long lines. */
function wrap(text: string, indent: string): string[] {
  const room = width - indent.length;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((long) => long.match(new RegExp(`.{1,${room}}`, "gsu")) ?? [""])) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
