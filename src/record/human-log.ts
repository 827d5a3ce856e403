/**
 * The log that people read: one line per session, delivery and change of state, through pino. Each process writes to the
 * standard output it inherited (`line-stream.ts`): JSON, or pretty lines on a terminal. A level that is off costs one
 * comparison; the words are `human-lines.ts`'s.
 */
import { isatty } from "node:tty";
import { pino } from "pino";
import { prettyFactory } from "pino-pretty";
import type { Observer } from "../observe/events.ts";
import { describeEvent, type LogLevel, levelOf, logLevels } from "./human-lines.ts";
import { LineStream } from "./line-stream.ts";

export type HumanLogOptions = Readonly<{
  level: LogLevel;
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  format: "auto" | "pretty" | "json";
  /** Which process speaks: `supervisor`, `worker 0`. In every line. */
  name: string;
  /** File descriptor to write to, which stays the caller's; standard output unless given. */
  fd?: number;
}>;

export type HumanLog = Readonly<{
  observe: Observer;
  /** Writes what waits, blocking: for the moment before the process ends. */
  close(): Promise<void>;
}>;

/** A line on a terminal is seen at once; elsewhere some gather. */
const gatherMs = 100;

export function createHumanLog({ level, format, name, fd = 1 }: HumanLogOptions): HumanLog {
  const isPretty = format === "pretty" || (format === "auto" && isatty(fd));
  const lines = new LineStream(fd, isPretty ? 0 : gatherMs, (lost) => {
    logger.error(
      { event: "log-lines-dropped" },
      `${lost} log lines were dropped: they came faster than they were taken`,
    );
  });
  const logger = pino({ level, base: { name } }, isPretty ? prettyLines(lines, isatty(fd)) : lines);
  const lowest = logLevels.indexOf(level);
  return {
    observe(event) {
      const eventLevel = levelOf(event);
      if (eventLevel === undefined || logLevels.indexOf(eventLevel) < lowest) return;
      logger[eventLevel]({ event: event.kind }, describeEvent(event));
    },
    async close() {
      lines.writeRest();
    },
  };
}

function prettyLines(lines: LineStream, colorize: boolean): Readonly<{ write(line: string): void }> {
  const format = prettyFactory({ colorize, ignore: "event", translateTime: "SYS:HH:MM:ss.l" });
  return { write: (line) => lines.write(format(line)) };
}
