/**
 * Time as an argument: whoever waits or stamps takes a `Clock`, so that tests move it by hand.
 */

export type Timer = Readonly<{ cancel(): void }>;

export type Clock = Readonly<{
  /** ms since 1970, UTC. */
  now(): number;
  /** Calls `run` once after `ms`; does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
}>;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
