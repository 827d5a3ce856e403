import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../../mail/address.ts";
import { domain } from "../../mail/domain.ts";
import { parseDomainPattern } from "../../mail/domain-pattern.ts";
import type { Compiled, ExportedRule } from "../../policy/dialects/dialect.ts";
import type { Origin, PeerRequirement, Sourced } from "../../policy/rules.ts";
import type { ScopedSettings } from "../../policy/scoped-rules.ts";
import { trustBundle } from "../../tls/handshake-settings.ts";
import { loadSettings } from "../load.ts";
import { formatProblem } from "../problem.ts";
import type { Settings } from "../settings.ts";
import { ownBindingName, writeConfiguration } from "./write-configuration.ts";

const from: Origin = { source: "postfix", file: "/etc/postfix/main.cf", line: 7, column: 1, scope: "all mail" };

function is<T>(value: T): Sourced<T> {
  return { value, from };
}

type Scope = Extract<ExportedRule, { kind: "rule" }>["scope"];

function rule(scope: Scope, settings: ScopedSettings, written = "as written # with\n  a break"): ExportedRule {
  return { kind: "rule", scope, settings, from, written };
}

function pattern(text: string) {
  return parseDomainPattern(text) ?? assert.fail(text);
}

function written(rules: readonly ExportedRule[], settings: Compiled["settings"] = {}) {
  return writeConfiguration({ settings, export: () => rules }, "postfix /etc/postfix");
}

function read(text: string): Settings {
  const { settings, problems } = loadSettings({
    path: "/etc/x/x.yaml",
    text,
    machine: { hostname: "machine.test", processors: 1 },
  });
  assert.ok(settings, `${problems.map(formatProblem).join("\n")}\n${text}`);
  return settings;
}

const demand: PeerRequirement = {
  from,
  text: "PERM+VERIFY:128+CN:mx.example.com",
  of: "host",
  verify: true,
  bits: { atLeast: 128, digits: "128" },
  extensions: [{ kind: "cn", name: "mx.example.com" }],
  reply: { code: 503, status: "5.7.0" },
};

const everything: ScopedSettings = {
  level: is("verify"),
  match: is([
    { kind: "hostname" },
    { kind: "below", name: domain("example.com") },
    { kind: "name", name: domain("a.test") },
  ]),
  anchors: is(trustBundle([], [])),
  pins: is([{ of: "either", algorithm: "sha256", digest: "ab".repeat(32) }]),
  protocols: is({ min: "TLSv1.3", max: "TLSv1.3" }),
  ciphers: is("ECDHE+AESGCM"),
  groups: is("X25519"),
  minCipherBits: is(128),
  sni: is({ kind: "off" }),
  fallback: is({ kind: "after", ms: 300_000, turn: "same-host" }),
  onFailure: is("bounce"),
  proof: is("chain"),
  commonName: is("without-san"),
  whenRefused: is("bounce-5yz"),
  mxPatterns: is(["*.example.com"]),
  hostDemand: is(demand),
  wording: is("postfix"),
  refuse: is("not today: # really"),
};

test("taking over: every setting comes back as it was", () => {
  const { text, left } = written([rule({ nexthop: "[mx.example.com]:26" }, everything)]);
  assert.deepEqual(left, []);
  const [one] = read(text).rules;
  assert.deepEqual(one?.scope, { nexthop: "[mx.example.com]:26" });
  const valuesOf = (settings: ScopedSettings | undefined) =>
    Object.fromEntries(
      Object.entries(settings ?? {}).map(([key, { value }]) => [
        key,
        key === "hostDemand" ? { ...(value as object), from } : value,
      ]),
    );
  assert.deepEqual(valuesOf(one?.settings), valuesOf(everything));
});

const scopes: readonly Scope[] = [
  {},
  { domain: pattern("example.com") },
  { domain: pattern(".example.com") },
  { domain: pattern("*") },
  { host: pattern("mx.example.com") },
  { domain: pattern("example.org"), host: pattern(".example.net") },
  { binding: "b" },
  { binding: "b", domain: pattern("example.com") },
  { group: "g", host: pattern("mx.example.com") },
  { nexthop: ".example.com" },
  { binding: "b", nexthop: "[192.0.2.1]" },
];

