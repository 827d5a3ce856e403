/** The published schema of inbound records, the documentation and the records say the same. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { InboundRecord } from "../mail/inbound-record.ts";
import { sampleInbound, sampleInboundRefusal, sampleInboundTls } from "../mail/inbound-sample.ts";

type Schema = {
  $ref?: string;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  $defs?: Record<string, Schema>;
};

const root = path.join(import.meta.dirname, "../..");
const schema = JSON.parse(readFileSync(path.join(root, "schema/inbound.schema.json"), "utf8")) as Schema;
const page = readFileSync(path.join(root, "docs/operating/records-inbound.md"), "utf8");
const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);

function fieldNames(part: Schema, prefix: string): string[] {
  if (part.$ref !== undefined) return fieldNames(schema.$defs?.[part.$ref.replace("#/$defs/", "")] ?? {}, prefix);
  const own = Object.entries(part.properties ?? {}).flatMap(([name, value]) => [
    prefix + name,
    ...fieldNames(value, `${prefix}${name}.`),
  ]);
  return [...own, ...(part.anyOf ?? []).flatMap((one) => fieldNames(one, prefix))];
}

function refusal(
  stage: NonNullable<InboundRecord["stage"]>,
  reason: NonNullable<InboundRecord["reason"]>,
): InboundRecord {
  return { ...sampleInboundRefusal, stage, reason };
}

const valid: readonly [name: string, record: InboundRecord][] = [
  ["a message", sampleInbound],
  ["a refused sender", sampleInboundRefusal],
  ["a refused recipient", { ...refusal("rcpt", "relay"), to: ["a@example.org"], relay: null }],
  ["a failed log-in", { ...refusal("auth", "log-in"), from: null, user: "alice" }],
  ["a refused client", { ...refusal("client", "temporary"), from: null, clientName: null, rule: null }],
  ["a user's message", { ...sampleInbound, user: "alice", by: "SCRAM-SHA-256", relay: "user" }],
  ["under monitor", { ...sampleInbound, tls: { ...sampleInboundTls, monitor: "would-fail" } }],
];
for (const [name, record] of valid) {
  test(`inbound schema: ${name}`, () => assert.ok(validate(record), JSON.stringify(validate.errors)));
}

const invalid: readonly [name: string, record: unknown][] = [
  ["an unknown field", { ...sampleInbound, extra: 1 }],
  ["a missing field", { ...sampleInbound, tls: undefined }],
  ["another event", { ...sampleInbound, event: "taken" }],
  ["another stage", { ...sampleInboundRefusal, stage: "helo" }],
  ["a control character", { ...sampleInbound, ehlo: "mail\u001b[2J" }],
  ["another level", { ...sampleInbound, tls: { ...sampleInboundTls, required: "encrypt" } }],
];
for (const [name, record] of invalid) {
  test(`inbound schema refuses ${name}`, () => assert.ok(!validate(JSON.parse(JSON.stringify(record)))));
}

test("records-inbound.md lists the schema's fields, in its order", () => {
  const documented = [...page.matchAll(/^\| `([A-Za-z0-9.]+)` \| (?:text|integer|list|object|true)/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(documented, fieldNames(schema, ""));
});

test("records-inbound.md shows a record that exists", () => {
  const [, example = ""] = /```json\n(.*)\n```/.exec(page) ?? [];
  assert.deepEqual(JSON.parse(example), sampleInbound);
});
