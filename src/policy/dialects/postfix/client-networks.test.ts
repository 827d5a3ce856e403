import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp } from "../../../mail/ip.ts";
import type { SourceFiles } from "../dialect.ts";
import { isInNetworks, readNetworks, usualNetworks } from "./client-networks.ts";
import { openTable } from "./lookup-table.ts";

const contents: Readonly<Record<string, string>> = {
  "/networks": "# ours\n192.0.2.0/24\n!198.51.100.7, 198.51.100.0/24\n",
  "/itself": "/itself 192.0.2.1",
  "/hash": "203.0.113.9 here\n",
};
const files: SourceFiles = {
  read: (file) => {
    const text = contents[file];
    return text === undefined ? { kind: "failed", reason: "none" } : { kind: "found", text };
  },
  list: () => undefined,
  modifiedAt: () => undefined,
};
const place = { file: "main.cf", line: 1, column: 1 };
const context = {
  files,
  openTable: (spec: string) => openTable(spec, { files, at: place, folder: "/" }).table,
};

const rows: readonly [written: string, client: string, inside: boolean][] = [
  ["192.0.2.0/24", "192.0.2.255", true],
  ["192.0.2.0/24", "192.0.3.0", false],
  ["192.0.2.7", "192.0.2.7", true],
  ["127.0.0.0/8, [::1]/128", "::1", true],
  ["[2001:db8::]/32", "2001:db8:1::1", true],
  ["!192.0.2.7 192.0.2.0/24", "192.0.2.7", false],
  ["192.0.2.0/24 !192.0.2.7", "192.0.2.7", true],
  ["/networks", "192.0.2.1", true],
  ["/networks", "198.51.100.7", false],
  ["/networks", "198.51.100.8", true],
  ["!/networks 198.51.100.0/24", "198.51.100.8", false],
  ["texthash:/hash", "203.0.113.9", true],
  ["texthash:/hash", "203.0.113.10", false],
  ["ldap:/x 192.0.2.0/24", "192.0.2.1", false],
  ["192.0.2.1/24", "192.0.2.1", false],
  ["/nowhere", "192.0.2.1", false],
  ["", "127.0.0.1", false],
];

for (const [written, client, inside] of rows) {
  test(`networks "${written}": ${client} is ${inside ? "in" : "out"}`, () => {
    const address = parseIp(client);
    assert.ok(address !== undefined);
    assert.equal(isInNetworks(readNetworks(written, context), address), inside);
  });
}

test("networks: what is no address, block, file or table is told", () => {
  assert.deepEqual(readNetworks("192.0.2.1/24 mx.example.org /nowhere ::1", context).unread, [
    "192.0.2.1/24",
    "mx.example.org",
    "/nowhere",
    "::1",
  ]);
  assert.ok(readNetworks("/itself", context).unread.length > 0);
});

test("networks that are not written: loopback, and what inet_interfaces names", () => {
  const own = parseIp("192.0.2.1");
  assert.ok(own !== undefined);
  const ask = (style: string, client: string): boolean =>
    isInNetworks(usualNetworks(style, [own]), parseIp(client) ?? own);
  assert.deepEqual(
    ["127.0.0.1", "127.0.0.2", "192.0.2.1", "192.0.2.2", "::1"].map((client) => [
      ask("host", client),
      ask("subnet", client),
    ]),
    [
      [true, true],
      [false, true],
      [true, true],
      [false, false],
      [true, true],
    ],
  );
});