test("taking over: every scope comes back, once", () => {
  const { text } = written(scopes.map((scope) => rule(scope, { level: is("encrypt") })));
  const found = read(text).rules.map((one) => JSON.stringify(one.scope));
  assert.deepEqual(found.toSorted(), scopes.map((scope) => JSON.stringify(scope)).toSorted());
});

test("taking over: bindings, groups, transports and the name", () => {
  const nexthop = { kind: "host", host: domain("relay.test"), isIp: false, port: 26, implicitTls: false } as const;
  const { text } = written(
    [
      {
        kind: "route",
        pattern: pattern("a.test"),
        nexthops: [{ ...nexthop, written: "[relay.test]:26" }],
        from,
        written: "a",
      },
      { kind: "route", pattern: pattern("*"), nexthops: [nexthop, { ...nexthop, port: 27 }], from, written: "b" },
      { kind: "route", pattern: pattern(".b.test"), nexthops: [{ ...nexthop, implicitTls: true }], from, written: "c" },
    ],
    {
      hostname: is(domain("gate.test")),
      bindings: [
        {
          name: "out",
          group: "g",
          sourceAddress4: "192.0.2.9" as IpAddress,
          sourceAddress6: undefined,
          ehlo: domain("out.test"),
          credential: undefined,
          from,
        },
      ],
    },
  );
  const { hostname, bindings, transports } = read(text);
  const out = bindings.get("out");
  assert.deepEqual([hostname, out?.group, out?.sourceAddress4, out?.ehlo], ["gate.test", "g", "192.0.2.9", "out.test"]);
  assert.deepEqual(
    transports.map(({ nexthops }) =>
      nexthops?.map((one) => `${one.port}${one.kind === "host" && one.implicitTls ? " implicit" : ""}`),
    ),
    [["26"], ["26", "27"], ["26 implicit"]],
  );
});

test("taking over: a binding whose name is none of ours", () => {
  const names = ["{default}", "mta 1/a", "b_1.x"].map(ownBindingName);
  assert.deepEqual(names, ["default", "mta-1-a", "b_1.x"]);
  const { text } = written([rule({ binding: "{default}" }, { level: is("encrypt") })]);
  assert.equal(read(text).rules[0]?.scope.binding, "default");
});

test("taking over: bindings that would have one name are told, and neither holds for the other", () => {
  const binding = (name: string): NonNullable<Compiled["settings"]["bindings"]>[number] => ({
    name,
    group: undefined,
    sourceAddress4: undefined,
    sourceAddress6: undefined,
    ehlo: undefined,
    credential: undefined,
    from,
  });
  const { text, left } = written(
    [rule({ binding: "a b" }, { level: is("none") }), rule({ binding: "a-b" }, { level: is("encrypt") })],
    { bindings: [binding("a b"), binding("a-b"), binding("c")] },
  );
  assert.match(left.map(({ why }) => why).join(), /^a b and a-b would both be called a-b/);
  const rules = read(text).rules.map(({ scope, settings }) => `${scope.binding} ${typeof settings.refuse?.value}`);
  assert.deepEqual(rules, ["a-b string"]);
});

