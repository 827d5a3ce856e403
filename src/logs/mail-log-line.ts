/**
 * A line of a mail log as syslog daemons write it to a file: `Nov 22 08:30:47 host postfix/smtp[123]: text`.
 * The stamp is in local time, as people and pflogsumm expect it, and made once a second.
 */
import { isoTime } from "../mail/iso-time.ts";
import type { LogLine, RendererTools } from "./log-renderer.ts";
import { createStrftime } from "./words/strftime.ts";

/** `Nov  2 08:30:47` (RFC 3164 §4.1.2). */
export const traditionalStamp = createStrftime("%b %e %H:%M:%S");

/** @returns what writes the lines of one process; lines without a program are the text alone */
export function mailLogLine(
  { hostname, pid }: RendererTools,
  stamps: "traditional" | "iso",
): (line: LogLine) => string {
  const stampOf = stamps === "iso" ? isoTime : traditionalStamp;
  return ({ text, program, time }) =>
    program === undefined ? text : `${stampOf(time)} ${hostname} ${program}[${pid}]: ${text}`;
}
