/**
 * Attempt records, or inbound records, as JSON: one object a line (schema/attempt.schema.json, inbound.schema.json).
 */
import { attemptJson } from "../../mail/attempt.ts";
import type { LogFormat } from "../../mail/log-definition.ts";
import { type LogRenderer, noLines } from "../log-renderer.ts";

export function createJsonRenderer({ of }: Extract<LogFormat, Readonly<{ kind: "json" }>>): LogRenderer {
  if (of === "deliveries")
    return {
      lineEnd: "\n",
      lines: (event, time) => (event.kind === "attempt" ? [{ text: attemptJson(event.record), time }] : noLines),
    };
  return {
    lineEnd: "\n",
    lines: (event, time) => (event.kind === "inbound" ? [{ text: JSON.stringify(event.record), time }] : noLines),
  };
}
