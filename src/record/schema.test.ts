/** The published schema, the documentation and the records say the same. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { sampleAttempt, sampleRefusal, sampleTls } from "../mail/attempt-sample.ts";

type Schema = {
  $ref?: string;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  $defs?: Record<string, Schema>;
};

const root = path.join(import.meta.dirname, "../..");
const schema = JSON.parse(readFileSync(path.join(root, "schema/attempt.schema.json"), "utf8")) as Schema;
const page = readFileSync(path.join(root, "docs/operating/records.md"), "utf8");
const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);

function fieldNames(part: Schema, prefix: string): string[] {
  if (part.$ref !== undefined) return fieldNames(schema.$defs?.[part.$ref.replace("#/$defs/", "")] ?? {}, prefix);
  const inside = [...(part.anyOf ?? []), ...(part.items === undefined ? [] : [part.items])];
  const own = Object.entries(part.properties ?? {}).flatMap(([name, value]) => [
    prefix + name,
    ...fieldNames(value, `${prefix}${name}.`),
  ]);
  return [...own, ...inside.flatMap((one) => fieldNames(one, prefix))];
}

const bare = {
  ...sampleAttempt,
  nexthop: null,
  mx: null,
  address: null,
  port: null,
  tls: null,
  rule: null,
  reasons: [],
};
const valid: readonly [name: string, record: unknown][] = [
  ["delivered", sampleAttempt],
  ["refused by policy", sampleRefusal],
  ["routing failed", { ...bare, event: "failed", from: "", reply: null, error: "no such domain", status: "5.1.2" }],
  ["in clear", { ...sampleAttempt, tls: { ...sampleTls, achieved: "none", protocol: null, peer: null } }],
  ["monitor", { ...sampleAttempt, tls: { ...sampleTls, monitor: "would-fail" } }],
  ["impossible date", { ...sampleAttempt, time: "+275760-09-13T00:00:00.000Z" }],
];

for (const [name, record] of valid) {
  test(`attempt schema: ${name}`, () => assert.ok(validate(record), JSON.stringify(validate.errors)));
}

const invalid: readonly [name: string, record: unknown][] = [
  ["an unknown field", { ...sampleAttempt, extra: 1 }],
  ["a missing field", { ...sampleAttempt, status: undefined }],
  ["another event", { ...sampleAttempt, event: "sent" }],
  ["a control character", { ...sampleAttempt, to: "bob@example.net\n" }],
  ["another level", { ...sampleAttempt, tls: { ...sampleTls, required: "strict" } }],
];

for (const [name, record] of invalid) {
  test(`attempt schema refuses ${name}`, () => assert.ok(!validate(JSON.parse(JSON.stringify(record)))));
}

test("records.md lists the schema's fields, in its order", () => {
  const documented = [...page.matchAll(/^\| `([A-Za-z0-9.]+)` \|/gm)].map(([, name]) => name);
  // What an earlier host tells is told further up and down, of the last one.
  const fields = fieldNames(schema, "").filter((name) => !name.startsWith("earlier."));
  assert.deepEqual(documented, fields);
});

test("records.md shows a record that exists", () => {
  const [, example = ""] = /```json\n(.*)\n```/.exec(page) ?? [];
  assert.deepEqual(JSON.parse(example), sampleAttempt);
});
