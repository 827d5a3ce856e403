/**
 * The one field that we put on top of every message (TR-1 to TR-8).
 * RFC 5321 §4.4; WITH keywords: RFC 3848, RFC 6531 §4.3; `tls` clause: RFC 8314 §4.3.
 */

import { verifiedName } from "../../mail/client-name.ts";
import type { Envelope } from "../../mail/envelope.ts";
import { isIpv6 } from "../../mail/ip.ts";
import type { HandshakeFacts } from "../../tls/peer-facts.ts";
import type { ReceivedForm } from "./conduct.ts";
import type { SessionFacts } from "./receiver.ts";

export type ReceivedInput = Readonly<{
  session: SessionFacts;
  form: ReceivedForm;
  /** Of the client's certificate: it leads to a CA which counts here. */
  isTrusted: boolean;
  hostname: string;
  messageId: string;
  envelope: Envelope;
  /** ms since 1970. */
  at: number;
}>;

/** The field with its CR LF, in a buffer of its own. */
export function receivedField(input: ReceivedInput): Buffer {
  const { session, hostname, messageId, envelope, at } = input;
  const { behindFrom, behindId, behindFor } = tlsWords(input);
  const text =
    `Received: from ${safeName(session.ehlo)} (${clientNameWord(session)}${addressLiteral(session)})${behindFrom}\r\n` +
    `\tby ${hostname} with ${withKeyword(session, envelope.sender.smtputf8)} id ${messageId}` +
    `${behindId}${forClause(envelope)}${behindFor};\r\n\t${formatDate(at)}\r\n`;
  const field = Buffer.allocUnsafeSlow(text.length);
  field.write(text, "latin1");
  return field;
}

type TlsWords = Readonly<{ behindFrom: string; behindId: string; behindFor: string }>;

const none: TlsWords = { behindFrom: "", behindId: "", behindFor: "" };

/** Each form has its own place in the field. */
function tlsWords({ session, form, isTrusted }: ReceivedInput): TlsWords {
  if (session.tls === undefined) return none;
  const { handshake } = session.tls;
  switch (form) {
    case "letterlock":
      return { ...none, behindFor: tlsClause(handshake) + certificateComment(handshake, isTrusted) };
    case "postfix":
      return { ...none, behindFrom: postfixComments(handshake, isTrusted) };
    case "sendmail":
      return { ...none, behindId: sendmailComment(handshake, isTrusted) };
  }
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

function clientNameWord({ clientName }: SessionFacts): string {
  const name = verifiedName(clientName);
  return name === undefined ? "" : `${name} `;
}

function tlsClause({ cipher, group, protocol }: HandshakeFacts): string {
  return `\r\n\ttls ${cipher}${group === undefined ? "" : ` group ${group}`} (${protocol})`;
}

/** Who the client says it is, and whether a CA that counts says so, too: for those who read headers. */
function certificateComment({ certificate }: HandshakeFacts, isTrusted: boolean): string {
  if (certificate === undefined) return "";
  const { commonName, dnsNames, sha256 } = certificate;
  const name = safeName(commonName ?? dnsNames[0] ?? "?").slice(0, 64);
  return `\r\n\t(client certificate ${name} sha256 ${sha256} ${isTrusted ? "trusted" : "untrusted"})`;
}

/** Postfix: 2.6, without the algorithms of signatures, which Node does not tell. */
function postfixComments(handshake: HandshakeFacts, isTrusted: boolean): string {
  const { protocol, cipher, bits, group } = handshake;
  const exchange = protocol === "TLSv1.3" && group !== undefined ? `\r\n\t key-exchange ${group}` : "";
  return `\r\n\t(using ${protocol} with cipher ${cipher} (${bits}/${bits} bits)${exchange})\r\n\t(${postfixClient(handshake, isTrusted)})`;
}

function postfixClient({ certificate, clientCertificate }: HandshakeFacts, isTrusted: boolean): string {
  if (clientCertificate === "not-asked") return "No client certificate requested";
  if (certificate === undefined) return "Client did not present a certificate";
  const [client, issuer] = [certificate.commonName ?? "", commonNameIn(certificate.issuer)].map(safeText);
  return `Client CN "${client}", Issuer "${issuer}" (${isTrusted ? "verified OK" : "not verified"})`;
}

/** Sendmail: section 9. */
function sendmailComment(
  { protocol, cipher, bits, certificate, clientCertificate }: HandshakeFacts,
  isTrusted: boolean,
): string {
  const withoutOne = clientCertificate === "not-asked" ? "NOT" : "NO";
  const verify = certificate === undefined ? withoutOne : isTrusted ? "OK" : "FAIL";
  return `\r\n\t(version=${protocol} cipher=${cipher} bits=${bits} verify=${verify})`;
}

/** Of a distinguished name in text, one attribute a line or behind commas. */
function commonNameIn(name: string): string {
  return /(?:^|[\n,]\s*)CN=([^\n,]*)/.exec(name)?.[1] ?? "";
}

/** Inside quotes inside a comment: blanks stay, what would end either does not. */
function safeText(text: string): string {
  return text.slice(0, 64).replace(/[^A-Za-z0-9 ._:@/+=-]/g, "?");
}
