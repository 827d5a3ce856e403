/**
 * What Postfix's smtpd says of a client: its connection, handshake, log-ins, refusals and leave (postfix reference 4.1,
 * 4.4, 2.5), and of mail that was taken from it.
 */
import type { InboundRecord } from "../../mail/inbound-record.ts";
import type { CommandCounts, EventOf } from "../../observe/events.ts";
import { angled, printable, printableRecord } from "../words/printable.ts";
import { replyText } from "../words/reply-text.ts";
import { sslErrors } from "./failure-text.ts";
import { clientName } from "./host-names.ts";
import { certificateOf, describeHandshake } from "./tls-summary.ts";

/** @param level `smtpd_tls_loglevel` */
export function handshakeLines(event: EventOf<"inbound-handshake">, level: 0 | 1 | 2): readonly string[] {
  if (level === 0) return [];
  const { certificate, chain } = event;
  const client = clientName(event);
  const trust = certificate === null ? "Anonymous" : chain === "trusted" ? "Trusted" : "Untrusted";
  const summary = `${trust} TLS connection established from ${client}: ${describeHandshake(event, "client", certificate)}`;
  if (level === 1 || certificate === null) return [summary];
  return [`${client}: ${certificateOf(certificate)}`, summary];
}

/** The event tells the cause in words alone. */
export function handshakeErrorLines(event: EventOf<"inbound-handshake-failed">): readonly string[] {
  return sslErrors(`SSL_accept error from ${clientName(event)}`, codeOf(event.error), printable(event.error));
}

function codeOf(error: string): string {
  if (error === "timeout") return "TIMEOUT";
  if (error === "closed by client") return "CLOSED";
  return /\b(ECONNRESET|EPIPE|ETIMEDOUT)\b/.exec(error)?.[1] ?? "ERR_SSL_";
}

/** @returns undefined for a log-in that succeeded: the message's line tells of it */
export function logInLine(event: EventOf<"log-in">): string | undefined {
  const { result, mechanism, user } = event;
  if (result === "ok") return undefined;
  const who = user === null ? "(unavailable)" : printable(user, 128);
  const failed = `SASL ${printable(mechanism, 64)} authentication failed: ${logInReasons[result]}`;
  return `warning: ${clientName(event)}: ${failed}, sasl_username=${who}`;
}

const logInReasons = {
  failed: "(reason unavailable)",
  locked: "(too many failed attempts before)",
  temporary: "(temporary failure)",
} as const;

/** How the session ended, where it was not by QUIT, and what was said in it. */
export function endLines(event: EventOf<"session-ended">): readonly string[] {
  const client = clientName(event);
  const disconnect = `disconnect from ${client}${countsText(event.commands)}`;
  const end = endings[event.reason];
  if (end === undefined) return [disconnect];
  return [`NOQUEUE: ${end} after ${event.lastCommand.toUpperCase()} from ${client}`, disconnect];
}

/** By the reasons that the receiver gives (`smtp/server`). */
const endings: Readonly<Record<string, string>> = {
  "closed by client": "lost connection",
  "connection lost": "lost connection",
  "handshake failed": "lost connection",
  timeout: "timeout",
  "too many failed log-ins": "too many errors",
};

/** In the order in which Postfix knows its commands. */
const verbs =
  "helo ehlo starttls auth mail rcpt data bdat rset noop vrfy expn etrn quit xclient xforward help unknown".split(" ");

/** ` ehlo=1 mail=1/2 quit=1 commands=3/4`: how often with success, and how often in all where that is more. */
function countsText(counts: CommandCounts): string {
  let text = "";
  let [allGood, allSaid] = [0, 0];
  for (const verb of verbs) {
    const count = counts[verb];
    if (count === undefined) continue;
    allGood += count.good;
    allSaid += count.said;
    text += ` ${verb}=${share(count.good, count.said)}`;
  }
  return `${text} commands=${allSaid === 0 ? "0/0" : share(allGood, allSaid)}`;
}

function share(good: number, said: number): string {
  return good === said ? String(said) : `${good}/${said}`;
}

/** `client=name[ip], sasl_method=PLAIN, sasl_username=alice` */
export function clientLine(record: InboundRecord): string {
  const { messageId, user, by } = record;
  const login =
    user === null || by === null || by === "certificate"
      ? ""
      : `, sasl_method=${by}, sasl_username=${printableRecord(user)}`;
  return `${messageId}: client=${clientName(record)}${login}`;
}

/** @returns undefined for a failed log-in, of which a line of its own tells */
export function rejectLine(record: InboundRecord): string | undefined {
  const { stage, from, ehlo, protocol, reason } = record;
  if (stage === "auth" || stage === null) return undefined;
  const to = stage === "rcpt" ? record.to.at(-1) : undefined;
  const about = stage === "mail" ? from : (to ?? null);
  const { code, enhanced, text } = record.reply;
  const said = replyText({ code, enhanced, text: "" });
  const words = reason === "relay" ? "Relay access denied" : text;
  const what = about === null ? words : `${angled(about)}: ${words}`;
  const envelope = [
    from === null ? "" : ` from=${angled(from)}`,
    to === undefined ? "" : ` to=${angled(to)}`,
    ` proto=${protocol.startsWith("SMTP") ? "SMTP" : "ESMTP"}`,
    ehlo === "" ? "" : ` helo=${angled(ehlo)}`,
  ];
  const line = `NOQUEUE: reject: ${moments[stage]} from ${clientName(record)}: ${said}${what};${envelope.join("")}`;
  return printableRecord(line);
}

const moments = {
  client: "CONNECT",
  starttls: "STARTTLS",
  mail: "MAIL",
  rcpt: "RCPT",
  data: "DATA",
} as const;
