import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import { builtInRule, decide, type TlsDecision } from "./decide.ts";
import type { TlsEvidence } from "./evidence.ts";
import type { Origin, PeerRequirement, Sourced, TlsRule } from "./rules.ts";

const from: Origin = { source: "test", file: "test.yaml", line: 7, column: 3, scope: "domain example.com" };

function is<T>(value: T): Sourced<T> {
  return { value, from };
}

function evidence(change: Partial<TlsEvidence> = {}): TlsEvidence {
  return {
    nexthop: { kind: "mx", domain: domain("example.com"), port: 25 },
    host: domain("mx1.example.com"),
    address: "192.0.2.1" as IpAddress,
    mxStatus: "insecure",
    implicitTls: false,
    messageAgeMs: 0,
    ...change,
  };
}

function summary(decision: TlsDecision): string {
  if (decision.kind === "refuse") return `refuse: ${decision.why.map(({ code }) => code).join(" ")}`;
  const { starttls, authenticate, clearText, handshake } = decision;
  const names = authenticate.references.map((name) =>
    name.kind === "ip" ? name.ip : name.kind === "below" ? `.${name.name}` : name.name,
  );
  return `${starttls} ${authenticate.required} [${names.join(" ")}] clear ${clearText} sni ${handshake.serverName ?? "-"}`;
}

const pin = { of: "spki" as const, algorithm: "sha256" as const, digest: "00" };
const tls12 = { min: "TLSv1.2" as const, max: "TLSv1.2" as const };
const host = "mx1.example.com";

const rows: readonly [name: string, rule: TlsRule, seen: Partial<TlsEvidence>, want: string][] = [
  ["no rule: opportunistic", builtInRule, {}, `if-offered nothing [${host}] clear not-yet sni ${host}`],
  ["none never asks", { level: is("none") }, {}, `never nothing [${host}] clear allowed sni ${host}`],
  [
    "may, message older than the default fallback",
    builtInRule,
    { messageAgeMs: 300_000 },
    `if-offered nothing [${host}] clear allowed sni ${host}`,
  ],
  [
    "may, fallback at once",
    { level: is("may"), fallback: is({ kind: "at-once" }) },
    {},
    `if-offered nothing [${host}] clear allowed sni ${host}`,
  ],
  [
    "may, fallback never",
    { level: is("may"), fallback: is({ kind: "never" }) },
    { messageAgeMs: 1e9 },
    `if-offered nothing [${host}] clear never sni ${host}`,
  ],
  [
    "may, fallback after an hour, younger",
    { level: is("may"), fallback: is({ kind: "after", ms: 36e5 }) },
    { messageAgeMs: 3e5 },
    `if-offered nothing [${host}] clear not-yet sni ${host}`,
  ],
  [
    "encrypt ignores a fallback",
    { level: is("encrypt"), fallback: is({ kind: "at-once" }) },
    {},
    `always nothing [${host}] clear never sni ${host}`,
  ],
  [
    "verify: the MX host's name (MAT-1)",
    { level: is("verify") },
    {},
    `always chain-and-name [${host}] clear never sni ${host}`,
  ],
  [
    "secure: the nexthop and names below it (MAT-1)",
    { level: is("secure") },
    {},
    `always chain-and-name [example.com .example.com] clear never sni ${host}`,
  ],
  [
    "match replaces the default names",
    { level: is("secure"), match: is([{ kind: "name", name: domain("other.example") }]) },
    {},
    `always chain-and-name [other.example] clear never sni ${host}`,
  ],
  [
    "fingerprint with a pin",
    { level: is("fingerprint"), pins: is([pin]) },
    {},
    `always pin [${host}] clear never sni ${host}`,
  ],
  ["fingerprint without pins refuses (PT-48)", { level: is("fingerprint") }, {}, "refuse: no-pins"],
  ["dane refuses without evidence", { level: is("dane") }, {}, "refuse: dane-unavailable"],
  ["dane-only refuses without evidence", { level: is("dane-only") }, {}, "refuse: dane-unavailable"],
  ["what cannot be honoured refuses", { level: is("may"), refuse: is("unreadable CA") }, {}, "refuse: rule-refuses"],
  [
    "monitored verify asks only if offered",
    { level: is("verify"), mode: is("monitor") },
    {},
    `if-offered chain-and-name [${host}] clear not-yet sni ${host}`,
  ],
  [
    "an address nexthop: its IP, no SNI (MAT-11, TL-8)",
    { level: is("verify") },
    {
      host: undefined,
      nexthop: { kind: "host", host: "192.0.2.1" as IpAddress, isIp: true, port: 25, implicitTls: false },
    },
    "always chain-and-name [192.0.2.1] clear never sni -",
  ],
  [
    "sni nexthop",
    { level: is("verify"), sni: is({ kind: "nexthop" }) },
    {},
    `always chain-and-name [${host}] clear never sni example.com`,
  ],
  [
    "sni off",
    { level: is("verify"), sni: is({ kind: "off" }) },
    {},
    `always chain-and-name [${host}] clear never sni -`,
  ],
];
for (const [name, rule, seen, want] of rows) {
  test(`decide: ${name}`, () => assert.equal(summary(decide(rule, evidence(seen))), want));
}

