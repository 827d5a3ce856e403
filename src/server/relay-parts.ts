/**
 * What both sides of a relay are built with: mail that comes in, mail that goes out.
 */
import type { Clock } from "../mail/clock.ts";
import type { Observer } from "../observe/events.ts";
import type { Queue } from "../queue/queue.ts";
import type { InForce } from "./in-force.ts";

export type RelayParts = Readonly<{
  now: () => InForce;
  queue: Queue;
  /** Messages on their way into the queue. */
  spoolDirectory: string;
  newId: () => string;
  observe: Observer;
  clock: Clock;
  random: () => number;
}>;
