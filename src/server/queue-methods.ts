/**
 * What commands may ask of one worker's queue over the control channel. Parameters arrive as JSON and are read here.
 */
import type { Conductor } from "../delivery/conductor.ts";
import type { Clock } from "../mail/clock.ts";
import type { Queue, QueueFilter } from "../queue/queue.ts";
import type { ReportQuery } from "../queue/tls-report.ts";
import type { Methods } from "./ipc.ts";

type Filtered = Readonly<{ filter?: QueueFilter }>;

function filterOf(params: unknown): QueueFilter {
  return (params as Filtered).filter ?? {};
}

export function queueMethods(queue: Queue, conductor: Conductor, clock: Clock): Methods {
  return {
    "queue.list": (params) => {
      const { after, limit } = params as Readonly<{ after?: string; limit?: number }>;
      return queue.list(filterOf(params), { after, limit: Math.min(limit ?? 500, 5_000) });
    },
    "queue.show": (params) => queue.show((params as Readonly<{ id: string }>).id),
    "queue.hold": (params) => queue.hold(filterOf(params)),
    "queue.release": async (params) => {
      const count = await queue.release(filterOf(params));
      conductor.wake();
      return count;
    },
    "queue.retry": async (params) => {
      conductor.forgetSuspensions();
      const count = await queue.retry(filterOf(params), clock.now());
      conductor.wake();
      return count;
    },
    "queue.remove": (params) => queue.remove(filterOf(params)),
    "queue.bounce": (params) => {
      const { text } = params as Readonly<{ text?: string }>;
      return conductor.bounce(filterOf(params), text ?? "returned to sender by the postmaster");
    },
    "queue.counts": () => queue.counts(),
    "queue.report": (params) => queue.report(params as ReportQuery),
  };
}
