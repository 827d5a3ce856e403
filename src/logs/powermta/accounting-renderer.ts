/**
 * PowerMTA's accounting files out of attempt and inbound records: a head line, then CSV by RFC 4180, one row for each
 * record (reference, section 3). What a file has was settled when its section was compiled; here every column becomes a
 * function once, and a row is these functions one after the other.
 */
import type { AttemptRecord } from "../../mail/attempt.ts";
import type { InboundRecord } from "../../mail/inbound-record.ts";
import type { AccountingLog } from "../../mail/log-definition.ts";
import { type LogLine, type LogRenderer, noLines } from "../log-renderer.ts";
import { writeCell } from "./csv-cell.ts";
import { type DeliveryFacts, deliveryFacts, deliveryFields } from "./delivery-fields.ts";
import { DeliveryRows, type DeliveryType } from "./delivery-rows.ts";
import { receiptFacts, receiptFields } from "./receipt-fields.ts";
import { rowWriter } from "./row-writer.ts";

export function createAccountingRenderer(log: AccountingLog): LogRenderer {
  const ofAttempt = attemptRows(log);
  const ofReceipt = receiptRows(log);
  return {
    head: ["type", ...log.columns.map(writeCell)].join(","),
    lineEnd: "\r\n",
    lines(event) {
      if (event.kind === "attempt") return ofAttempt(event.record);
      return event.kind === "inbound" ? ofReceipt(event.record) : noLines;
    },
  };
}

const deliveryTypes: readonly DeliveryType[] = ["d", "b", "t", "tq"];

function attemptRows(log: AccountingLog): (record: AttemptRecord) => readonly LogLine[] {
  const types = deliveryTypes.filter((type) => log.types.includes(type));
  if (types.length === 0) return () => noLines;
  const known = deliveryFields(log);
  const header = ({ record, hide }: DeliveryFacts, name: string): string | undefined => {
    const value = headerOf(record.origin, name);
    return value === undefined ? undefined : hide(value);
  };
  const writers = new Map(types.map((type) => [type, rowWriter(type, log, known, header)]));
  const rows = new DeliveryRows((type) => writers.has(type));
  return (record) => {
    const found = rows.of(record);
    if (found.length === 0) return noLines;
    const time = Date.parse(record.time);
    const lines: LogLine[] = [];
    for (const row of found) {
      const facts = deliveryFacts(row, log);
      const queue = { domain: facts.queue, vmta: record.binding, pool: record.bindingGroup };
      const write = log.wants(row.type, queue) ? writers.get(row.type) : undefined;
      if (write !== undefined) lines.push({ text: write(facts), time });
    }
    return lines;
  };
}

function receiptRows(log: AccountingLog): (record: InboundRecord) => readonly LogLine[] {
  if (!log.types.includes("r")) return () => noLines;
  const write = rowWriter("r", log, receiptFields(log), ({ record, hide }, name) => {
    const value = headerOf(record, name);
    return value === undefined ? undefined : hide(value);
  });
  return (record) => {
    if (record.event !== "accepted") return noLines;
    const time = Date.parse(record.time);
    return record.to.map((_, index) => ({ text: write(receiptFacts(record, index, log)), time }));
  };
}

/** @param name lower case; any that an operator writes, `constructor` too */
function headerOf({ headers }: Pick<InboundRecord, "headers">, name: string): string | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined;
}