test("taking over: what cannot be said is told, and its rule refuses", () => {
  const { text, left } = written([
    rule(
      { domain: pattern("a.test") },
      { level: is("may"), pins: is([{ of: "spki", algorithm: "md5", digest: "ab".repeat(16) }]) },
    ),
    { kind: "cannot", from, written: "/regexp/ verify", why: "a regular expression" },
  ]);
  assert.deepEqual(
    left.map(({ why }) => why),
    ["a regular expression", "pins by MD5 or SHA-1 are not taken"],
  );
  assert.match(text, /# \/etc\/postfix\/main\.cf:7: \/regexp\/ verify: a regular expression/);
  assert.equal(read(text).rules[0]?.settings.refuse?.value.toString().startsWith("not taken over whole"), true);
});

test("taking over: each rule names its line; nothing at all is an empty configuration", () => {
  assert.match(
    written([rule({}, { level: is("may") })]).text,
    /# \/etc\/postfix\/main\.cf:7: as written # with a break/,
  );
  assert.equal(read(written([]).text).rules.length, 0);
});

test("taking over: a client certificate by its files; one with an encrypted key is told, and its rule refuses", () => {
  const files = { certificate: "/c.pem", key: "/k.pem", encrypted: false };
  const credential = { name: "c", id: "1", certificateChain: "C", privateKey: "K", files };
  const locked = { ...credential, id: "2", files: { ...files, encrypted: true } };
  const { text, left } = written([
    rule({ domain: pattern("a.test") }, { level: is("may"), clientCertificate: is(credential) }),
    rule({ domain: pattern("b.test") }, { level: is("may"), clientCertificate: is(locked) }),
  ]);
  assert.match(text, /certificates:\n {2}certificate-1:\n {4}certificate: \/c\.pem\n {4}key: \/k\.pem\n[^#]*tls:/);
  assert.match(text, /a\.test:\n.*\n {6}level: may\n {6}client-certificate: certificate-1\n/);
  assert.match(text, /b\.test:\n.*\n {6}level: may\n {6}refuse: "not taken over whole: a client certificate whose/);
  assert.deepEqual([left.length, left[0]?.why.includes("with its passphrase")], [1, true]);
});

test("taking over: where no TLS version is left, none is written", () => {
  const none = { min: "TLSv1.3", max: "TLSv1.2" } as const;
  const { text, left } = written([rule({}, { level: is("may"), protocols: is(none) })]);
  assert.deepEqual([left, read(text).rules[0]?.settings.protocols?.value], [[], none]);
});

test("taking over: what a wider rule says anyway, and what is so by default, is not repeated", () => {
  const verify: ScopedSettings = {
    level: is("verify"),
    sni: is({ kind: "off" }),
    wording: is("postfix"),
    refuse: is(false),
  };
  const { text } = written([
    rule({ nexthop: "a.test" }, verify),
    rule({ nexthop: ".b.test" }, { ...verify, sni: is({ kind: "nexthop" }) }),
    rule({ nexthop: "x.b.test" }, verify),
    rule({}, { ...verify, level: is("may"), protocols: is({ min: "TLSv1.2", max: "TLSv1.3" }), pins: is([]) }),
  ]);
  const said = read(text).rules.map(
    ({ scope, settings }) => `${scope.nexthop ?? "*"} ${Object.keys(settings).join(" ")}`,
  );
  assert.deepEqual(said.toSorted(), ["* level sni wording", ".b.test level sni", "a.test level", "x.b.test level sni"]);
});

test("taking over: a rule that cannot be said whole refuses alone, not those below it", () => {
  const { text } = written([
    rule({ nexthop: "a.test" }, { level: is("may") }),
    rule({}, { level: is("may"), pins: is([{ of: "spki", algorithm: "md5", digest: "ab".repeat(16) }]) }),
  ]);
  const refusing = read(text).rules.filter(({ settings }) => settings.refuse?.value !== false);
  assert.deepEqual(
    refusing.map(({ scope }) => scope),
    [{}],
  );
});

test("taking over: a port that only the other system knows is written out, in route and rule", () => {
  const host = { kind: "host", host: domain("relay.test"), isIp: false, implicitTls: false } as const;
  const nexthops = [{ ...host, port: 587, written: "[relay.test]:submission" }] as const;
  const { text } = written([
    { kind: "route", pattern: pattern("a.test"), nexthops, from, written: "a" },
    rule({ nexthop: "[relay.test]:submission" }, { level: is("verify") }),
  ]);
  const { transports, rules } = read(text);
  assert.equal(transports[0]?.nexthops?.[0].port, 587);
  assert.deepEqual(rules[0]?.scope, { nexthop: "[relay.test]:587" });
});
