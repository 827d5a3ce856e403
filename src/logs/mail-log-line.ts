/**
 * A line of a mail log as syslog daemons write it to a file: `Nov 22 08:30:47 host postfix/smtp[123]: text`.
 * The stamp is in local time, as people and pflogsumm expect it, and made once a second.
 */
import { isoTime } from "../mail/iso-time.ts";
import type { LogLine, RendererTools } from "./log-renderer.ts";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

let stampedSecond = Number.NaN;
let stamp = "";

/** `Nov  2 08:30:47` (RFC 3164 §4.1.2). */
export function traditionalStamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second === stampedSecond) return stamp;
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = String(at.getDate()).padStart(2, " ");
  stampedSecond = second;
  stamp = `${months[at.getMonth()]} ${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return stamp;
}

/** @returns what writes the lines of one process; lines without a program are the text alone */
export function mailLogLine(
  { hostname, pid }: RendererTools,
  stamps: "traditional" | "iso",
): (line: LogLine) => string {
  const stampOf = stamps === "iso" ? isoTime : traditionalStamp;
  return ({ text, program, time }) =>
    program === undefined ? text : `${stampOf(time)} ${hostname} ${program}[${pid}]: ${text}`;
}
