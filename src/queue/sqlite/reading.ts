/**
 * Looking into a shard while no relay runs, read only: what `letterlock queue list` and `show` need.
 */
import type { Queue, QueueCounts, QueueEntry, QueueFilter } from "../queue.ts";
import type { ReportPart, ReportQuery } from "../tls-report.ts";
import { History } from "./history.ts";
import { Listing } from "./listing.ts";
import { MessageTable } from "./messages.ts";
import { parseArrival, parseRecord, placeOf } from "./rows.ts";
import { openDatabaseForReading } from "./schema.ts";
import { showMessage } from "./showing.ts";
import { Totals } from "./totals.ts";

/** What a crash cut off shows as `trying` here: it becomes `ready` when the relay starts. */
export type QueueReading = Disposable &
  Readonly<{
    list(filter: QueueFilter, page: Readonly<{ after: string | undefined; limit: number }>): readonly QueueEntry[];
    show(id: string): Awaited<ReturnType<Queue["show"]>>;
    counts(): QueueCounts;
    report(query: ReportQuery): ReportPart;
  }>;

/**
 * Opens a shard that no relay has open.
 *
 * @throws QueueOpenError, `in-use` when a relay has
 */
export function openForReading(file: string, spoolDirectory: string, now: number): QueueReading {
  const database = openDatabaseForReading(file);
  const totals = new Totals(database);
  const history = new History(database, totals);
  const tables = {
    messages: new MessageTable(database, totals, spoolDirectory),
    attempts: history.attempts,
    listing: new Listing(database),
    spoolDirectory,
  };
  return {
    list(filter, { after, limit }) {
      const entries: QueueEntry[] = [];
      let place = after === undefined ? undefined : placeOf(after);
      do {
        const { rows, next } = tables.listing.entries(filter, now, place, limit - entries.length);
        entries.push(...rows);
        place = next;
      } while (place !== undefined && entries.length < limit);
      return entries;
    },
    show(id) {
      const shown = showMessage(tables, id);
      if (shown === undefined) return undefined;
      const { entries, records, header, meta } = shown;
      return { entries, header, arrival: parseArrival(meta), attempts: records.map(parseRecord) };
    },
    counts() {
      const { messages, ready, trying, held, bodyBytes } = totals.now;
      return { messages, ready, trying, held, bodyBytes };
    },
    report(query) {
      history.beginReport(query);
      const part = history.continueReport(() => true);
      if (part === undefined) throw new Error("a report ended without an answer");
      return part;
    },
    [Symbol.dispose]: () => database.close(),
  };
}
