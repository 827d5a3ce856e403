import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "./address.ts";
import { AddressTable } from "./address-table.ts";
import { type Cidr, inCidr, parseCidr } from "./ip.ts";

function block(text: string): Cidr {
  return parseCidr(text) ?? assert.fail(text);
}

const blocks = [
  "0.0.0.0/0",
  "10.0.0.0/8",
  "10.1.0.0/16",
  "10.1.2.0/23",
  "10.1.2.3",
  "::/0",
  "2001:db8::/33",
  "2001:db8::1",
];
const octet = fc.constantFrom(0, 1, 2, 3, 10, 255);

test("address table: finds every block that covers an address, as a look at each of them does", () => {
  const table = new AddressTable<string>();
  for (const text of blocks) table.set(block(text), text);
  const four = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
  const six = fc.constantFrom("2001:db8::1", "2001:db8:8000::1", "2001:db8:7fff::", "::1", "fe80::1");
  fc.assert(
    fc.property(fc.oneof(four, six), (address) => {
      const wanted = blocks.filter((text) => inCidr(address as IpAddress, block(text)));
      assert.deepEqual(table.findAll(address as IpAddress).toSorted(), wanted.toSorted());
    }),
  );
});

test("address table: a block has one value", () => {
  const table = new AddressTable<number>();
  assert.deepEqual(table.findAll("192.0.2.1" as IpAddress), []);
  table.set(block("192.0.2.0/24"), 1);
  table.set(block("192.0.2.0/24"), 2);
  assert.equal(table.get(block("192.0.2.0/24")), 2);
  assert.equal(table.get(block("192.0.2.0/25")), undefined);
  assert.deepEqual(table.findAll("192.0.2.1" as IpAddress), [2]);
});
