/**
 * When a deferred recipient is tried again. Pure: the clock and the dice are arguments.
 * Standards: RFC 5321 §4.5.4.1 (never at once again; give up after days, not hours), QU-2, QU-4, QU-6.
 */

export type RetryQuestion = Readonly<{
  /** Attempts made, the one that has just failed included. */
  attempts: number;
  /** All times in ms since 1970. */
  arrivedAt: number;
  now: number;
  /** ms to wait after the first attempt, the second ...; the last one repeats. At least one. */
  schedule: readonly number[];
  /** Share of the wait that chance may add or take, 0 to 1. */
  jitter: number;
  /** 0 up to, not including, 1. */
  random: () => number;
  /** The message is given up after this. */
  expiresAt: number;
}>;

export type NextTry = Readonly<{ kind: "at"; time: number }> | Readonly<{ kind: "expired" }>;

/**
 * The last try is made when the lifetime ends, so that no message is given up earlier than promised (QU-4): an attempt
 * that fails at `expiresAt` or later is the last.
 */
export function nextTry({ attempts, arrivedAt, now, schedule, jitter, random, expiresAt }: RetryQuestion): NextTry {
  if (now >= expiresAt) return { kind: "expired" };
  const wait = schedule[Math.min(attempts, schedule.length) - 1];
  if (wait === undefined) throw new Error(`no wait after attempt ${attempts} in a schedule of ${schedule.length}`);
  const jittered = wait * (1 + jitter * (2 * random() - 1));
  // A clock that was set back must not bring tries in front of the arrival (AT-37).
  const time = Math.round(Math.max(now, arrivedAt) + jittered);
  return { kind: "at", time: Math.min(Math.max(time, now + 1), expiresAt) };
}
