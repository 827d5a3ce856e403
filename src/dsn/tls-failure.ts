/**
 * Reads off an attempt record whether TLS policy is why the mail did not flow, and which step failed (DS-9).
 */
import path from "node:path";
import type { AttemptRecord } from "../mail/attempt.ts";
import { provingLevels } from "../policy/rules.ts";

export type TlsFailure = Readonly<{
  level: string;
  /** `local policy, rule letterlock.yaml:14`; only the file's name, since a notice leaves the house. */
  policy: string;
  steps: readonly string[];
}>;

const noTls = [
  "rule-refuses",
  "dane-unavailable",
  "no-pins",
  "not-offered",
  "starttls-refused",
  "starttls-lost",
  "injected",
  "handshake-failed",
  "fallback-not-yet",
];
const notProven = [
  "chain-untrusted",
  "certificate-expired",
  "no-certificate",
  "name-mismatch",
  "pin-mismatch",
  "cipher-too-weak",
];

/** Undefined when a reply, a lost connection or anything but TLS ended the attempt. */
export function tlsFailureOf({ event, reply, tls, reasons, rule }: AttemptRecord): TlsFailure | undefined {
  if (event === "delivered" || reply !== null || tls === null) return undefined;
  const wentOnInClear = reasons.some(({ code }) => code === "fallback-clear");
  const asksForProof = provingLevels.has(tls.required) && tls.achieved !== "verified";
  const failing = [...(wentOnInClear ? [] : noTls), ...(asksForProof ? notProven : []), "cipher-too-weak"];
  const steps = reasons.filter(({ code }) => failing.includes(code)).map(({ text }) => text);
  if (steps.length === 0) return undefined;
  const place =
    rule?.file == null ? "" : `, rule ${path.basename(rule.file)}${rule.line === null ? "" : `:${rule.line}`}`;
  const policy = rule === null || rule.source === "built-in" ? "built-in default" : `local policy${place}`;
  return { level: tls.required, policy, steps };
}
