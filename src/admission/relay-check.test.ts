import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { parseCidr } from "../mail/ip.ts";
import { formatReply } from "../mail/reply.ts";
import { parseMailbox } from "../smtp/path.ts";
import { createRelayCheck, type RelayAnswer, type RelayClient, type RelayRight } from "./relay-check.ts";

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

/** Without any right but that of its network. */
function stranger(address: string): RelayClient {
  return { address: address as IpAddress, otherRight: () => undefined, wording: "letterlock" };
}

function codeOf(answer: RelayAnswer): number | undefined {
  return answer.kind === "refused" ? answer.reply.code : undefined;
}

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
    assert.equal(codeOf(check(stranger(client), mailbox)), want);
  });
}

test("relay check: SR-2 postmaster alone, where the operator names a mailbox", () => {
  const mailbox = { text: "postmaster", localPart: "postmaster", host: undefined };
  assert.equal(codeOf(check(stranger(outside), mailbox)), undefined);
  assert.equal(codeOf(withoutPostmaster(stranger(outside), mailbox)), 550);
});

test("relay check: literals from our network where they are allowed", () => {
  const mailbox = parseMailbox("a@[192.0.2.1]");
  assert.ok(mailbox);
  assert.equal(codeOf(withoutPostmaster(stranger(inside), mailbox)), undefined);
  assert.equal(codeOf(withoutPostmaster(stranger(outside), mailbox)), 550);
});

const rights: readonly [
  name: string,
  client: string,
  other: RelayRight | undefined,
  recipient: string,
  want: string,
][] = [
  ["a recipient of ours needs no right", inside, "user", "a@ours.example", "ours"],
  ["a network", inside, undefined, "a@else.example", "network"],
  ["a network goes before the rest", inside, "user", "a@else.example", "network"],
  ["a log-in", outside, "user", "a@else.example", "user"],
  ["a certificate", outside, "certificate", "a@else.example", "certificate"],
  ["a log-in, to a literal that is not allowed", outside, "user", "a@[192.0.2.1]", "550 5.1.2"],
  ["nothing, to a literal that is not allowed", outside, undefined, "a@[192.0.2.1]", "550 5.7.1"],
];
for (const [name, client, other, recipient, want] of rights) {
  test(`relay check: by right of ${name}`, () => {
    const mailbox = parseMailbox(recipient);
    assert.ok(mailbox);
    const answer = check({ ...stranger(client), otherRight: () => other }, mailbox);
    const told = answer.kind === "refused" ? `${answer.reply.code} ${answer.reply.enhanced}` : answer.kind;
    assert.equal(answer.kind === "by-right" ? answer.right : told, want);
  });
}

const words: readonly [RelayClient["wording"], string][] = [
  ["letterlock", "550 5.7.1 relaying denied"],
  ["postfix", "554 5.7.1 Relay access denied"],
  ["sendmail", "550 5.7.1 Relaying denied"],
];
for (const [wording, want] of words) {
  test(`relay check: postfix PT-93 and the others: a refusal in the words of ${wording}`, () => {
    const mailbox = parseMailbox("a@else.example");
    assert.ok(mailbox);
    const answer = check({ ...stranger(outside), wording }, mailbox);
    assert.equal(answer.kind === "refused" ? formatReply(answer.reply) : answer.kind, want);
  });
}
