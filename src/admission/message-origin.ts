/**
 * How a message came to us, as every record of it tells: escaped and capped here, once (standards.md AT-28).
 */
import type { MessageOrigin, OriginTls } from "../mail/attempt.ts";
import { verifiedName } from "../mail/client-name.ts";
import { escapeText } from "../mail/escape.ts";
import { isoTime } from "../mail/iso-time.ts";
import { recordedEnvid } from "../record/envelope-parameters.ts";
import { withKeyword } from "../smtp/server/received-field.ts";
import type { ReceivedMail, SessionFacts } from "../smtp/server/receiver.ts";
import { describeCertificate, describeChain, maxText } from "../tls/certificate-record.ts";

/** @param headers which header fields some log prints, lower case */
export function describeOrigin(mail: ReceivedMail, headers: ReadonlySet<string>): MessageOrigin {
  const { session, envelope, receivedAt } = mail;
  const { clientName, login } = session;
  return {
    receivedAt: isoTime(receivedAt),
    session: session.id,
    listener: escapeText(session.listener, maxText),
    client: session.clientAddress,
    clientName: verifiedName(clientName) ?? null,
    ehlo: escapeText(session.ehlo, maxText),
    protocol: withKeyword(session, envelope.sender.smtputf8),
    user: login === undefined ? null : escapeText(login.user, maxText),
    by: login?.by ?? null,
    tls: describeTls(session.tls),
    envid: recordedEnvid(envelope.sender.envid),
    headers: headers.size === 0 ? {} : printedHeaders(mail, headers),
  };
}

function describeTls(tls: SessionFacts["tls"]): OriginTls | null {
  if (tls === undefined) return null;
  const { protocol, cipher, bits, group, certificate } = tls.handshake;
  const described = certificate === undefined ? undefined : describeCertificate(certificate);
  return {
    protocol,
    cipher,
    bits,
    group: group ?? null,
    chain: describeChain(tls.handshake),
    subject: described?.subject ?? null,
    issuer: described?.issuer ?? null,
  };
}

function printedHeaders({ headers }: ReceivedMail, wanted: ReadonlySet<string>): MessageOrigin["headers"] {
  const printed = [...headers].filter(([name]) => wanted.has(name));
  return Object.fromEntries(printed.map(([name, value]) => [name, escapeText(value, maxText)]));
}
