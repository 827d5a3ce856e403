import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IpAddress } from "../mail/address.ts";
import { type TrustAnchors, trustBundle } from "../tls/handshake-settings.ts";
import { createInboundPolicy } from "./inbound.ts";
import type {
  DemandAnswer,
  InboundQuestion,
  InboundRule,
  Origin,
  PeerRequirement,
  Pin,
  PolicySource,
  RelayByCertificate,
} from "./rules.ts";

const question: InboundQuestion = {
  listener: "mx",
  localAddress: undefined,
  localPort: 25,
  client: "192.0.2.9" as IpAddress,
  clientName: undefined,
  user: undefined,
  now: 0,
};

function at(source: string): Origin {
  return { source, file: undefined, line: undefined, column: undefined, scope: "test" };
}

function source(name: string, answers: Partial<PolicySource>): PolicySource {
  return { name, outbound: () => undefined, candidates: () => [], ...answers };
}

function inbound(name: string, rule: InboundRule | undefined): PolicySource {
  return source(name, { inbound: () => rule });
}

function starttls(value: "never" | "offer" | "require", from: string): InboundRule {
  return { starttls: { value, from: at(from) } };
}

function requirement(text: string): PeerRequirement {
  return {
    from: at(text),
    text,
    of: "client",
    verify: true,
    bits: undefined,
    extensions: [],
    reply: { code: 454, status: "4.7.0" },
  };
}

const builtIn: InboundRule = { ...starttls("offer", "built-in"), auth: { value: "never", from: at("built-in") } };

test("inbound rules: the listener's own words, then each source in order, then the defaults, setting by setting", () => {
  const first = inbound("first", { auth: { value: "always", from: at("first") } });
  const second = inbound("second", {
    ...starttls("never", "second"),
    authRequired: { value: true, from: at("second") },
  });
  const own = (listener: string) => (listener === "mx" ? starttls("require", "own") : undefined);
  const policy = createInboundPolicy([first, second], own, builtIn);
  const origins = (rule: InboundRule) => [rule.starttls, rule.auth, rule.authRequired].map((one) => one?.from.source);
  assert.deepEqual(origins(policy.rule(question)), ["own", "first", "second"]);
  assert.deepEqual(origins(policy.rule({ ...question, listener: "other" })), ["second", "first", "second"]);
  assert.deepEqual(origins(createInboundPolicy([], () => undefined, builtIn).rule(question)), [
    "built-in",
    "built-in",
    undefined,
  ]);
});

test("inbound rules: our own rules about some clients go before what the listener says to all", () => {
  const rules = inbound("letterlock", starttls("require", "rule"));
  const own = () => ({ ...starttls("offer", "listener"), auth: { value: "always", from: at("listener") } }) as const;
  const dialect = inbound("postfix", {
    ...starttls("never", "postfix"),
    auth: { value: "never", from: at("postfix") },
  });
  const policy = createInboundPolicy([rules, dialect], own, builtIn);
  const { starttls: tls, auth } = policy.rule(question);
  assert.deepEqual([tls?.from.source, auth?.from.source], ["rule", "listener"]);
});

test("inbound rules: requirements of all add up, in order", () => {
  const asks = (name: string) => inbound(name, { requirements: [requirement(name)] });
  const policy = createInboundPolicy([asks("a"), inbound("b", undefined), asks("c")], () => undefined, builtIn);
  assert.deepEqual(
    policy.rule(question).requirements?.map(({ text }) => text),
    ["a", "c"],
  );
});

test("inbound rules: the same answers make the same object", () => {
  let answer = starttls("require", "a");
  const policy = createInboundPolicy([source("a", { inbound: () => answer })], () => undefined, builtIn);
  const before = policy.rule(question);
  assert.equal(policy.rule({ ...question, listener: "other" }), before);
  answer = starttls("require", "a");
  assert.notEqual(policy.rule(question), before);
  assert.deepEqual(policy.rule(question), before);
});

test("inbound rules: whatever the sources say, each setting is that of the first who has a word on it", () => {
  const values = fc.constantFrom("never" as const, "offer" as const, "require" as const, undefined);
  const rule = fc.record({ tls: values, relay: fc.constantFrom(true, false, undefined) });
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), (rules) => {
      const nothing: InboundRule = {};
      const sources = rules.map(({ tls, relay }, number) =>
        inbound(String(number), {
          ...(tls === undefined ? {} : starttls(tls, String(number))),
          ...(relay === undefined ? {} : { relay: { value: relay, from: at(String(number)) } }),
        }),
      );
      const policy = createInboundPolicy(sources, () => undefined, nothing);
      const merged = policy.rule(question);
      assert.equal(
        merged.starttls?.value,
        rules.map(({ tls }) => tls).find((value) => value !== undefined),
      );
      assert.equal(
        merged.relay?.value,
        rules.map(({ relay }) => relay).find((value) => value !== undefined),
      );
      assert.equal(policy.rule(question), merged);
      for (const { setting, from, passedOver } of policy.considered(question)) {
        assert.equal(merged[setting as "relay"]?.from, from);
        const said = rules.filter(({ tls, relay }) => (setting === "relay" ? relay : tls) !== undefined);
        assert.equal(passedOver.length, said.length - 1);
      }
    }),
  );
});

