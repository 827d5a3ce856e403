/**
 * What becomes of a message under rules that only a dialect can state, over real sockets: whose turn clear text has,
 * what ends the walk over MX hosts, several nexthops, and CAs that are no CAs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAuthority, makeSelfSigned } from "../src/lab/certificates.ts";
import type { PartnerOptions } from "../src/lab/partner-script.ts";
import { domain } from "../src/mail/domain.ts";
import type { Nexthop } from "../src/mail/nexthop.ts";
import type { Compiled } from "../src/policy/dialects/dialect.ts";
import type { Origin, OutboundQuestion, PeerRequirement, Sourced, TlsRule } from "../src/policy/rules.ts";
import { digestOf } from "../src/tls/digest.ts";
import type { TrustAnchors } from "../src/tls/handshake-settings.ts";
import { startAttemptLab } from "./lab/attempt-lab.ts";

type Host = Omit<PartnerOptions, "address" | "port">;

const from: Origin = { source: "test", file: undefined, line: undefined, column: undefined, scope: "test" };
const authority = await makeAuthority("Lab CA");
const good = await authority.issue({ dnsNames: ["mx1.example.test", "mx2.example.test"] });
const selfSigned = await makeSelfSigned({ dnsNames: ["mx1.example.test"] });
const fine: Host = { tls: { mode: "starttls", certificate: good } };
const plain: Host = { tls: { mode: "none" } };
const garbage: Host = { tls: { mode: "starttls", certificate: good, handshake: { kind: "garbage" } } };
const reject5: Host = {
  tls: { mode: "starttls", certificate: good, handshake: { kind: "refuse", reply: "554 5.7.0 no TLS" } },
};

function is<T>(value: T): Sourced<T> {
  return { value, from };
}

function bundle(pem: string, more: Partial<Extract<TrustAnchors, { kind: "bundle" }>> = {}): TrustAnchors {
  return { kind: "bundle", id: digestOf(Buffer.from(pem), "sha256"), pem: pem === "" ? [] : [pem], files: [], ...more };
}

function needs(code: 454 | 503, of: "host" | "recipient" = "host"): PeerRequirement {
  return {
    from,
    text: "ENCR:112",
    of,
    verify: false,
    bits: { atLeast: 112, digits: "112" },
    extensions: [],
    reply: { code, status: code === 454 ? "4.7.0" : "5.7.0" },
  };
}

type Answer = (question: OutboundQuestion) => TlsRule;

function compiled(answer: Answer, nexthops?: (port: number) => readonly [Nexthop, ...Nexthop[]]) {
  return (_folder: string, port: number): Compiled => ({
    source: { name: "test", outbound: answer, candidates: () => [] },
    settings:
      nexthops === undefined ? {} : { routing: { route: () => ({ kind: "nexthops", nexthops: nexthops(port) }) } },
    notes: [],
    named: { domains: [], recipients: [], hosts: [], addresses: [], bindings: [], nexthops: [] },
    export: () => [],
  });
}

async function outcome(hosts: readonly Host[], dialect: ReturnType<typeof compiled>, to?: readonly string[]) {
  await using lab = await startAttemptLab({ hosts, yaml: "", dialect });
  const results = await lab.send(to === undefined ? {} : { to });
  return results.map(({ outcome: { kind, status, text }, contact }) => ({
    end: `${kind} ${status} ${contact?.verdict?.achieved ?? "-"} ${contact?.host?.slice(0, 3) ?? "-"}`,
    text,
  }));
}

const atOnce = { kind: "at-once" } as const;
const rows: readonly [name: string, hosts: readonly Host[], rule: TlsRule, want: string][] = [
  [
    "clear text waits for the hosts that can do better",
    [garbage, fine],
    { level: is("may"), fallback: is(atOnce) },
    "delivered 2.0.0 verified mx2",
  ],
  [
    "OUT-8 clear text at the same host before the next",
    [garbage, fine],
    { level: is("may"), fallback: is({ ...atOnce, turn: "same-host" }) },
    "delivered 2.0.0 none mx1",
  ],
  [
    "PT-53 a 5yz to STARTTLS ends the mail where the rule is Postfix's",
    [reject5, fine],
    { level: is("encrypt"), whenRefused: is("bounce-5yz") },
    "failed 5.7.0 none mx1",
  ],
  [
    "PT-77 MX hosts that fit no pattern",
    [fine],
    { level: is("may"), mxPatterns: is(["*.other.test"]) },
    "deferred 4.7.5 - mx1",
  ],
  [
    "a host that fits, behind one that does not",
    [fine, fine],
    { level: is("may"), mxPatterns: is(["mx2.example.test"]) },
    "delivered 2.0.0 verified mx2",
  ],
  [
    "no version is left: no handshake can succeed",
    [fine],
    { level: is("encrypt"), protocols: is({ min: "TLSv1.3", max: "TLSv1.2" }) },
    "deferred 4.7.5 none mx1",
  ],
  [
    "PT-45 a leaf as its own anchor",
    [{ tls: { mode: "starttls", certificate: good } }],
    { level: is("verify"), anchors: is(bundle(good.certificatePem, { partialChains: true })) },
    "delivered 2.0.0 verified mx1",
  ],
  [
    "PT-45 which is none without partial chains",
    [fine],
    { level: is("verify"), anchors: is(bundle(good.certificatePem)) },
    "deferred 4.7.5 encrypted mx1",
  ],
  ["PT-44 nobody is trusted", [fine], { level: is("verify"), anchors: is(bundle("")) }, "deferred 4.7.5 encrypted mx1"],
  [
    "the system's CAs beside ours",
    [{ tls: { mode: "starttls", certificate: selfSigned } }],
    { level: is("verify"), anchors: is(bundle(selfSigned.certificatePem, { withSystem: true })) },
    "delivered 2.0.0 verified mx1",
  ],
  [
    "sendmail 36: a demand that the second host meets",
    [plain, fine],
    { level: is("may"), requirements: [needs(454)] },
    "delivered 2.0.0 verified mx2",
  ],
  [
    "sendmail 37: also a permanent one",
    [plain, fine],
    { level: is("may"), requirements: [needs(503)] },
    "delivered 2.0.0 verified mx2",
  ],
  [
    "sendmail 58: but not where it is the recipient's",
    [plain, fine],
    { level: is("may"), requirements: [needs(503, "recipient")] },
    "failed 5.7.0 none mx1",
  ],
  ["sendmail 5", [plain], { level: is("may"), requirements: [needs(503)] }, "failed 5.7.0 none mx1"],
];
for (const [name, hosts, rule, want] of rows) {
  const anchored: TlsRule = { anchors: is(bundle(authority.certificatePem)), ...rule };
  test(`rule: ${name}`, { timeout: 10_000 }, async () => {
    const [first] = await outcome(
      hosts,
      compiled(() => anchored),
    );
    assert.equal(first?.end, want, first?.text);
  });
}

for (const [name, codes, want] of [
  ["sendmail 38: PERM then TEMP: the last word counts", [503, 454], "deferred 4.7.0 none mx2"],
  ["sendmail 39: TEMP then PERM", [454, 503], "failed 5.7.0 none mx2"],
] as const) {
  test(`rule: ${name}`, { timeout: 10_000 }, async () => {
    const byHost: Answer = ({ host }) => ({
      level: is("may"),
      requirements: [needs(host === "mx1.example.test" ? codes[0] : codes[1])],
    });
    const [first] = await outcome([plain, plain], compiled(byHost));
    assert.equal(first?.end, want);
  });
}

test("rule: PT-11 several nexthops in order, each under its own rule", { timeout: 10_000 }, async () => {
  const asked: string[] = [];
  const nexthops = (port: number): readonly [Nexthop, Nexthop] => [
    { kind: "host", host: domain("mx1.example.test"), isIp: false, port, implicitTls: false, written: "[one]" },
    { kind: "host", host: domain("mx2.example.test"), isIp: false, port, implicitTls: false, written: "[two]" },
  ];
  const byNexthop: Answer = ({ nexthop }) => {
    asked.push(nexthop.written ?? "");
    return { level: is("encrypt") };
  };
  const [first] = await outcome([plain, fine], compiled(byNexthop, nexthops));
  assert.match(first?.end ?? "", /^delivered 2\.0\.0 \w+ mx2$/);
  assert.deepEqual(asked, ["[one]", "[two]"]);
});
