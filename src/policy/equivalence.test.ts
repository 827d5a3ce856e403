import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { trustBundle } from "../tls/handshake-settings.ts";
import { compare, type Side } from "./equivalence.ts";
import { namedQuestions } from "./named-questions.ts";
import { createPolicy } from "./policy.ts";
import type { Origin, PeerRequirement, Sourced, TlsRule } from "./rules.ts";

const from: Origin = { source: "test", file: "t", line: 3, column: 1, scope: "test" };

function is<T>(value: T): Sourced<T> {
  return { value, from };
}

function side(rule: TlsRule): Side {
  const source = { name: "test", outbound: () => rule, candidates: () => [] };
  return { policy: createPolicy([source]), credential: () => undefined, question: (asked) => asked };
}

const nobody = { domains: [], recipients: [], hosts: [], addresses: [], bindings: [], nexthops: [] };

function differences(before: TlsRule, after: TlsRule): string[] {
  const [first] = [...namedQuestions({ ...nobody, domains: [domain("example.com")] }, 0)].slice(1);
  assert.ok(first);
  return compare(first.question, side(before), side(after)).differences.map(({ what }) => what);
}

const plain: TlsRule = { level: is("encrypt") };
const demand: PeerRequirement = {
  from,
  text: "ENCR:200",
  of: "host",
  verify: false,
  bits: { atLeast: 200, digits: "200" },
  extensions: [],
  reply: { code: 454, status: "4.7.0" },
};

test("equivalence: the same rule from other lines is no difference", () => {
  const elsewhere = { ...from, line: 9, scope: "else" };
  const rule: TlsRule = { ...plain, anchors: is(trustBundle([], ["/a"])) };
  const copy: TlsRule = { level: { value: "encrypt", from: elsewhere }, anchors: is(trustBundle([], ["/b"])) };
  assert.deepEqual(differences(rule, copy), []);
});

const rows: readonly [change: Partial<TlsRule>, demanded: string, situation: string | undefined][] = [
  [{ level: is("may") }, "level", "STARTTLS not offered"],
  [{ level: is("verify") }, "proof", "certificate for another name"],
  [{ proof: is("chain") }, "proof", "self-signed certificate for the MX host"],
  [{ commonName: is("also") }, "common name", "common name of the MX host beside another name"],
  [{ whenRefused: is("bounce-5yz") }, "STARTTLS answered 554", "STARTTLS answered 554"],
  [{ minCipherBits: is(200) }, "cipher bits", "a cipher of 128 bits"],
  [{ requirements: [demand] }, "demands", "a cipher of 128 bits"],
  [{ refuse: is("no") }, "connects", "certificate for the MX host"],
  [{ mxPatterns: is(["*.other.test"]) }, "connects", "STARTTLS not offered"],
  [{ wording: is("momentum") }, "wording", "STARTTLS not offered"],
  [{ sni: is({ kind: "off" }) }, "server name", undefined],
  [{ ciphers: is("ECDHE+AESGCM") }, "ciphers", undefined],
  [{ anchors: is(trustBundle([], [])) }, "CAs", undefined],
  [{ anchors: is(trustBundle([], [], { partialChains: true })) }, "CAs", undefined],
  [{ protocols: is({ min: "TLSv1.3", max: "TLSv1.3" }) }, "versions", undefined],
  [{ onFailure: is("bounce") }, "failure", undefined],
  [{ mode: is("monitor") }, "mode", "STARTTLS not offered"],
];
for (const [change, demanded, situation] of rows) {
  test(`equivalence: found: ${Object.keys(change)} (${demanded})`, () => {
    const found = differences(plain, { ...plain, ...change });
    assert.ok(found.includes(demanded), found.join(", "));
    if (situation !== undefined) assert.ok(found.includes(situation), found.join(", "));
  });
}

test("equivalence: clear text of an old message is another situation than of a fresh one", () => {
  const may: TlsRule = { level: is("may"), fallback: is({ kind: "after", ms: 300_000 }) };
  const never: TlsRule = { level: is("may"), fallback: is({ kind: "after", ms: 300_000, turn: "same-host" }) };
  assert.deepEqual(differences(may, never), ["clear text", "handshake fails, the message a day old"]);
});

test("named questions: everything that is named, and a stranger, for each binding", () => {
  const named = {
    domains: [domain("a.test")],
    recipients: [],
    hosts: [domain("mx.b.test")],
    addresses: ["192.0.2.1" as IpAddress],
    bindings: [
      { name: "one", group: "g" },
      { name: "two", group: undefined },
    ],
    nexthops: [{ kind: "mx" as const, domain: domain("c.test"), port: 25, written: "c.test" }],
  };
  const asked = [...namedQuestions(named, 0)].map(
    ({ question: { binding, recipientDomain, host, address, nexthop }, routed }) =>
      `${binding} ${recipientDomain} ${host ?? "-"} ${address ?? "-"} ${routed ? "" : nexthop.written}`.trimEnd(),
  );
  const each = (binding: string) => [
    `${binding} a.test - -`,
    `${binding} a.test mx.a.test -`,
    `${binding} stranger.invalid - -`,
    `${binding} stranger.invalid mx.stranger.invalid -`,
    `${binding} stranger.invalid mx.b.test -`,
    `${binding} stranger.invalid mx.stranger.invalid 192.0.2.1`,
    `${binding} stranger.invalid mx.c.test - c.test`,
  ];
  assert.deepEqual(asked, [...each("one"), ...each("two")]);
});
