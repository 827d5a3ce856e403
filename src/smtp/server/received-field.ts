/**
 * The one field that we put on top of every message (TR-1 to TR-8).
 * RFC 5321 §4.4; WITH keywords: RFC 3848, RFC 6531 §4.3; `tls` clause: RFC 8314 §4.3.
 */

import type { Envelope } from "../../mail/envelope.ts";
import { isIpv6 } from "../../mail/ip.ts";
import type { HandshakeFacts } from "../../tls/peer-facts.ts";
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
    `Received: from ${safeName(session.ehlo)} (${clientName(session)}${addressLiteral(session)})\r\n` +
    `\tby ${hostname} with ${withKeyword(session, envelope.sender.smtputf8)} id ${messageId}` +
    `${forClause(envelope)}${tlsClause(session)};\r\n\t${formatDate(at)}\r\n`;
  const field = Buffer.allocUnsafeSlow(text.length);
  field.write(text, "latin1");
  return field;
}

/** Standards.md section 6 (TR-5). After HELO inside TLS there is no keyword of its own: the `tls` clause tells. */
export function withKeyword(
  { esmtp, tls, login }: Pick<SessionFacts, "esmtp" | "tls" | "login">,
  smtputf8: boolean,
): string {
  if (!esmtp) return "SMTP";
  return `${smtputf8 ? "UTF8SMTP" : "ESMTP"}${tls === undefined ? "" : "S"}${login === undefined ? "" : "A"}`;
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

/** Only a name that leads back to the address says anything. */
function clientName({ clientName: name }: SessionFacts): string {
  return name.kind === "verified" ? `${name.name} ` : "";
}

function tlsClause({ tls }: SessionFacts): string {
  if (tls === undefined) return "";
  const { cipher, group, protocol } = tls.handshake;
  const named = group === undefined ? "" : ` group ${group}`;
  return `\r\n\ttls ${cipher}${named} (${protocol})${certificateComment(tls.handshake)}`;
}

/** Who the client says it is, and whether a CA of ours says so, too: for those who read headers. */
function certificateComment({ certificate, chain }: HandshakeFacts): string {
  if (certificate === undefined) return "";
  const { commonName, dnsNames, sha256 } = certificate;
  const name = safeName(commonName ?? dnsNames[0] ?? "?").slice(0, 64);
  return `\r\n\t(client certificate ${name} sha256 ${sha256} ${chain.kind})`;
}
