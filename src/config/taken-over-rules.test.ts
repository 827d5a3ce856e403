/**
 * Settings that a policy taken over from another system brings along, written in our own language.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mailbox } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { createPolicy } from "../policy/policy.ts";
import type { OutboundQuestion, TlsRule } from "../policy/rules.ts";
import { loadSettings } from "./load.ts";
import { formatProblem } from "./problem.ts";

function load(text: string) {
  return loadSettings({ path: "/etc/x/x.yaml", text, machine: { hostname: "relay.test", processors: 1 } });
}

function ruleFor(text: string, change: Partial<OutboundQuestion> = {}): TlsRule {
  const { settings, problems } = load(text);
  if (settings === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  const recipient: Mailbox = {
    text: "u@example.com",
    localPart: "u",
    host: { kind: "domain", domain: domain("example.com") },
  };
  return createPolicy(settings.policySources).rule({
    sender: undefined,
    recipient,
    recipientDomain: domain("example.com"),
    nexthop: { kind: "mx", domain: domain("example.com"), port: 25 },
    binding: "default",
    bindingGroup: undefined,
    host: domain("mx.example.com"),
    address: undefined,
    now: 0,
    ...change,
  });
}

const rows: readonly [setting: string, read: (rule: TlsRule) => unknown, want: unknown][] = [
  ["proof: chain", ({ proof }) => proof?.value, "chain"],
  ["common-name: without-san", ({ commonName }) => commonName?.value, "without-san"],
  ["when-refused: bounce-5yz", ({ whenRefused }) => whenRefused?.value, "bounce-5yz"],
  [
    "mx-patterns: [mx.Example.com, '*.example.com']",
    ({ mxPatterns }) => mxPatterns?.value,
    ["mx.example.com", "*.example.com"],
  ],
  ["wording: postfix", ({ wording }) => wording?.value, "postfix"],
  ["refuse: because", ({ refuse }) => refuse?.value, "because"],
  [
    "fallback: after 300s same-host",
    ({ fallback }) => fallback?.value,
    { kind: "after", ms: 300_000, turn: "same-host" },
  ],
  [
    "fallback: at-once same-host unproven",
    ({ fallback }) => fallback?.value,
    { kind: "at-once", turn: "same-host", alsoUnproven: true },
  ],
  ["ca: none", ({ anchors }) => anchors?.value.kind === "bundle" && anchors.value.pem.length, 0],
];
for (const [setting, read, want] of rows) {
  test(`load: ${setting}`, () => assert.deepEqual(read(ruleFor(`tls: { level: may, ${setting} }`)), want));
}

test("load: rules by nexthop, with and without a binding", () => {
  const text = `
tls:
  level: may
  nexthops: { "[relay.example]:26": { level: encrypt }, .example.net: { level: secure } }
bindings:
  b: { tls: { nexthops: { "[Relay.example]:26": { level: verify } } } }
`;
  const via = (written: string, binding = "default"): string =>
    ruleFor(text, { binding, nexthop: { kind: "mx", domain: domain("x.test"), port: 25, written } }).level.value;
  assert.deepEqual(
    [via("[relay.example]:26"), via("[relay.example]:26", "b"), via("a.example.net"), via("example.net")],
    ["encrypt", "verify", "secure", "may"],
  );
});

test("load: refuse: false takes back what a wider scope says", () => {
  const rule = ruleFor("tls: { refuse: not yet, domains: { example.com: { level: encrypt, refuse: false } } }");
  assert.equal(rule.refuse?.value, false);
  assert.equal(ruleFor("tls: { refuse: not yet }").refuse?.value, "not yet");
});

test("load: demands of the host and of the recipient are both held", () => {
  const rule = ruleFor(`
tls:
  hosts: { .example.com: { demand-of-host: "ENCR:112" } }
  domains: { example.com: { demand-of-recipient: "PERM+VERIFY:128+CN" } }
`);
  assert.deepEqual(
    rule.requirements?.map(({ of, text, reply }) => `${of} ${text} ${reply.code}`),
    ["host ENCR:112 454", "recipient PERM+VERIFY:128+CN 503"],
  );
  assert.equal(rule.level.value, "may");
});

const wrong: readonly [setting: string, want: RegExp][] = [
  ["demand-of-host: ENCR", /"ENCR" is no demand/],
  ["demand-of-host: OK", /"OK" is no demand/],
  ["demand-of-host: 'VERIFY+CITag:T'", /CITag needs Sendmail's access map/],
  ["mx-patterns: 'a..b'", /"a\.\.b" is no MX pattern/],
  ["fallback: at-once later", /"at-once later" is no fallback/],
  ["nexthops: { '[a': { level: none } }", /"\[a" is no nexthop/],
  ["ca: []", /an empty list of CA files trusts nobody/],
];
for (const [setting, want] of wrong) {
  test(`load: refused: ${setting}`, () => {
    const { problems } = load(`tls: { level: may, ${setting} }`);
    assert.match(problems.map(formatProblem).join("\n"), want);
  });
}