test("decide: the identity differs whenever anything asked of the connection differs (PO-9)", () => {
  const variants: readonly TlsRule[] = [
    { level: is("may") },
    { level: is("encrypt") },
    { level: is("verify") },
    { level: is("verify"), match: is([{ kind: "nexthop" }]) },
    { level: is("verify"), protocols: is(tls12) },
    { level: is("verify"), ciphers: is("HIGH") },
    { level: is("verify"), minCipherBits: is(256) },
    { level: is("verify"), sni: is({ kind: "off" }) },
    { level: is("verify"), pins: is([pin]) },
    { level: is("verify"), anchors: is({ kind: "bundle", id: "a", pem: [], files: ["a"] }) },
    { level: is("verify"), mode: is("monitor") },
    { level: is("verify"), clientCertificate: is({ name: "c", id: "c1", certificateChain: "", privateKey: "" }) },
  ];
  const identities = variants.map((rule) => {
    const decision = decide(rule, evidence());
    return decision.kind === "connect" ? decision.id : "refused";
  });
  assert.equal(new Set(identities).size, variants.length);
});

test("decide: the rule's client certificate outranks the binding's, none cancels it", () => {
  const binding = { name: "b", id: "b1", certificateChain: "", privateKey: "" };
  const chosen = (rule: TlsRule): string | undefined => {
    const decision = decide(rule, evidence(), binding);
    return decision.kind === "connect" ? decision.handshake.credential?.name : undefined;
  };
  assert.equal(chosen({ level: is("may") }), "b");
  assert.equal(chosen({ level: is("may"), clientCertificate: is("none") }), undefined);
  assert.equal(chosen({ level: is("may"), clientCertificate: is({ ...binding, name: "r", id: "r1" }) }), "r");
});

const demandLine: Origin = { source: "sendmail", file: "/etc/mail/access", line: 3, column: 1, scope: "TLS_Srv:" };
const needsTls: PeerRequirement = {
  from: demandLine,
  text: "ENCR:112",
  of: "host",
  verify: false,
  bits: { atLeast: 112, digits: "112" },
  extensions: [],
  reply: { code: 454, status: "4.7.0" },
};

test("a demand for TLS raises what is reported, and its line is the one that decides", () => {
  const raised = decide({ level: is("may"), requirements: [needsTls] }, evidence());
  assert.deepEqual([raised.level, raised.from], ["encrypt", demandLine]);
  assert.deepEqual(
    raised.why.map(({ code, detail }) => `${code}: ${detail}`),
    ["level-may: domain example.com", "requirement: ENCR:112 (TLS_Srv:, /etc/mail/access:3)"],
  );
  const strict = decide({ level: is("verify"), requirements: [needsTls] }, evidence());
  assert.deepEqual([strict.level, strict.from], ["verify", from]);
});

test("a refusal stands on its own line, not on that of the level", () => {
  const line = { ...from, line: 9 };
  assert.equal(decide({ level: is("may"), refuse: { value: "no", from: line } }, evidence()).from, line);
  assert.equal(decide({ level: is("may"), mxPatterns: { value: ["*.a.test"], from: line } }, evidence()).from, line);
  assert.equal(decide({ level: is("dane") }, evidence()).from, from);
});

test("connections are told apart by what a demand means, issuers of its tag included", () => {
  const idWith = (change: Partial<PeerRequirement>): string => {
    const decision = decide({ level: is("may"), requirements: [{ ...needsTls, ...change }] }, evidence());
    return decision.kind === "connect" ? decision.id : "";
  };
  const tagged = (...issuers: string[]): string =>
    idWith({ extensions: [{ kind: "issuer-tag", tag: "t", issuers: new Set(issuers) }] });
  assert.equal(idWith({}), idWith({ text: "encr : 112" }));
  const ids = [idWith({}), idWith({ verify: true }), idWith({ reply: { code: 503, status: "5.7.0" } })];
  ids.push(tagged("/cn=a"), tagged("/cn=b"), tagged("/cn=a", "/cn=b"));
  assert.equal(new Set(ids).size, ids.length);
});

test("monitor mode: a host that the patterns do not list is connected to, and told as what would fail", () => {
  const rule: TlsRule = { level: is("verify"), mxPatterns: is(["*.a.test"]), mode: is("monitor") };
  const decision = decide(rule, evidence());
  assert.equal(decision.kind === "connect" && decision.isUnlisted, true);
  assert.ok(decision.why.some(({ code }) => code === "mx-not-listed"));
});
