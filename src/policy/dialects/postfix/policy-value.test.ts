import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PolicyValue, parseLevel, parsePolicyValue, plainPolicy, printPolicyValue } from "./policy-value.ts";

function parsed(text: string): PolicyValue {
  const result = parsePolicyValue(text);
  assert.equal(result.kind, "policy", `${text}: ${result.kind === "invalid" ? result.problem : ""}`);
  return result.kind === "policy" ? result.value : plainPolicy("none");
}

const accepted: readonly [text: string, want: Partial<PolicyValue>][] = [
  ["encrypt", { level: "encrypt" }],
  ["VERIFY", { level: "verify" }],
  ["verify   match=mx.good.test  ,  ciphers=high", { level: "verify", match: ["mx.good.test"], ciphers: "high" }],
  [",, may ,", { level: "may" }],
  ["verify match=a.b MATCH=c.d:hostname", { match: ["a.b", "c.d:hostname"] }],
  ["encrypt protocols=", { protocols: "" }],
  ["encrypt protocols=!SSLv3:!TLSv1", { protocols: "!SSLv3:!TLSv1" }],
  ["encrypt { protocols = TLSv1.2, TLSv1.3 }", { protocols: "TLSv1.2, TLSv1.3" }],
  ["encrypt {protocols=TLSv1.2}", { protocols: "TLSv1.2" }],
  ["encrypt exclude=aNULL:kEDH+aRSA", { exclude: "aNULL:kEDH+aRSA" }],
  ["verify tafile=/a tafile=/b", { tafiles: ["/a", "/b"] }],
  ["may connection_reuse=yes connection_reuse=NO", { connectionReuse: "no" }],
  ["may enable_rpk=yes", { enableRpk: "yes" }],
  ["verify servername=hostname", { servername: "hostname" }],
  ["none match=x  foo", { level: "none", ignored: ["match=x", "foo"] }],
  ["dane-only", { level: "dane-only" }],
];

for (const [text, want] of accepted) {
  test(`postfix policy value: ${JSON.stringify(text)}`, () => {
    const value = parsed(text);
    for (const [key, expected] of Object.entries(want)) assert.deepEqual(value[key as keyof PolicyValue], expected);
  });
}

test("postfix policy value: what an MTA-STS plugin hands on (STS-8)", () => {
  const text =
    "secure match=.x.test policy_type=sts policy_domain=x.test mx_host_pattern=*.x.test { policy_string = mx: *.x.test } policy_ttl=60 policy_failure=validation-failure";
  assert.deepEqual(parsed(text).builtIn, {
    type: "sts",
    domain: "x.test",
    strings: ["mx: *.x.test"],
    mxPatterns: ["*.x.test"],
    failure: "validation-failure",
    ttl: "60",
  });
});

const refused: readonly [text: string, problem: string][] = [
  ["", "invalid empty policy"],
  [" , ,", "invalid empty policy"],
  ["halfdane", 'invalid security level "halfdane"'],
  ["half-dane", 'invalid security level "half-dane"'],
  ["must", 'invalid security level "must"'],
  ["encrypt#why", 'invalid security level "encrypt#why"'],
  ["encrypt # why", `malformed attribute/value pair "#": missing '=' after attribute name`],
  [
    "verify [tls.example.com] verify match=alternative.com",
    `malformed attribute/value pair "[tls.example.com]": missing '=' after attribute name`,
  ],
  ["encrypt protocols=TLSv1.2,TLSv1.3", `malformed attribute/value pair "TLSv1.3": missing '=' after attribute name`],
  ["encrypt =x", 'malformed attribute/value pair "=x": missing attribute name'],
  [
    "encrypt { protocols = TLSv1.2",
    `malformed attribute/value pair "{ protocols = TLSv1.2": missing '}' in "{ protocols = TLSv1.2"`,
  ],
  ["verify match=", 'attribute "match" has empty value'],
  ["encrypt ciphers=", 'attribute "ciphers" has empty value'],
  ["verify tafile=", 'attribute "tafile" has empty value'],
  ["encrypt ciphers=high ciphers=medium", 'attribute "ciphers" is specified multiple times'],
  ["encrypt protocols= protocols=", 'attribute "protocols" is specified multiple times'],
  ["encrypt exclude=a exclude=a", 'attribute "exclude" is specified multiple times'],
  ["encrypt servername=a.b servername=a.b", 'attribute "servername" is specified multiple times'],
  ["encrypt match=foo", 'attribute "match" invalid at security level "encrypt"'],
  ["may match=foo", 'attribute "match" invalid at security level "may"'],
  ["fingerprint tafile=ca.pem", 'attribute "tafile" invalid at security level "fingerprint"'],
  ["encrypt connection_reuse=maybe", 'attribute "connection_reuse" has bad value: "maybe"'],
  ["encrypt enable_rpk=1", 'attribute "enable_rpk" has bad value: "1"'],
  ["encrypt servername=-x-", '"servername=-x-" specifies an invalid hostname'],
  ["encrypt servername=1.2.3.4", '"servername=1.2.3.4" specifies an invalid hostname'],
  ["encrypt excludeciphers=AES", 'invalid attribute name: "excludeciphers"'],
  ["encrypt foo=bar", 'invalid attribute name: "foo"'],
  ["secure policy_type=dane", 'attribute "policy_type" has an unexpected value: "dane"'],
  ["secure policy_type=sts policy_failure=x", 'attribute "policy_failure" has an unexpected value: "x"'],
  ["secure policy_type=sts policy_domain=.", 'attribute "policy_domain" has a malformed value: "."'],
  ["secure policy_type=sts policy_ttl=1h", 'attribute "policy_ttl" has a malformed value: "1h"'],
  [
    "secure match=x mx_host_pattern=y",
    "built-in policy has unexpected attribute policy_ttl, policy_domain, policy_string, mx_host_pattern or policy_failure",
  ],
];

