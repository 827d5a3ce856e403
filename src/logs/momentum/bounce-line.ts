/**
 * Lines of the bouncelog (Momentum 4 manual, Log Formats: bouncelog). The time is the failure's: the manual says
 * "reception", which fits bounces that come in by mail.
 */
import { domainPartOf, localPartOf } from "../../mail/address-text.ts";
import type { AttemptRecord } from "../../mail/attempt.ts";
import { bounceClass } from "./bounce-class.ts";
import { stageOf } from "./connection-stage.ts";
import { joinFields, timestamp } from "./fields.ts";
import { copyId, noId } from "./identity.ts";
import { responseOf } from "./response-text.ts";

export function bounceLine(record: AttemptRecord, time: number): string {
  return joinFields([
    timestamp(time),
    copyId(record),
    record.messageId,
    // Which connection is not said; the mainlog's failures have the outbound one.
    record.connection?.id ?? noId,
    record.event === "deferred" ? "T" : "B",
    localPartOf(record.to),
    domainPartOf(record.to),
    localPartOf(record.from),
    domainPartOf(record.from),
    record.bindingGroup ?? "default",
    record.binding,
    stageOf(record).number,
    bounceClass(record)?.code ?? "",
    record.sizeBytes,
    record.address ?? "",
    responseOf(record),
  ]);
}
