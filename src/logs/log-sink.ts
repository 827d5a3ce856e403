/**
 * Where lines go. A sink never makes anybody wait: what its target does not take waits in memory up to a cap; beyond it
 * the newest lines are dropped, counted and told (`log-lines-lost`), and its trouble is told once, as is its end.
 */

export interface LogSink extends AsyncDisposable {
  /**
   * Takes one whole line, with its line end. Never throws.
   *
   * @param mark number of the event it belongs to, rising
   */
  write(text: string, mark: number): void;
  /**
   * Everything up to this mark is where it belongs: `Infinity` while nothing waits. Stands still for the rest of the
   * run once a line was dropped.
   */
  readonly doneUpTo: number;
  /** Tries to hand over all that was written before. @returns how many lines still wait */
  flush(): Promise<number>;
  /** Opens its file anew (SIGUSR1). */
  reopen(): Promise<void>;
}
