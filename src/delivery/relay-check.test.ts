import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { parseCidr } from "../mail/ip.ts";
import { parseMailbox } from "../smtp/path.ts";
import { createRelayCheck } from "./relay-check.ts";

const networks = ["192.0.2.0/24", "2001:db8::/32"].flatMap((text) => parseCidr(text) ?? []);
const domains = [
  { kind: "exact", domain: domain("ours.example") },
  { kind: "below", domain: domain("ours.example") },
] as const;
const check = createRelayCheck(networks, domains, {
  allowLiterals: false,
  hostname: domain("relay.ours.example"),
  takesPostmaster: true,
});
const withoutPostmaster = createRelayCheck(networks, [], {
  allowLiterals: true,
  hostname: domain("relay.ours.example"),
  takesPostmaster: false,
});

const inside = "192.0.2.7";
const outside = "198.51.100.7";

const rows: readonly [name: string, client: string, recipient: string, want: number | undefined][] = [
  ["SR-14 a stranger to a stranger", outside, "a@else.example", 550],
  ["a stranger to a relay domain", outside, "a@ours.example", undefined],
  ["a stranger to a relay domain in capitals", outside, "a@OURS.example", undefined],
  ["a stranger below a relay domain", outside, "a@b.ours.example", undefined],
  ["a stranger to what only ends like a relay domain", outside, "a@notours.example", 550],
  ["our network to anywhere", inside, "a@else.example", undefined],
  ["our network over IPv6", "2001:db8::1", "a@else.example", undefined],
  ["AT-29 a percent hack is a local part at its own domain", outside, "a%ours.example@else.example", 550],
  ["AT-29 a quoted route", outside, '"a@ours.example"@else.example', 550],
  ["AT-29 a stranger to an address literal", outside, "a@[192.0.2.1]", 550],
  ["our network to an address literal, not allowed", inside, "a@[192.0.2.1]", 550],
  ["SR-2 postmaster at our name, any case", outside, "PostMaster@relay.ours.example", undefined],
];
for (const [name, client, recipient, want] of rows) {
  test(`relay check: ${name}`, () => {
    const mailbox = parseMailbox(recipient);
    assert.ok(mailbox, recipient);
    assert.equal(check(client as IpAddress, mailbox)?.code, want);
  });
}

test("relay check: SR-2 postmaster alone, where the operator names a mailbox", () => {
  const mailbox = { text: "postmaster", localPart: "postmaster", host: undefined };
  assert.equal(check(outside as IpAddress, mailbox), undefined);
  assert.equal(withoutPostmaster(outside as IpAddress, mailbox)?.code, 550);
});

test("relay check: literals from our network where they are allowed", () => {
  const mailbox = parseMailbox("a@[192.0.2.1]");
  assert.ok(mailbox);
  assert.equal(withoutPostmaster(inside as IpAddress, mailbox), undefined);
  assert.equal(withoutPostmaster(outside as IpAddress, mailbox)?.code, 550);
});
