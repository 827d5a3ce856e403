import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { describeOurselves, machineAddresses } from "./ourselves.ts";

const machine = ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"] as IpAddress[];

const rows: readonly [listening: string, want: string[]][] = [
  ["127.0.0.2", ["127.0.0.2 25"]],
  ["0.0.0.0", ["0.0.0.0 25", "127.0.0.1 25", "192.0.2.1 25"]],
  ["::", [":: 25", "::1 25", "2001:db8::1 25"]],
];
for (const [listening, want] of rows) {
  test(`describeOurselves: MX-9 listening on ${listening}`, () => {
    const listener = { address: listening as IpAddress, port: 25 };
    const own = describeOurselves([domain("relay.example")], [listener], machine);
    assert.deepEqual([...own.ownEndpoints], want);
    assert.ok(own.ownAddresses.has(listener.address) && machine.every((address) => own.ownAddresses.has(address)));
    assert.deepEqual([...own.ownNames], ["relay.example"]);
  });
}

test("machineAddresses: loopback is among them", () => {
  assert.ok(machineAddresses().includes("127.0.0.1" as IpAddress));
});
