/**
 * Events as the mail log of Postfix 3.10 tells them, and with `tlsField` that of 3.11: lines that pflogsumm, log watchers
 * and ban filters read. Our message ids stand in the place of queue ids; their letters and digits are among those of long
 * queue ids. The log's definition must have asked for the header field `message-id`. What Postfix would know and our
 * records do not is left out, never guessed.
 */
import type { InboundRecord } from "../../mail/inbound-record.ts";
import type { LogFormat } from "../../mail/log-definition.ts";
import type { EventOf, LetterlockEvent } from "../../observe/events.ts";
import { type LogLine, type LogRenderer, noLines } from "../log-renderer.ts";
import { angled, printableRecord } from "../words/printable.ts";
import { DeliveryLines, messageIdLine } from "./delivery-lines.ts";
import { clientName } from "./host-names.ts";
import { clientLine, endLines, handshakeErrorLines, handshakeLines, logInLine, rejectLine } from "./session-lines.ts";

export type PostfixFormat = Extract<LogFormat, Readonly<{ kind: "postfix" }>>;

type Speaker = "smtpd" | "smtp" | "cleanup" | "qmgr" | "error" | "bounce";

export function createPostfixRenderer(format: PostfixFormat): LogRenderer {
  const deliveries = new DeliveryLines(format);
  const speakers = Object.fromEntries(
    (["smtpd", "smtp", "cleanup", "qmgr", "error", "bounce"] as const).map((by) => [by, `${format.name}/${by}`]),
  ) as Record<Speaker, string>;

  function line(by: Speaker, text: string, time: number): LogLine {
    const base = { program: speakers[by], text: printableRecord(text), time };
    return text.startsWith("warning: ") ? { ...base, severity: "warning" } : base;
  }

  function lines(event: LetterlockEvent, now: number): readonly LogLine[] {
    const smtpd = (texts: readonly string[]): readonly LogLine[] => texts.map((text) => line("smtpd", text, now));
    switch (event.kind) {
      case "attempt": {
        const time = Date.parse(event.record.time);
        return deliveries.of(event.record).map(([by, text]) => line(by, text, time));
      }
      case "inbound": {
        const time = Date.parse(event.record.time);
        return inboundLines(event.record).map(([by, text]) => line(by, text, time));
      }
      case "session-started":
        return smtpd([`connect from ${clientName(event)}`]);
      case "session-ended":
        return smtpd(endLines(event));
      case "inbound-handshake":
        return smtpd(handshakeLines(event, format.inboundTlsLevel));
      case "inbound-handshake-failed":
        return smtpd(handshakeErrorLines(event));
      case "log-in": {
        const failed = logInLine(event);
        return failed === undefined ? noLines : smtpd([failed]);
      }
      case "connection-refused":
        return smtpd([`NOQUEUE: reject: CONNECT from unknown[${event.client}]: 421 4.7.0 ${event.reason}; proto=SMTP`]);
      case "notice-queued":
        return noticeLines(event).map(([speaker, text]) => line(speaker, text, now));
      default:
        return noLines;
    }
  }

  return { lineEnd: "\n", lines };
}

const notices = {
  failed: "non-delivery notification",
  expired: "non-delivery notification",
  delayed: "delay notification",
  relayed: "delivery status notification",
} as const;

/** That it is queued is told when it is first tried. */
function noticeLines({
  messageId,
  about,
  action,
  headerId,
}: EventOf<"notice-queued">): readonly (readonly [Speaker, string])[] {
  return [
    ["cleanup", `${messageId}: message-id=${headerId}`],
    ["bounce", `${about}: sender ${notices[action]}: ${messageId}`],
  ];
}

/** A message that was taken is told by smtpd, cleanup and qmgr at once: it is queued when its record is written. */
function inboundLines(record: InboundRecord): readonly (readonly [Speaker, string])[] {
  if (record.event === "refused") {
    const refused = rejectLine(record);
    return refused === undefined ? [] : [["smtpd", refused]];
  }
  const { messageId, from, sizeBytes, to, headers } = record;
  return [
    ["smtpd", clientLine(record)],
    ["cleanup", messageIdLine(messageId ?? record.id, headers)],
    ["qmgr", `${messageId}: from=${angled(from ?? "")}, size=${sizeBytes ?? 0}, nrcpt=${to.length} (queue active)`],
  ];
}
