import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "./address.ts";
import { inCidr, isPublicAddress, parseCidr, parseIp } from "./ip.ts";

const parsed: readonly [text: string, want: string | undefined][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["2001:DB8:0::1", "2001:db8::1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["127.1", undefined],
  ["0x7f.0.0.1", undefined],
  ["010.0.0.1", undefined],
  ["fe80::1%eth0", undefined],
  ["example.com", undefined],
  ["", undefined],
];
for (const [text, want] of parsed) test(`parseIp: ${text}`, () => assert.equal(parseIp(text), want));

const blocks: readonly [text: string, address: string, want: boolean | undefined][] = [
  ["192.0.2.0/24", "192.0.2.200", true],
  ["192.0.2.0/24", "192.0.3.1", false],
  ["0.0.0.0/0", "8.8.8.8", true],
  ["2001:db8::/32", "2001:db8:1::1", true],
  ["2001:db8::/32", "192.0.2.1", false],
  ["192.0.2.1", "192.0.2.1", true],
  ["192.0.2.1/24", "192.0.2.1", undefined],
  ["192.0.2.0/33", "192.0.2.1", undefined],
  ["192.0.2.0/24/8", "192.0.2.1", undefined],
];
for (const [text, address, want] of blocks) {
  test(`parseCidr: ${text} holds ${address}`, () => {
    const block = parseCidr(text);
    assert.equal(block && inCidr(address as IpAddress, block), want);
  });
}

test("isPublicAddress: MX-12", () => {
  const answers = ["9.9.9.9", "127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fc00::1", "224.0.0.1", "0.0.0.0"];
  assert.deepEqual(
    answers.map((text) => isPublicAddress(text as IpAddress)),
    [true, false, false, false, false, false, false, false],
  );
});
