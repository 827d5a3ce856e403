import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mailbox } from "../mail/address.ts";
import { type Domain, domain } from "../mail/domain.ts";
import { parseDomainPattern } from "../mail/domain-pattern.ts";
import type { Origin, OutboundQuestion, TlsLevel } from "./rules.ts";
import { compileScopedRules, type ScopedRule } from "./scoped-rules.ts";

function rule(
  level: TlsLevel | undefined,
  scope: { group?: string; binding?: string; domain?: string; host?: string },
  extra: Partial<ScopedRule["settings"]> = {},
): ScopedRule {
  const from: Origin = { source: "test", file: "t", line: 1, column: 1, scope: JSON.stringify(scope) };
  const pattern = (text: string | undefined) => {
    const parsed = text === undefined ? undefined : parseDomainPattern(text);
    if (text !== undefined) assert.ok(parsed, text);
    return parsed;
  };
  const domainPattern = pattern(scope.domain);
  const hostPattern = pattern(scope.host);
  return {
    scope: {
      ...(scope.group === undefined ? {} : { group: scope.group }),
      ...(scope.binding === undefined ? {} : { binding: scope.binding }),
      ...(domainPattern === undefined ? {} : { domain: domainPattern }),
      ...(hostPattern === undefined ? {} : { host: hostPattern }),
    },
    settings: { ...(level === undefined ? {} : { level: { value: level, from } }), ...extra },
    from,
  };
}

function question(
  to: string,
  host: string | undefined = undefined,
  change: Partial<OutboundQuestion> = {},
): OutboundQuestion {
  const recipientDomain: Domain = domain(to);
  const recipient: Mailbox = { text: `u@${to}`, localPart: "u", host: { kind: "domain", domain: recipientDomain } };
  return {
    sender: undefined,
    recipient,
    recipientDomain,
    nexthop: { kind: "mx", domain: recipientDomain, port: 25 },
    binding: "b1",
    bindingGroup: "g1",
    host: host === undefined ? undefined : domain(host),
    address: undefined,
    now: 1_000,
    ...change,
  };
}

const everything = compileScopedRules([
  rule("may", {}),
  rule("encrypt", { group: "g1" }),
  rule("none", { binding: "b1" }),
  rule("verify", { domain: "example.com" }),
  rule("secure", { domain: "example.com", host: "mx.example.com" }),
  rule("encrypt", { domain: ".example.org" }),
  rule("verify", { domain: ".deep.example.org" }),
  rule("fingerprint", { host: "mx.shared.example" }),
  rule("verify", { binding: "b2", domain: "*" }),
  rule("encrypt", { binding: "b2", domain: "example.net" }),
]);

const rows: readonly [name: string, asked: OutboundQuestion, want: TlsLevel | undefined][] = [
  ["plain: binding before group before global", question("else.example"), "none"],
  ["group where the binding says nothing", question("else.example", undefined, { binding: "b9" }), "encrypt"],
  ["global where neither does", question("else.example", undefined, { binding: "b9", bindingGroup: undefined }), "may"],
  ["a partner's rule outranks the binding's own", question("example.com"), "verify"],
  ["an MX host named within the domain", question("example.com", "mx.example.com"), "secure"],
  ["the exact domain before a host on its own", question("example.com", "mx.shared.example"), "verify"],
  ["a host on its own before any binding", question("else.example", "mx.shared.example"), "fingerprint"],
  [".parent covers below", question("a.example.org"), "encrypt"],
  [".parent does not cover itself", question("example.org"), "none"],
  ["the longest .parent", question("a.deep.example.org"), "verify"],
  ["* after a host on its own", question("else.example", "mx.shared.example", { binding: "b2" }), "fingerprint"],
  ["* before no destination", question("else.example", "mx.other.example", { binding: "b2" }), "verify"],
  ["exact before *", question("example.net", undefined, { binding: "b2" }), "encrypt"],
];
for (const [name, asked, want] of rows) {
  test(`scoped rules: ${name}`, () => {
    assert.equal(everything.outbound(asked)?.level.value, want);
    const winner = everything.candidates(asked).find(({ verdict }) => verdict === "wins");
    assert.ok(winner?.settings.includes(`level: ${want}`), "explain names the same winner");
  });
}

test("scoped rules: a nexthop as routing wrote it goes before the recipient's domain, and its parents after it", () => {
  const source = compileScopedRules([
    rule("verify", { domain: "example.com" }),
    { ...rule("encrypt", {}), scope: { nexthop: "[relay.example]:2525" } },
    { ...rule("secure", {}), scope: { nexthop: "gate.example" } },
    { ...rule("none", {}), scope: { nexthop: ".example" } },
  ]);
  const via = (written: string): OutboundQuestion =>
    question("example.com", undefined, {
      nexthop: { kind: "mx", domain: "x.test" as Domain, port: 25, written },
    });
  const levels = ["[relay.example]:2525", "[relay.example]", "GATE.example", "a.gate.example", "example.com"].map(
    (written) => source.outbound(via(written))?.level.value,
  );
  assert.deepEqual(levels, ["encrypt", "verify", "secure", "none", "verify"]);
});

test("scoped rules: each setting on its own, with its own origin", () => {
  const bits = rule(undefined, {}, {});
  const source = compileScopedRules([
    { ...bits, settings: { minCipherBits: { value: 256, from: bits.from } } },
    rule("encrypt", { domain: "example.com" }),
  ]);
  const found = source.outbound(question("example.com"));
  assert.equal(found?.level.value, "encrypt");
  assert.equal(found?.minCipherBits?.value, 256);
  assert.notEqual(found?.minCipherBits?.from.scope, found?.level.from.scope);
  assert.deepEqual(
    source.candidates(question("example.com")).map(({ verdict }) => verdict),
    ["wins", "adds"],
  );
});

test("scoped rules: nothing said, no answer", () => {
  assert.equal(
    compileScopedRules([rule("verify", { domain: "example.com" })]).outbound(question("other.example")),
    undefined,
  );
});

test("scoped rules: an exception ends at its date", () => {
  const weak = rule("none", { domain: "example.com" });
  const exception = { value: { expiresAt: 2_000, owner: "ops", reason: "migration" }, from: weak.from };
  const source = compileScopedRules([rule("encrypt", {}), { ...weak, settings: { ...weak.settings, exception } }]);
  const before = source.outbound(question("example.com", undefined, { now: 1_999 }));
  assert.equal(before?.level.value, "none");
  assert.equal(before?.exception?.value.owner, "ops");
  const after = source.outbound(question("example.com", undefined, { now: 2_000 }));
  assert.equal(after?.level.value, "encrypt");
  assert.equal(after?.exception, undefined);
  assert.equal(source.candidates(question("example.com", undefined, { now: 2_000 }))[0]?.verdict, "expired");
});
