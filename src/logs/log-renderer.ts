/**
 * One log's words: events in, whole lines out. Pure apart from what it remembers of connections that are open.
 *
 * Promises of every renderer:
 *  - it derives nothing: what was required, achieved and why stands in the record;
 *  - a line is one line: control characters, line breaks and what is special to the format are escaped, whoever wrote
 *    them (standards.md AT-28). Records are escaped already; other events carry peers' text raw;
 *  - it never throws, and never waits;
 *  - an event that it does not print costs a comparison.
 */
import type { LetterlockEvent } from "../observe/events.ts";

export type Severity = "error" | "warning" | "notice" | "info";

export type LogLine = Readonly<{
  /** Without line end, without time: a mail log puts time, host and program before it. */
  text: string;
  /** Of mail logs: `postfix/smtp`. Absent: the text is all there is. */
  program?: string;
  /** Default: `info`. */
  severity?: Severity;
  /** ms since 1970, of the event. */
  time: number;
}>;

export type LogRenderer = Readonly<{
  /** The first line of each file, and of each start of a program. */
  head?: string;
  lineEnd: "\n" | "\r\n";
  lines: (event: LetterlockEvent, now: number) => readonly LogLine[];
}>;

/** Who speaks, for lines that say so. */
export type RendererTools = Readonly<{ hostname: string; pid: number }>;

export const noLines: readonly LogLine[] = [];
