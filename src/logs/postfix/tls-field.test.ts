/** The `tls=` field of Postfix 3.11: required versus achieved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptFailure, AttemptTls } from "../../mail/attempt.ts";
import { sampleFailure, sampleTls } from "../../mail/attempt-sample.ts";
import { tlsField } from "./tls-field.ts";

const clear: Partial<AttemptTls> = {
  protocol: null,
  cipher: null,
  bits: null,
  group: null,
  achieved: "none",
  peer: null,
};

function failure(change: Partial<AttemptFailure>): AttemptFailure {
  return { ...sampleFailure, tls: "unproven", unproven: ["chain", "name"], ...change };
}

const rows: readonly [name: string, tls: Partial<AttemptTls>, failure: AttemptFailure | null, want: string][] = [
  ["a proven host", {}, null, "verify"],
  ["any TLS where it may be", { required: "may", achieved: "encrypted" }, null, "may"],
  ["clear text where it may be", { ...clear, required: "may" }, null, "may:none"],
  ["clear text as told", { ...clear, required: "none" }, null, "none"],
  ["TLS as demanded", { required: "encrypt", achieved: "encrypted" }, null, "encrypt"],
  ["a rule that only watches, unproven", { achieved: "trusted" }, null, "verify:encrypt"],
  ["a rule that only watches, in clear", { ...clear }, null, "verify:none"],
  ["DANE with unusable records", { required: "dane", achieved: "encrypted" }, null, "dane:encrypt"],
  ["an unproven host", { achieved: "encrypted" }, failure({}), "!verify"],
  ["TLS not offered", { ...clear, required: "encrypt" }, failure({ tls: "not-offered" }), "!encrypt"],
  ["a failed handshake", { ...clear, required: "may" }, failure({ tls: "handshake" }), "may?"],
  ["a connection lost at STARTTLS", { ...clear }, failure({ tls: "lost" }), "verify?"],
  ["no connection", { ...clear }, failure({ kind: "unreachable", stage: "connect", tls: null }), "verify?"],
  ["a rule that cannot be followed", { ...clear }, failure({ kind: "rule", tls: null }), "unknown?"],
  ["a recipient refused over proven TLS", {}, failure({ kind: "refused", stage: "rcpt", tls: null }), "verify"],
  [
    "a recipient refused in clear",
    { ...clear, required: "may" },
    failure({ kind: "refused", stage: "rcpt", tls: null }),
    "may:none",
  ],
];

for (const [name, change, why, want] of rows) {
  test(`tls=${want}: ${name}`, () => assert.equal(tlsField({ ...sampleTls, ...change }, why), want));
}

test("no field where no host was met", () => assert.equal(tlsField(null, null), undefined));
