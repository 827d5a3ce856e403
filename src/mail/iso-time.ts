/**
 * Moments as records write them: ISO 8601, UTC.
 */

/** A certificate may claim a date that no calendar has: the last one that can be written stands for it. */
export function isoTime(ms: number): string {
  const latest = 8.64e15;
  return new Date(Number.isFinite(ms) ? Math.max(-latest, Math.min(latest, ms)) : latest).toISOString();
}
