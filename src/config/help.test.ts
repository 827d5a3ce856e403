import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { settingsHelp, settingsReference, settingsSchema } from "./help.ts";
import { loadSettings } from "./load.ts";
import { fileTable } from "./table.ts";

const root = path.join(import.meta.dirname, "../..");
const hint = "npm run print-reference";

test("the reference page is the settings table", () => {
  assert.equal(readFileSync(path.join(root, "docs/operating/settings.md"), "utf8"), settingsReference(), hint);
});

test("the JSON Schema is the settings table", () => {
  const committed: unknown = JSON.parse(readFileSync(path.join(root, "schema/letterlock.schema.json"), "utf8"));
  assert.deepEqual(committed, JSON.parse(JSON.stringify(settingsSchema())), hint);
});

test("--help names every setting of the first level", () => {
  const help = settingsHelp();
  for (const key of Object.keys(fileTable)) assert.match(help, new RegExp(`^ {2}${key} `, "m"));
});

const validate = new Ajv2020({ allowUnionTypes: true }).compile(settingsSchema());

for (const example of readdirSync(path.join(root, "examples"))) {
  test(`the schema takes examples/${example}`, () => {
    const text = readFileSync(path.join(root, "examples", example), "utf8");
    assert.ok(validate(parse(text)), JSON.stringify(validate.errors));
  });
}

const rows: readonly (readonly [text: string, valid: boolean])[] = [
  ["{}", true],
  ["hostname: a.example", true],
  ["hostnam: a.example", false],
  ["retry: { lifetime: 5 }", false],
  ["retry: { lifetime: 5d }", true],
  ["limits: { message-size: 50 }", false],
  ["listeners: [{tls: none}]", false],
  ["tls: { domains: { a.example: { level: secure, hosts: { b.example: { level: may } } } } }", true],
  ["tls: { domains: { a.example: { level: safe } } }", false],
  ["logs: { a: { format: postfix, file: x, size: never, mode: '0644' } }", true],
  ["logs: { a: { format: postfix, file: x, mode: 0644 } }", true],
  ["logs: { a: { format: postfix, file: x, facilty: mail } }", false],
  ["logs: { a: { format: powermta, syslog: /dev/log } }", false],
  ["logs: { a: { format: powermta, file: x, record-fields: { d: ['*', dlvTlsGroup] }, records: [d, tq] } }", true],
  ["logs: { a: { file: x } }", false],
  ["bindings: { a: { tls: { hosts: { b.example: { levl: may } } } } }", false],
];

for (const [text, valid] of rows) {
  test(`schema and loader agree that this is ${valid ? "right" : "wrong"}: ${text}`, () => {
    assert.equal(validate(parse(text)), valid);
    assert.equal(loadSettings({ text }).settings !== undefined, valid);
  });
}
