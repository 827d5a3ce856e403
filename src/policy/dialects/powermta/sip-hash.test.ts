/** SipHash-2-4 against the values that its authors published. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sipHash } from "./sip-hash.ts";

const octets = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, index) => index));

const rows: readonly [length: number, hash: string][] = [
  [0, "726fdb47dd0e0e31"],
  [1, "74f839c593dc67fd"],
  [7, "ab0200f58b01d137"],
  [8, "93f5f5799a932462"],
  [15, "a129ca6149be45e5"],
  [63, "958a324ceb064572"],
];
for (const [length, hash] of rows) {
  test(`SipHash-2-4 of ${length} octets`, () => {
    assert.equal(sipHash(octets(16), octets(length)).toString(16), hash);
  });
}