test("considered: every setting with its value, and who was passed over", () => {
  const policy = createInboundPolicy([inbound("a", starttls("require", "a"))], () => undefined, builtIn);
  const seen = policy.considered(question).map(({ setting, value, from, passedOver }) => {
    return [setting, value, from.source, passedOver.map((one) => `${one.value} ${one.from.source}`)];
  });
  assert.deepEqual(seen, [
    ["auth", "never", "built-in", []],
    ["starttls", "require", "a", ["offer built-in"]],
  ]);
});

test("demands: one of each source, none taken for another's", () => {
  const answer = (text: string): DemandAnswer => ({
    kind: "demand",
    demand: { from: at(text), text, level: "encrypted", mode: "enforce", answer: { code: 550, status: "5.7.10" } },
  });
  const later: DemandAnswer = { kind: "at-recipient" };
  const policy = createInboundPolicy(
    [
      source("a", { demands: () => [answer("a")] }),
      source("b", {}),
      source("c", { demands: () => [] }),
      source("d", { demands: ({ recipient }) => [recipient === undefined ? later : answer("d")] }),
    ],
    () => undefined,
    builtIn,
  );
  assert.deepEqual(policy.demands({ ...question, sender: undefined, recipient: undefined }), [answer("a"), later]);
});

test("demands: all of a source that has several", () => {
  const answers = ["first", "second"].map((text): DemandAnswer => {
    const answer = { code: 450, status: "4.7.1" } as const;
    return { kind: "demand", demand: { from: at(text), text, level: "encrypted", mode: "enforce", answer } };
  });
  const policy = createInboundPolicy([source("a", { demands: () => answers })], () => undefined, builtIn);
  assert.deepEqual(policy.demands({ ...question, sender: undefined, recipient: undefined }), answers);
});

test("certificates that demands may need: of all sources, and undefined where of none", () => {
  const ca: TrustAnchors = trustBundle([], []);
  const ask = (...answers: readonly (readonly TrustAnchors[] | undefined)[]) =>
    createInboundPolicy(
      answers.map((wanted, number) => source(String(number), { certificateDemands: () => wanted })),
      () => undefined,
      builtIn,
    ).certificateDemands(question);
  assert.deepEqual(
    [ask(), ask(undefined), ask(undefined, []), ask([ca], undefined, [ca])],
    [undefined, undefined, [], [ca, ca]],
  );
});

test("inbound rules: a listener's words go before another server's configuration, also where our rules stand behind", () => {
  const policy = createInboundPolicy(
    [inbound("postfix", starttls("offer", "postfix")), inbound("letterlock", starttls("never", "rule"))],
    () => starttls("require", "listener"),
    builtIn,
  );
  assert.equal(policy.rule(question).starttls?.from.source, "listener");
});

const pin: Pin = { of: "certificate", algorithm: "sha256", digest: "00" };
const anybody: RelayByCertificate = { kind: "match", pins: [], names: [], issuers: [] };
const relaying: readonly [name: string, value: RelayByCertificate, want: RelayByCertificate][] = [
  ["whoever is trusted", { kind: "trusted" }, anybody],
  ["names of issuers", { kind: "names", issuers: new Map([["ca", "relay"]]), subjects: new Set() }, anybody],
  [
    "names and digests",
    { kind: "match", pins: [pin], names: [], issuers: ["CN=Example CA"] },
    { kind: "match", pins: [pin], names: [], issuers: [] },
  ],
];
for (const [name, value, want] of relaying) {
  test(`AT-29 a right to relay for ${name} counts under the CAs of the source that gives it alone`, () => {
    const right = (from: string): InboundRule => ({ relayByCertificate: { value, from: at(from) } });
    const trust = (from: string): InboundRule => ({ clientAnchors: { value: { kind: "system" }, from: at(from) } });
    const merged = (...rules: InboundRule[]) =>
      createInboundPolicy(
        rules.map((rule, number) => inbound(`s${number}`, rule)),
        () => undefined,
        {},
      ).rule(question).relayByCertificate?.value;
    assert.deepEqual(merged(trust("postfix"), right("sendmail")), want);
    assert.deepEqual(merged(right("letterlock"), trust("postfix")), want);
    assert.deepEqual(merged(trust("letterlock"), { ...right("postfix"), ...trust("postfix") }), want);
    assert.deepEqual(merged(right("letterlock"), trust("letterlock"), trust("postfix")), value);
    assert.deepEqual(merged(right("postfix")), value);
  });
}
