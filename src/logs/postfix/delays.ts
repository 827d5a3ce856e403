/**
 * Times as Postfix's delivery lines write them: seconds with two significant digits, hundredths at the finest, rounded,
 * without zeros at the end (`0.03`, `1.2`, `340`).
 */
import type { AttemptRecord } from "../../mail/attempt.ts";

/** `delay=0.03, delays=0.01/0/0.01/0.01`: all in all; before the attempt; in the queue manager; connecting; sending. */
export function delays({ ageMs, durationMs, connectMs }: AttemptRecord): string {
  const before = formatSeconds(ageMs - durationMs);
  const sending = formatSeconds(durationMs - connectMs);
  return `delay=${formatSeconds(ageMs)}, delays=${before}/0/${formatSeconds(connectMs)}/${sending}`;
}

/** @param ms what is below 0 counts as 0 */
export function formatSeconds(ms: number): string {
  if (!(ms >= 5)) return "0";
  const step = ms >= 10_000 ? 1000 : ms >= 1000 ? 100 : 10;
  return String((Math.floor(ms / step + 0.5) * step) / 1000);
}