for (const [text, problem] of refused) {
  test(`postfix policy value refused: ${JSON.stringify(text)}`, () => {
    const result = parsePolicyValue(text);
    assert.equal(result.kind === "invalid" && result.problem, problem);
  });
}

test("postfix policy value: the word at fault has its place", () => {
  const result = parsePolicyValue("encrypt  foo=bar");
  assert.equal(result.kind === "invalid" && result.offset, 9);
});

const word = fc.stringMatching(/^[a-zA-Z0-9_.:|!+*-]{1,12}$/);
const someValue: fc.Arbitrary<PolicyValue> = fc
  .record({
    level: fc.constantFrom("may", "encrypt", "fingerprint", "verify", "secure", "dane", "dane-only"),
    match: fc.array(word, { maxLength: 3 }),
    protocols: fc.option(fc.oneof(word, fc.constant("TLSv1.2, TLSv1.3"), fc.constant("")), { nil: undefined }),
    ciphers: fc.option(word, { nil: undefined }),
    exclude: fc.option(word, { nil: undefined }),
    tafiles: fc.array(word, { maxLength: 2 }),
    servername: fc.option(fc.constantFrom("hostname", "nexthop", "sni.example"), { nil: undefined }),
    connectionReuse: fc.option(fc.constantFrom("yes", "no"), { nil: undefined }),
    enableRpk: fc.option(fc.constantFrom("yes", "no"), { nil: undefined }),
    strings: fc.array(fc.constantFrom("mx: a.b", "version: STSv1"), { maxLength: 2 }),
  })
  .map(({ strings, ...rest }) => {
    const level = parseLevel(rest.level) ?? "may";
    const names = level === "verify" || level === "secure";
    return {
      ...plainPolicy(level),
      ...rest,
      level,
      match: names || level === "fingerprint" ? rest.match : [],
      tafiles: names ? rest.tafiles : [],
      builtIn: { ...plainPolicy(level).builtIn, type: strings.length > 0 ? "sts" : undefined, strings },
    };
  });

test("postfix policy value: printed and parsed again it is the same", () => {
  fc.assert(fc.property(someValue, (value) => assert.deepEqual(parsed(printPolicyValue(value)), value)));
});

test("postfix policy value: no text throws, and what is accepted survives printing", () => {
  const piece = fc.constantFrom(
    "verify",
    "none",
    "may",
    " ",
    ",",
    "{",
    "}",
    "=",
    "match=",
    "a.b",
    "protocols",
    "\n",
    "é",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 20 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (value) => {
      const result = parsePolicyValue(value);
      if (result.kind === "policy") assert.deepEqual(parsed(printPolicyValue(result.value)), result.value);
    }),
  );
});

test("postfix policy value: a long run of braces takes no time", () => {
  const started = performance.now();
  parsePolicyValue(`encrypt ${"{".repeat(200_000)}`);
  assert.ok(performance.now() - started < 500);
});
