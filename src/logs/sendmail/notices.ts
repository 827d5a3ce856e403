/**
 * `<id>: <notice's id>: DSN: User unknown`: Sendmail says behind a recipient's line which notice goes to the sender. A
 * notice is announced before the records of the attempt that made it due; it is told with the first that it is about.
 */
import type { AttemptRecord } from "../../mail/attempt.ts";
import type { EventOf } from "../../observe/events.ts";
import { deliveryStatus } from "./delivery-status.ts";

type Queued = EventOf<"notice-queued">;

/** Notices whose records have not come. */
const maxWaiting = 1000;

export class Notices {
  /** By the message that they are about. */
  readonly #waiting = new Map<string, Queued>();

  queued(notice: Queued): void {
    if (this.#waiting.size >= maxWaiting) this.#waiting.clear();
    this.#waiting.set(notice.about, notice);
  }

  lineFor(record: AttemptRecord): string | undefined {
    if (this.#waiting.size === 0) return undefined;
    const notice = this.#waiting.get(record.messageId);
    if (notice === undefined || !events[notice.action].has(record.event)) return undefined;
    this.#waiting.delete(record.messageId);
    return `${record.messageId}: ${notice.messageId}: ${subject(notice, record)}`;
  }
}

/** Which end of a recipient makes which notice due. */
const events: Readonly<Record<Queued["action"], ReadonlySet<AttemptRecord["event"]>>> = {
  failed: new Set(["failed", "expired"]),
  expired: new Set(["expired"]),
  delayed: new Set(["deferred"]),
  relayed: new Set(["delivered"]),
};

function subject({ action }: Queued, record: AttemptRecord): string {
  switch (action) {
    case "delayed":
      return `sender notify: Warning: could not send message for past ${age(record.ageMs)}`;
    case "relayed":
      return "DSN: Return receipt";
    default:
      return `DSN: ${record.event === "expired" ? `Cannot send message for ${age(record.ageMs)}` : deliveryStatus(record).stat}`;
  }
}

/** `4 hours`, `5 days`: whole ones of the largest unit. */
function age(ms: number): string {
  const minutes = Math.max(1, Math.floor(ms / 60_000));
  if (minutes >= 1440) return counted(Math.floor(minutes / 1440), "day");
  return minutes >= 60 ? counted(Math.floor(minutes / 60), "hour") : counted(minutes, "minute");
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
