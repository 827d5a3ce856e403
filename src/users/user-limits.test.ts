import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress, Mailbox } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import type { User, UserPlace } from "./user.ts";
import { maySendAs, mayUse } from "./user-limits.ts";
import { sampleUser as user } from "./user-sample.ts";

function mailbox(localPart: string, name: string): Mailbox {
  return { text: `${localPart}@${name}`, localPart, host: { kind: "domain", domain: domain(name) } };
}

const net = { address: "192.0.2.0" as IpAddress, prefix: 24 };
const here: UserPlace = { client: "192.0.2.1" as IpAddress, tls: "encrypted" };
const placeRows: readonly (readonly [name: string, change: Partial<User>, place: Partial<UserPlace>, want: boolean])[] =
  [
    ["no limits", {}, { tls: "clear" }, true],
    ["in his network", { networks: [net] }, {}, true],
    ["in none of his networks", { networks: [net] }, { client: "198.51.100.1" as IpAddress }, false],
    ["IPv6 is not in an IPv4 network", { networks: [net] }, { client: "2001:db8::1" as IpAddress }, false],
    ["TLS is needed and there", { requireTls: "encrypted" }, {}, true],
    ["TLS is needed and not there", { requireTls: "encrypted" }, { tls: "clear" }, false],
    ["a trusted certificate is needed, TLS alone is there", { requireTls: "trusted" }, {}, false],
    ["a trusted certificate is needed and there", { requireTls: "trusted" }, { tls: "trusted" }, true],
    ["a trusted certificate is more than TLS", { requireTls: "encrypted" }, { tls: "trusted" }, true],
  ];

for (const [name, change, place, want] of placeRows) {
  test(`log-in: ${name}`, () => assert.equal(mayUse(user(change), { ...here, ...place }), want));
}

const address = { senders: [{ address: "alice@example.com" }] };
const exact = { senders: [{ domain: { kind: "exact" as const, domain: domain("example.com") } }] };
const below = { senders: [{ domain: { kind: "below" as const, domain: domain("example.com") } }] };
const any = { senders: [{ domain: { kind: "any" as const } }] };
const literal: Mailbox = {
  text: "alice@[192.0.2.1]",
  localPart: "alice",
  host: { kind: "literal", ip: "192.0.2.1" as IpAddress },
};
const senderRows: readonly (readonly [
  name: string,
  change: Partial<User>,
  sender: Mailbox | undefined,
  want: boolean,
])[] = [
  ["anything where nothing is said", {}, mailbox("x", "example.net"), true],
  ["his address", address, mailbox("alice", "example.com"), true],
  ["his address in other letter case", address, mailbox("Alice", "example.com"), true],
  ["another address", address, mailbox("bob", "example.com"), false],
  ["his address in quotes is another text", address, mailbox('"alice"', "example.com"), false],
  ["his domain", exact, mailbox("x", "example.com"), true],
  ["below his domain", exact, mailbox("x", "a.example.com"), false],
  ["below, and below was said", below, mailbox("x", "a.b.example.com"), true],
  ["the domain itself, and below was said", below, mailbox("x", "example.com"), false],
  ["a name that only ends like it", below, mailbox("x", "aexample.com"), false],
  ["a literal for a domain", exact, literal, false],
  ["a literal that was said", { senders: [{ address: "alice@[192.0.2.1]" }] }, literal, true],
  ["*", any, literal, true],
  ["bare postmaster", exact, { text: "postmaster", localPart: "postmaster", host: undefined }, false],
  ["the null sender, as Postfix lets it pass", address, undefined, true],
];

for (const [name, change, sender, want] of senderRows) {
  test(`sender: ${name}`, () => assert.equal(maySendAs(user(change), sender), want));
}
