import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import { parseMailbox } from "../../../smtp/path.ts";
import { type AccessAction, findClient, findMailbox, readAction } from "./access-lookup.ts";
import type { LookupTable } from "./lookup-table.ts";

/** Finds nothing, and writes down what it was asked. */
function listening(kind: LookupTable["kind"], asked: string[]): LookupTable {
  const lookup: LookupTable["lookup"] = (key) => {
    asked.push(key);
    return { kind: "none" };
  };
  return { spec: "", type: "hash", kind, lookup, entries: () => [] };
}

const options = { withSubdomains: true, delimiter: "+", nullKey: "<>" };

const mailboxRows: readonly [name: string, address: string | undefined, withSubdomains: boolean, keys: string][] = [
  ["an address", "User@Sub.Example.org", true, "user@sub.example.org sub.example.org example.org org user@"],
  ["parents with a dot", "u@sub.example.org", false, "u@sub.example.org sub.example.org .example.org .org u@"],
  ["an extension", "u+x@example.org", true, "u+x@example.org u@example.org example.org org u+x@ u@"],
  ["nobody", undefined, true, "<>"],
  ["a literal", "u@[192.0.2.1]", true, "u@[192.0.2.1] [192.0.2.1] 0.2.1] 2.1] 1] u@"],
];

for (const [name, address, withSubdomains, keys] of mailboxRows) {
  test(`access table, keys of ${name}`, () => {
    const asked: string[] = [];
    const mailbox = address === undefined ? undefined : parseMailbox(address);
    findMailbox(listening("fixed", asked), mailbox, { ...options, withSubdomains });
    assert.equal(asked.join(" "), keys);
  });
}

test("access table: a pattern sees the whole address alone", () => {
  const asked: string[] = [];
  findMailbox(listening("pattern", asked), parseMailbox("u+x@example.org"), options);
  assert.deepEqual(asked, ["u+x@example.org"]);
});

for (const [client, name, keys] of [
  ["192.0.2.7", "mx.example.org", "mx.example.org example.org org 192.0.2.7 192.0.2 192.0 192"],
  ["192.0.2.7", undefined, "unknown 192.0.2.7 192.0.2 192.0 192"],
  ["2001:db8::1", undefined, "unknown 2001:db8::1 2001:db8: 2001:db8 2001"],
] as const) {
  test(`access table, keys of the client ${client} ${name}`, () => {
    const asked: string[] = [];
    const address = parseIp(client);
    assert.ok(address !== undefined);
    const clientName = name === undefined ? undefined : parseDomain(name);
    findClient(listening("fixed", asked), { client: address, clientName }, options);
    assert.equal(asked.join(" "), keys);
  });
}

const actionRows: readonly [value: string, action: string][] = [
  ["OK", "permit"],
  ["ok", "permit"],
  ["123456", "permit"],
  ["DUNNO", "pass"],
  ["PREPEND X-Y: z", "pass"],
  ["REJECT", "554 5.7.1 Access denied"],
  ["REJECT 5.1.8 no such sender", "554 5.1.8 no such sender"],
  ["reject go away", "554 5.7.1 go away"],
  ["550 go away", "550 5.7.1 go away"],
  ["450 4.2.0 later", "450 4.2.0 later"],
  ["550 4.2.0 of another class", "550 5.2.0 of another class"],
  ["554", "554 5.7.1 Access denied"],
  ["DEFER", "450 4.7.1 Access denied"],
  ["DEFER_IF_PERMIT x", "450 4.7.1 x"],
  ["REJECT a\u0007b\r\n250 c", "554 5.7.1 a?b??250 c"],
  ["HOLD", "unusable"],
  ["DISCARD", "unusable"],
  ["reject_plaintext_session, OK", "restrictions reject_plaintext_session, OK"],
];

for (const [value, action] of actionRows) {
  test(`access table, value ${JSON.stringify(value)}`, () => {
    assert.equal(inWords(readAction(value, { reject: 554, defer: 450 })), action);
  });
}

function inWords(action: AccessAction): string {
  if (action.kind === "restrictions") return `restrictions ${action.list}`;
  if (action.kind !== "reject") return action.kind;
  return `${action.answer.code} ${action.answer.status} ${action.answer.text}`;
}
