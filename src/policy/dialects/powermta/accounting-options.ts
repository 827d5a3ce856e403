/**
 * Directives of `<acct-file>` (reference, section 3.1).
 */
import type { PowerMtaOption, ValueKind } from "./option-types.ts";

export function accountingOptions(): PowerMtaOption[] {
  const handedOn = "Handed on to the accounting files.";
  const entry = (name: string, values: string, fallback: string, kind: ValueKind = "text"): PowerMtaOption => ({
    name,
    status: "applied",
    kind,
    values,
    default: fallback,
    scopes: ["acct-file"],
    reason: handedOn,
  });
  return [
    entry("records", "TYPES", "d,b", "records"),
    entry("record-fields", "TYPE FIELDS", "*", "record-fields"),
    entry("move-to", "FOLDER", "off"),
    entry("move-interval", "INTERVAL", "1d"),
    entry("max-size", "SIZE", "250M"),
    entry("delete-after", "Nd|never", "8d"),
    entry("iso-times", "yes|no", "yes", "boolean"),
    entry("user-string", "TEXT", "none"),
    entry("map-header-to-field", "TYPE header_NAME FIELD", "none"),
    entry("queue-filter", "PATTERNS", "none"),
    entry("privacy-policy", "retain|redact|siphash|hmac-sha256 ...", "retain"),
    entry("world-readable", "yes|no", "no", "boolean"),
    entry("count-moved-records", "yes|no", "no", "boolean"),
    entry("sync", "yes|no", "no", "boolean"),
    entry("retry-interval", "INTERVAL", "5m"),
    entry("write-timeout", "INTERVAL", "1m"),
  ];
}
