/**
 * The one field that we put on top of every message (TR-1 to TR-8).
 * RFC 5321 §4.4; WITH keywords: RFC 3848, RFC 6531 §4.3; `tls` clause: RFC 8314 §4.3.
 */

import type { Envelope } from "../../mail/envelope.ts";
import { isIpv6 } from "../../mail/ip.ts";
import type { SessionFacts } from "./receiver.ts";

export type ReceivedInput = Readonly<{
  session: SessionFacts;
  hostname: string;
  messageId: string;
  envelope: Envelope;
  /** ms since 1970. */
  at: number;
}>;

/** The field with its CR LF, in a buffer of its own. */
export function receivedField({ session, hostname, messageId, envelope, at }: ReceivedInput): Buffer {
  const text =
    `Received: from ${safeName(session.ehlo)} (${addressLiteral(session)})\r\n` +
    `\tby ${hostname} with ${withKeyword(session, envelope.sender.smtputf8)} id ${messageId}` +
    `${forClause(envelope)}${tlsClause(session)};\r\n\t${formatDate(at)}\r\n`;
  const field = Buffer.allocUnsafeSlow(text.length);
  field.write(text, "latin1");
  return field;
}

/** Standards.md section 6 (TR-5). After HELO inside TLS there is no keyword of its own: the `tls` clause tells. */
export function withKeyword({ esmtp, tls }: Pick<SessionFacts, "esmtp" | "tls">, smtputf8: boolean): string {
  if (!esmtp) return "SMTP";
  return `${smtputf8 ? "UTF8SMTP" : "ESMTP"}${tls === undefined ? "" : "S"}`;
}

/** RFC 5322 §3.3: numeric zone, four-digit year. */
export function formatDate(at: number): string {
  return new Date(at).toUTCString().replace("GMT", "+0000");
}

/** Letters, digits and `.-_:[]` stay, others become `?`; at most 255 characters (TR-8, AT-28). */
function safeName(ehlo: string): string {
  return ehlo.slice(0, 255).replace(/[^A-Za-z0-9._:[\]-]/g, "?");
}

function addressLiteral({ clientAddress }: SessionFacts): string {
  return isIpv6(clientAddress) ? `[IPv6:${clientAddress}]` : `[${clientAddress}]`;
}

/** Only for a lone recipient, so that no blind copy is given away (TR-3). A non-ASCII one is left out. */
function forClause({ recipients }: Envelope): string {
  const [only, another] = recipients;
  if (only === undefined || another !== undefined || /[^ -~]/.test(only.mailbox.text)) return "";
  return `\r\n\tfor <${only.mailbox.text}>`;
}

function tlsClause({ tls }: SessionFacts): string {
  if (tls === undefined) return "";
  const group = tls.group === undefined ? "" : ` group ${tls.group}`;
  return `\r\n\ttls ${tls.cipher}${group} (${tls.protocol})`;
}
