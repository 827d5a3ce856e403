/**
 * From an envelope to MAIL and RCPT lines, given what the peer offers; and what the peer lacks for a message, before
 * anything is said (standards.md EX-6, EX-8, EX-12, DS-2, DS-3). Pure.
 * Parameters that came with the message go on as they came; none is invented (RFC 3461 §5.2.1).
 */
import type { Mailbox } from "../../mail/address.ts";
import type { EnvelopeRecipient, EnvelopeSender } from "../../mail/envelope.ts";
import type { EnhancedStatus } from "../../mail/outcome.ts";
import { encodeUtf8Address } from "../../mail/xtext.ts";
import type { Capabilities } from "./capabilities.ts";
import type { OutboundMessage } from "./sender.ts";

/** Why this peer cannot take a message or a recipient. */
export type Unsuitable = Readonly<{ kind: "unsuitable"; status: EnhancedStatus; text: string }>;

/**
 * What holds for the whole message; `undefined` when the peer can take it.
 *
 * @param eightBit `send`: the operator says that 8-bit octets go also where 8BITMIME is not offered
 */
export function lacking(
  { sender, body, facts }: OutboundMessage,
  peer: Capabilities,
  eightBit: "bounce" | "send" = "bounce",
): Unsuitable | undefined {
  if (peer.maxMessageBytes > 0 && body.sizeBytes > peer.maxMessageBytes) {
    return unsuitable("5.3.4", `message of ${body.sizeBytes} octets, the host takes ${peer.maxMessageBytes}`);
  }
  if (!peer.smtputf8 && sender.smtputf8 && facts.hasUtf8Header) {
    return unsuitable("5.6.9", "the header needs SMTPUTF8, which the host does not offer");
  }
  if (!peer.smtputf8 && sender.mailbox !== undefined && !isAscii(wireText(sender.mailbox, peer))) {
    return unsuitable("5.6.7", "the sender's address needs SMTPUTF8, which the host does not offer");
  }
  if (hasControl(sender.mailbox?.text ?? "")) {
    return unsuitable("5.1.7", "the sender's address holds control characters");
  }
  if (facts.has8bit && !peer.eightBitMime && eightBit === "bounce") {
    return unsuitable("5.6.3", "8-bit content, and the host does not offer 8BITMIME");
  }
  return undefined;
}

/** What holds for one recipient alone. */
export function lackingFor({ mailbox }: EnvelopeRecipient, peer: Capabilities): Unsuitable | undefined {
  const text = wireText(mailbox, peer);
  if (hasControl(text)) return unsuitable("5.1.3", "the address holds control characters");
  if (peer.smtputf8 || isAscii(text)) return undefined;
  return unsuitable("5.6.7", "the address needs SMTPUTF8, which the host does not offer");
}

/** @param recipients those of this transaction: one with a non-ASCII address makes it a SMTPUTF8 one. */
export function mailLine(
  { sender, body, facts }: OutboundMessage,
  recipients: readonly EnvelopeRecipient[],
  peer: Capabilities,
): string {
  let line = `MAIL FROM:<${sender.mailbox === undefined ? "" : wireText(sender.mailbox, peer)}>`;
  if (peer.size) line += ` SIZE=${body.sizeBytes}`;
  if (peer.eightBitMime && (facts.has8bit || sender.body === "8bitmime")) line += " BODY=8BITMIME";
  if (peer.smtputf8 && needsUtf8(sender, facts.hasUtf8Header, recipients, peer)) line += " SMTPUTF8";
  if (peer.dsn && sender.ret !== undefined) line += ` RET=${sender.ret.toUpperCase()}`;
  if (peer.dsn && sender.envid !== undefined) line += ` ENVID=${sender.envid}`;
  return `${line}\r\n`;
}

export function rcptLine({ mailbox, notify, orcpt }: EnvelopeRecipient, peer: Capabilities): string {
  let line = `RCPT TO:<${wireText(mailbox, peer)}>`;
  if (peer.dsn && notify !== undefined)
    line += ` NOTIFY=${notify === "never" ? "NEVER" : notify.join(",").toUpperCase()}`;
  if (peer.dsn && orcpt !== undefined) line += ` ORCPT=${wireOrcpt(orcpt, peer)}`;
  return `${line}\r\n`;
}

/** As it was received; UTF-8 in it, which needs SMTPUTF8, in the seven-bit spelling where that is lacking. RFC 6533 §3 */
function wireOrcpt(orcpt: string, { smtputf8 }: Capabilities): string {
  return smtputf8 || isAscii(orcpt) ? orcpt : orcpt.replace(/[^\0-\x7f]/gu, encodeUtf8Address);
}

/** The parameter is given only when something needs it (EX-12). */
function needsUtf8(
  sender: EnvelopeSender,
  utf8Header: boolean,
  recipients: readonly EnvelopeRecipient[],
  { dsn }: Capabilities,
): boolean {
  if ((sender.smtputf8 && utf8Header) || !isAscii(sender.mailbox?.text ?? "")) return true;
  return recipients.some(({ mailbox, orcpt = "" }) => !isAscii(mailbox.text) || (dsn && !isAscii(orcpt)));
}

/** Without SMTPUTF8 a U-label domain goes out as A-labels; the local part stays as it is. */
function wireText({ text, host }: Mailbox, peer: Capabilities): string {
  if (peer.smtputf8 || host?.kind !== "domain" || isAscii(text)) return text;
  return `${text.slice(0, text.lastIndexOf("@"))}@${host.domain}`;
}

function isAscii(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text);
}

/** The receiver lets none in; here a CR LF would be a command of its own (AT-29). */
function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function unsuitable(status: EnhancedStatus, text: string): Unsuitable {
  return { kind: "unsuitable", status, text };
}
