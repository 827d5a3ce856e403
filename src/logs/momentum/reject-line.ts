/**
 * Lines of the rejectlog (Momentum 4 manual, Log Formats: rejectlog): what was refused to a client, with the validation
 * context of its connection and message.
 */
import type { InboundRecord } from "../../mail/inbound-record.ts";
import { clientOfInbound, connectionContext, messageContext } from "../template/context-values.ts";
import { onOneLine } from "../words/one-line.ts";
import { replyWords } from "../words/reply-text.ts";
import { quoted, timestamp } from "./fields.ts";

/** What the server waited for; `awaiting mailfrom` for MAIL is the manual's sample, the others follow it. */
const phases: Readonly<Record<NonNullable<InboundRecord["stage"]>, string>> = {
  client: "just connected",
  starttls: "awaiting mailfrom",
  auth: "awaiting mailfrom",
  mail: "awaiting mailfrom",
  rcpt: "awaiting rcptto",
  data: "data phase",
};

export function rejectLine(record: InboundRecord, time: number): string {
  const { client, clientPort, localAddress, localPort, session, stage, reason, reply } = record;
  const to = record.to[0] ?? "";
  return [
    `${timestamp(time)}:`,
    `R=${quoted(`${client}:${clientPort}`)}`,
    `L=${quoted(`${localAddress ?? ""}:${localPort}`)}`,
    `C=${quoted(session)}`,
    'PATH="default"',
    'PATH_GRP="default"',
    `P="${stage === null ? "unknown" : phases[stage]}"`,
    `E=${reply.code}`,
    // The last module that ran: there is none, so what said no.
    `M=${reason ?? "unknown"}`,
    `CTXCONN=[${context(connectionContext(clientOfInbound(record)))}]`,
    `CTXMESS=[${record.from === null ? "" : context(messageContext(record.from, to))}]`,
    onOneLine(replyWords(reply)),
  ].join(" ");
}

/** `pathway=default,ehlo_string="EHLO rh52-node1"`: quoted where a reader would stop. */
function context(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([key, value]) => `${key}=${/^[\w.:/+-]*$/.test(value) ? value : quoted(value)}`).join(",");
}
