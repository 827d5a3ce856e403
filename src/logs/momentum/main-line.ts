/**
 * Lines of the mainlog: R, D, T and P (Momentum 4 manual, Log Formats: mainlog). Fields stand in the manual's order.
 */
import { domainPartOf, localPartOf } from "../../mail/address-text.ts";
import type { AttemptRecord } from "../../mail/attempt.ts";
import type { InboundRecord } from "../../mail/inbound-record.ts";
import type { EventOf } from "../../observe/events.ts";
import { stageOf } from "./connection-stage.ts";
import { joinFields, secondsBetween, timestamp } from "./fields.ts";
import { acceptedId, copyId, noId, routingDomain } from "./identity.ts";
import { responseOf } from "./response-text.ts";

/** @param at the recipient's place in the envelope */
export function receptionLine(record: InboundRecord, at: number, time: number): string {
  const to = record.to[at] ?? "";
  const from = record.from ?? "";
  return joinFields([
    timestamp(time),
    acceptedId(record, at),
    record.messageId ?? noId,
    record.session,
    "R",
    localPartOf(to),
    domainPartOf(to),
    localPartOf(from),
    domainPartOf(from),
    record.client,
    record.sizeBytes ?? 0,
    "esmtp",
    record.bindingGroup ?? "default",
    record.binding ?? "default",
  ]);
}

/** A notice of our own: `internal`. The address and the size that it has there are not documented. */
export function noticeLine(event: EventOf<"notice-queued">, now: number): string {
  const { messageId, to, sizeBytes, binding } = event;
  return joinFields([
    ...[timestamp(now), `${messageId}.0`, messageId, noId, "R"],
    ...[localPartOf(to), domainPartOf(to), "", "", "unknown", sizeBytes, "internal", "default", binding],
  ]);
}

export function attemptLine(record: AttemptRecord, time: number): string {
  return record.event === "delivered" ? deliveryLine(record, time) : failureLine(record, time);
}

function deliveryLine(record: AttemptRecord, time: number): string {
  return joinFields([
    ...head(record, "D", time),
    record.sizeBytes,
    record.bindingGroup ?? "default",
    record.binding,
    record.attempt - 1,
    secondsBetween(record.ageMs),
    record.address ?? "",
  ]);
}

function failureLine(record: AttemptRecord, time: number): string {
  return joinFields([
    ...head(record, record.event === "deferred" ? "T" : "P", time),
    transferred(record),
    record.bindingGroup ?? "default",
    record.binding,
    stageOf(record).number,
    record.attempt - 1,
    secondsBetween(record.ageMs),
    record.address ?? "",
    responseOf(record),
  ]);
}

function head(record: AttemptRecord, letter: "D" | "T" | "P", time: number): readonly (string | number)[] {
  const { messageId, connection } = record;
  return [timestamp(time), copyId(record), messageId, connection?.id ?? noId, letter, routingDomain(record)];
}

/** Octets that went over before the failure: 0 where no connection was made is documented, the rest inferred. */
function transferred({ failure, sizeBytes }: AttemptRecord): number {
  return failure?.stage === "final-dot" ? sizeBytes : 0;
}
