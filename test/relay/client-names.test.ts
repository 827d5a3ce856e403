/**
 * Rules that hang on a client's name, through a whole relay: the name comes from DNS as it is when the client connects.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabZone } from "../../src/lab/dns-server.ts";
import { startRelayLab } from "./relay-lab.ts";

const reverse = "1.0.0.127.in-addr.arpa";
const name = "mx.partner.test";
const rule = `inbound-rules: [{client-names: [.partner.test], require-tls: encrypted, answer: permanent}]
relay-networks: [127.0.0.0/8]`;

const rows: readonly [name: string, zone: LabZone, reply: RegExp][] = [
  [
    "the name leads back: the rule holds",
    { [reverse]: { ptr: [name] }, [name]: { a: ["127.0.0.1"] } },
    /^530 5\.7\.10 /,
  ],
  [
    "the name is forged: the rule is not about him",
    { [reverse]: { ptr: [name] }, [name]: { a: ["192.0.2.1"] } },
    /^250 /,
  ],
  ["there is no name", {}, /^250 /],
  ["DNS cannot tell: not now", { [reverse]: { misbehave: "servfail" } }, /^451 4\.4\.3 /],
  [
    "DNS cannot tell of the name: not now",
    { [reverse]: { ptr: [name] }, [name]: { misbehave: "servfail" } },
    /^451 4\.4\.3 /,
  ],
];

for (const [title, zone, reply] of rows) {
  test(`a rule by client name: ${title}`, async () => {
    await using lab = await startRelayLab({ zone, yaml: rule });
    using client = await lab.client();
    assert.match(await client.say("MAIL FROM:<a@example.test>"), reply);
  });
}

test("a rule by client name: where nothing hangs on names, DNS is not asked", async () => {
  const yaml = "inbound-rules: [{sender-domains: [bank.test], require-tls: encrypted}]";
  await using lab = await startRelayLab({ zone: { [reverse]: { misbehave: "drop" } }, yaml });
  using client = await lab.client();
  assert.match(await client.say("MAIL FROM:<a@example.test>"), /^250 /);
});
