/**
 * The part of a notice that programs read: `message/delivery-status` (RFC 3464 §2), or its UTF-8 sister
 * `message/global-delivery-status` (RFC 6533 §4) for a message that came with SMTPUTF8 (standards.md DS-8, DS-10, EX-15).
 * Every value is one logical line of printable text, capped and folded, whoever wrote it (AT-28).
 */
import type { EnvelopeRecipient } from "../mail/envelope.ts";
import { escapeText } from "../mail/escape.ts";
import { decodeUtf8Address, decodeXtext, encodeUtf8Address } from "../mail/xtext.ts";
import { formatDate, isAscii, type NoticeInput } from "./notice-input.ts";
import type { NoticeCandidate } from "./notices.ts";

/** With the field's name within the 998 octets of a line (RFC 5322 §2.1.1), also where it cannot be folded. */
const maxValue = 900;
const foldAt = 76;

/** Lines end in CR LF; groups are separated by an empty line. */
export function statusPart({ plan, mail, hostname }: NoticeInput): string {
  const isGlobal = mail.sender.smtputf8;
  const envid = mail.sender.envid === undefined ? undefined : decodeXtext(mail.sender.envid);
  const perMessage = [
    field("Reporting-MTA", `dns; ${hostname}`),
    field("Original-Envelope-Id", envid ?? ""),
    field("Arrival-Date", formatDate(mail.arrivedAt)),
  ];
  const groups = plan.recipients.map((candidate) => recipientGroup(candidate, plan.action, mail.expiresAt, isGlobal));
  return [perMessage.join(""), ...groups].join("\r\n");
}

function recipientGroup(
  { recipient, record }: NoticeCandidate,
  action: string,
  expiresAt: number,
  isGlobal: boolean,
): string {
  const { mx, address, reply, error, status, time } = record;
  const original = recipient.orcpt === undefined ? undefined : originalRecipient(recipient.orcpt, isGlobal);
  const remote = mx ?? (address === null ? undefined : `[${address}]`);
  return [
    original === undefined ? "" : addressField("Original-Recipient", original, isGlobal),
    addressField("Final-Recipient", finalRecipient(recipient, isGlobal), isGlobal),
    field("Action", action),
    field("Status", status),
    remote === undefined ? "" : field("Remote-MTA", `dns; ${remote}`),
    // A reply as the peer gave it; anything else is ours, hence a type of our own. RFC 3464 §2.3.6
    reply !== null
      ? field("Diagnostic-Code", `smtp; ${[reply.code, reply.enhanced, reply.text].filter(Boolean).join(" ")}`)
      : error === null
        ? ""
        : field("Diagnostic-Code", `x-letterlock; ${error}`),
    field("Last-Attempt-Date", formatDate(Date.parse(time))),
    action === "delayed" ? field("Will-Retry-Until", formatDate(expiresAt)) : "",
  ].join("");
}

function finalRecipient({ mailbox }: EnvelopeRecipient, isGlobal: boolean): string {
  if (isAscii(mailbox.text)) return `rfc822;${mailbox.text}`;
  return `utf-8;${isGlobal ? mailbox.text : encodeUtf8Address(mailbox.text)}`;
}

/** ORCPT as the sender meant it; undefined when it is not what RFC 3461 §4.2 allows. */
function originalRecipient(orcpt: string, isGlobal: boolean): string | undefined {
  const [, type, text] = /^([A-Za-z0-9-]+);(.*)$/su.exec(orcpt) ?? [];
  if (type === undefined || text === undefined) return undefined;
  if (type.toLowerCase() === "utf-8") {
    // RFC 6533 §3: UTF-8 as it is only where eight bits are at home.
    const address = decodeUtf8Address(text);
    return `utf-8;${isGlobal ? address : encodeUtf8Address(address)}`;
  }
  const address = decodeXtext(text);
  return address === undefined ? undefined : `${type};${address}`;
}

/** An address may hold UTF-8 where the part may; controls never pass. */
function addressField(name: string, value: string, isGlobal: boolean): string {
  const safe = isGlobal
    ? [...value.slice(0, maxValue)]
        .map((char) => (isAscii(char) || /\p{C}|\p{Z}/u.test(char) ? escapeText(char) : char))
        .join("")
    : escapeText(value, maxValue);
  return `${name}: ${safe}\r\n`;
}

/** No field without a value. Runs of blanks become one, so that folding leaves no line empty. */
function field(name: string, value: string): string {
  const text = escapeText(value, maxValue).replaceAll(/ +/g, " ").trim();
  return text === "" ? "" : `${fold(`${name}: ${text}`)}\r\n`;
}

/** At blanks, and within words that are longer than a line: what is read may gain a blank, a line never grows long. */
function fold(line: string): string {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > foldAt) {
    const blank = rest.lastIndexOf(" ", foldAt);
    // Never right after the name's colon: the first line of a field holds more than its name.
    const cut = blank > foldAt / 2 ? blank : foldAt;
    lines.push(rest.slice(0, cut));
    rest = ` ${rest.slice(cut).trimStart()}`;
  }
  return [...lines, rest].join("\r\n");
}
