/**
 * Directives of `<acct-file>`, and what a `<domain>` says of records (reference, section 3.1).
 */
import type { PowerMtaOption } from "./option-types.ts";

function entry(name: string, values: string, fallback: string, reason: string): PowerMtaOption {
  return { name, status: "applied", kind: "text", values, default: fallback, scopes: ["acct-file"], reason };
}

function flag(name: string, fallback: "yes" | "no", reason: string): PowerMtaOption {
  return { ...entry(name, "yes|no", fallback, reason), kind: "boolean" };
}

export const accountingOptions: readonly PowerMtaOption[] = [
  entry(
    "records",
    "TYPES",
    "d,b",
    "Types `d`, `b`, `t`, `tq` and `r` are written; there are no events for `rb`, `rs`, `f`.",
  ),
  entry("record-fields", "TYPE FIELDS", "*", "As there; further fields tell what TLS was required and achieved."),
  entry("map-header-to-field", "TYPE header_NAME FIELD", "none", "The first of these header fields that exists."),
  entry("move-to", "FOLDER", "off", "On the same volume, as there."),
  entry("move-interval", "INTERVAL", "1d", "With `move-to` alone."),
  entry("max-size", "SIZE", "250M", "At least 1M; then a file with a higher number begins."),
  entry("delete-after", "Nd|never", "8d", "Without `move-to` alone."),
  flag("iso-times", "yes", "`no`: seconds since 1970."),
  entry("user-string", "TEXT", "none", "Of the field `userString`."),
  entry(
    "queue-filter",
    "PATTERNS",
    "none",
    "The first pattern that fits decides; a queue that none fits has no records.",
  ),
  entry(
    "privacy-policy",
    "retain|redact|siphash|hmac-sha256 ...",
    "retain",
    "What stands for local parts of recipients.",
  ),
  flag("world-readable", "no", "Of files that are made from then on."),
  flag("count-moved-records", "no", "How many records a finished file has."),
  flag("sync", "no", "After each write."),
  entry("retry-interval", "INTERVAL", "5m", "Of programs: until one that ended is started again."),
  entry("write-timeout", "INTERVAL", "1m", "Of programs: until one that takes nothing is ended."),
  entry("formula-cells", "escape|keep", "escape", "Ours: cells from outside that a spreadsheet takes for a formula."),
  {
    name: "disable-acct-records",
    status: "applied",
    kind: "text",
    values: "TYPES",
    default: "none",
    scopes: ["domain"],
    reason: "Of these types nothing is written for the queue.",
  },
];
