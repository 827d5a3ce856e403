/**
 * Events as the mail log of Sendmail 8.18 tells them at a LogLevel (sendmail reference, section 9): lines that people
 * grep, and that logwatch, sma and ban filters read. Our message ids stand in the place of queue ids; the log's
 * definition must have asked for the header fields `message-id` and `precedence`. What Sendmail would know and our
 * records do not is left out, never guessed.
 */
import type { LogFormat } from "../../mail/log-definition.ts";
import type { EventOf, LetterlockEvent } from "../../observe/events.ts";
import { type LogLine, type LogRenderer, noLines, type Severity } from "../log-renderer.ts";
import { DeliveryLines } from "./delivery-lines.ts";
import { levels } from "./levels.ts";
import { Notices } from "./notices.ts";
import { octal } from "./octal.ts";
import {
  connectLine,
  endLine,
  handshakeErrorLine,
  handshakeLines,
  logInLine,
  refusalLine,
  takenLine,
} from "./session-lines.ts";
import { bracketed, maxLine, shortened } from "./words.ts";

export type SendmailFormat = Extract<LogFormat, Readonly<{ kind: "sendmail" }>>;

export function createSendmailRenderer({ name: program, level }: SendmailFormat): LogRenderer {
  const deliveries = new DeliveryLines(level);
  const notices = new Notices();

  function line(text: string, time: number, severity?: Severity): LogLine {
    const base = { program, text: octal(shortened(text, maxLine)), time };
    return severity === undefined ? base : { ...base, severity };
  }

  function one(text: string | undefined, time: number, severity?: Severity): readonly LogLine[] {
    return text === undefined ? noLines : [line(text, time, severity)];
  }

  function lines(event: LetterlockEvent, now: number): readonly LogLine[] {
    switch (event.kind) {
      case "attempt": {
        const { record } = event;
        const time = Date.parse(record.time);
        return deliveries.of(record, notices.lineFor(record)).map((text) => line(text, time, severityOf(text)));
      }
      case "inbound": {
        const { record } = event;
        const time = Date.parse(record.time);
        if (record.event === "accepted") return level < levels.taken ? noLines : one(takenLine(record), time);
        return level < levels.refused ? noLines : one(refusalLine(record), time, "notice");
      }
      case "session-started":
        return level < levels.connect ? noLines : one(connectLine(event), now);
      case "session-ended":
        return one(endLine(event, level), now, "notice");
      case "inbound-handshake":
        return handshakeLines(event, level).map((text) => line(text, now));
      case "inbound-handshake-failed":
        return level < levels.handshakeFailed ? noLines : one(handshakeErrorLine(event), now, "warning");
      case "log-in":
        return one(logInLine(event, level), now, event.result === "ok" ? "info" : "warning");
      case "connection-refused":
        return level < levels.refused ? noLines : one(busyLine(event), now, "notice");
      case "notice-queued":
        if (level >= levels.notice) notices.queued(event);
        return noLines;
      default:
        return noLines;
    }
  }

  return { lineEnd: "\n", lines };
}

function severityOf(text: string): Severity | undefined {
  if (text.startsWith("STARTTLS=client, error")) return "warning";
  return text.includes("ruleset=") ? "notice" : undefined;
}

function busyLine({ client, reason }: EventOf<"connection-refused">): string {
  const name = bracketed(client);
  return `ruleset=check_relay, arg1=${name}, arg2=${client}, relay=${name}, reject=${reason}`;
}
