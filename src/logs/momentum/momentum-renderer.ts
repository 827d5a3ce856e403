/**
 * The logs of ec_logger and bounce_logger, for what happens here: mainlog (receptions, deliveries, transient and
 * permanent failures), rejectlog and bouncelog, field by field as the Momentum 4 manual has them under Log Formats.
 * What it does not say is marked as inferred where it is made. Heartbeats are not written.
 */
import type { LogFormat, LogStage } from "../../mail/log-definition.ts";
import type { LetterlockEvent } from "../../observe/events.ts";
import { type LogLine, type LogRenderer, noLines } from "../log-renderer.ts";
import { bounceLine } from "./bounce-line.ts";
import { attemptLine, noticeLine, receptionLine } from "./main-line.ts";
import { rejectLine } from "./reject-line.ts";

type MomentumFormat = Extract<LogFormat, { kind: `momentum-${string}` }>;

type Lines = (event: LetterlockEvent, now: number) => readonly LogLine[];

export function createMomentumRenderer({ kind, stages }: MomentumFormat): LogRenderer {
  const wants: Wants = (stage) => stages === undefined || stages.includes(stage);
  return { lineEnd: "\n", lines: linesBy[kind](wants) };
}

type Wants = (stage: LogStage) => boolean;

const stageOfEvent = {
  delivered: "delivery",
  deferred: "transient-failure",
  failed: "permanent-failure",
  expired: "permanent-failure",
} as const;

const linesBy: Readonly<Record<MomentumFormat["kind"], (wants: Wants) => Lines>> = {
  "momentum-main": mainLines,
  "momentum-reject": rejectLines,
  "momentum-bounce": bounceLines,
};

/** There every recipient has a message of its own, so a reception gives a line for each. */
function mainLines(wants: Wants): Lines {
  const receptions = wants("reception");
  return (event, now) => {
    switch (event.kind) {
      case "attempt": {
        const { record } = event;
        const time = Date.parse(record.time);
        return wants(stageOfEvent[record.event]) ? [{ text: attemptLine(record, time), time }] : noLines;
      }
      case "inbound": {
        const { record } = event;
        if (!receptions || record.event !== "accepted") return noLines;
        const time = Date.parse(record.time);
        return record.to.map((_, at) => ({ text: receptionLine(record, at, time), time }));
      }
      case "notice-queued":
        return receptions ? [{ text: noticeLine(event, now), time: now }] : noLines;
      default:
        return noLines;
    }
  };
}

function rejectLines(wants: Wants): Lines {
  const rejections = wants("rejection");
  return (event) => {
    if (event.kind !== "inbound" || event.record.event !== "refused" || !rejections) return noLines;
    const time = Date.parse(event.record.time);
    return [{ text: rejectLine(event.record, time), time }];
  };
}

function bounceLines(wants: Wants): Lines {
  return (event) => {
    if (event.kind !== "attempt" || event.record.event === "delivered") return noLines;
    if (!wants(stageOfEvent[event.record.event])) return noLines;
    const time = Date.parse(event.record.time);
    return [{ text: bounceLine(event.record, time), time }];
  };
}
