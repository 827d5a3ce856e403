/**
 * Records whose lines a crash may have swallowed are printed again when a relay starts. A file that cannot be written
 * keeps them from no other; while none can, they wait in the store for the next start.
 */
import type { Queue } from "../queue/queue.ts";
import type { Logs } from "./open-logs.ts";

const batch = 1_000;

export async function replayRecords(
  queue: Pick<Queue, "unprojected">,
  logs: Pick<Logs, "observe" | "flush" | "takesLines">,
): Promise<void> {
  for (;;) {
    const missing = await queue.unprojected(batch);
    for (const record of missing) logs.observe({ kind: "attempt", record });
    await logs.flush();
    if (missing.length < batch || !logs.takesLines) return;
  }
}
