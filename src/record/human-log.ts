/**
 * The log that people read: one line per session, delivery and change of state, through pino.
 *
 * Each process writes whole lines to the standard output it inherited: JSON in pieces of at most 4096 bytes, which a pipe
 * takes in one step, gathered for up to 100 ms and written off the event loop; pretty lines at once, for a terminal.
 * What waits is written when the process exits, crashes by an exception, or closes the log; SIGKILL loses 100 ms.
 * A level that is off costs one comparison.
 */
import { isatty } from "node:tty";
import { type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import type { Observer } from "../observe/events.ts";
import { describeEvent, type LogLevel, levelOf, logLevels } from "./human-lines.ts";

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

/** What both destinations can do: pino's own file stream and pino-pretty's. */
type Destination = Readonly<{ write(line: string): unknown; flush?: () => void; flushSync?: () => void }>;

const gatherMs = 100;

export function createHumanLog({ level, format, name, fd = 1 }: HumanLogOptions): HumanLog {
  const isPretty = format === "pretty" || (format === "auto" && isatty(fd));
  const destination: Destination = isPretty ? prettyDestination(fd) : jsonDestination(fd);
  const logger = pino({ level, base: { name } }, destination);
  const lowest = logLevels.indexOf(level);
  let waiting: NodeJS.Timeout | undefined;
  const flush = (): void => {
    waiting = undefined;
    destination.flush?.();
  };
  return {
    observe(event) {
      const eventLevel = levelOf(event);
      if (eventLevel === undefined || logLevels.indexOf(eventLevel) < lowest) return;
      writeLine(logger, eventLevel, event.kind, describeEvent(event));
      waiting ??= setTimeout(flush, gatherMs).unref();
    },
    async close() {
      clearTimeout(waiting);
      waiting = undefined;
      destination.flushSync?.();
    },
  };
}

function writeLine(logger: Logger, level: LogLevel, event: string, line: string): void {
  logger[level]({ event }, line);
}

function jsonDestination(fd: number): Destination {
  return pino.destination({ fd, sync: false, minLength: 3072, maxWrite: 4096 });
}

/** Formats and writes in one step, so that nothing is left to lose when the process dies. */
function prettyDestination(fd: number): Destination {
  const format = prettyFactory({ colorize: isatty(fd), ignore: "event", translateTime: "SYS:HH:MM:ss.l" });
  const out = pino.destination({ fd, sync: true });
  return { write: (line) => out.write(format(line)) };
}
