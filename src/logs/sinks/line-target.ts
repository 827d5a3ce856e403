/**
 * What a `LineSink` hands its lines to: a file, a program, a syslog server. A target waits for its medium and says
 * plainly when something fails; gathering, memory, trying again and telling are the sink's.
 * A sink asks for one thing at a time.
 */
import type { Clock } from "../../mail/clock.ts";

export interface LineTarget {
  /** Largest batch, in characters. */
  readonly batchSize: number;
  /** Does nothing where it is open already. Rejects with what is wrong, in an operator's words. */
  open(): Promise<void>;
  /** Only while open. @returns how many of the lines are where they belong whole; rejects when nothing was taken */
  append(lines: readonly string[]): Promise<number>;
  /** Pause before the next try; `failures` from 1. */
  retryMs(failures: number): number;
  /** Opens its medium anew at the next append, where that means something. */
  reopen(): Promise<void>;
  /** Also while an append hangs, which then fails. `removed`: nobody will go on with this log. */
  close(why: "stop" | "removed"): Promise<void>;
}

/** What the sink does for its target. */
export type TargetTools = Readonly<{
  clock: Clock;
  /** Tells of trouble that keeps no line from being written; once until `complain(undefined)`. */
  complain: (error: string | undefined) => void;
  /** The medium failed while nothing was being written. */
  failed: (error: Error) => void;
  /** Runs this when nothing else is under way. */
  later: (work: () => Promise<void>) => void;
}>;

/** Of files: as long as a full disk takes to be noticed by somebody. */
export const fileRetryMs = 1000;
export const fileBatchSize = 256 * 1024;
