/**
 * What PowerMTA's TLS directives do to outbound mail: the reference's cases T01 to T30, T52 and T54, on hand-made facts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { domain } from "../../src/mail/domain.ts";
import { reply } from "../../src/mail/reply.ts";
import { type ConnectDecision, decide, type TlsDecision } from "../../src/policy/decide.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { judge } from "../../src/policy/judge.ts";
import type { OutboundQuestion } from "../../src/policy/rules.ts";
import type { TlsProgress } from "../../src/tls/peer-facts.ts";
import { compiled, compiledWith, levelFor, lines, question, ruleFor, textsOf } from "./powermta/files.ts";

const authority = await makeAuthority("Partner CA");
const leaf = await authority.issue({ dnsNames: ["client.test"] });
const files = {
  "/etc/pmta/ca.pem": authority.certificatePem,
  "/etc/pmta/c.pem": leaf.chainPem + leaf.privateKeyPem,
};
const at = Date.UTC(2026, 0, 1);
const der = Buffer.from("certificate");
const opportunistic = "<domain *>; use-starttls yes; require-starttls no; </domain>";
const required = "<domain *>; use-starttls yes; require-starttls yes; </domain>";
const withCa = "<domain *>; smtp-tls-ca-file ca.pem; </domain>";
const requiredWithCa = "<domain *>; smtp-tls-ca-file ca.pem; require-starttls yes; </domain>";

type Peer = "not-offered" | "refused" | "alert" | "trusted" | "self-signed" | "wrong-name";

function progress(peer: Peer): TlsProgress {
  if (peer === "not-offered") return { kind: "not-offered" };
  if (peer === "refused") return { kind: "refused", reply: reply(454, "4.7.0", "TLS not available") };
  if (peer === "alert")
    return { kind: "failed", code: "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", text: "handshake failure" };
  return {
    kind: "done",
    handshake: {
      protocol: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      bits: 256,
      group: "X25519",
      resumed: false,
      chain:
        peer === "self-signed"
          ? { kind: "untrusted", code: "DEPTH_ZERO_SELF_SIGNED_CERT", text: "self-signed certificate" }
          : { kind: "trusted" },
      certificate: {
        subject: "CN=mx.peer.test",
        issuer: "CN=Partner CA",
        serial: "01",
        notBefore: at - 1,
        notAfter: at + 1,
        dnsNames: [peer === "wrong-name" ? "other.test" : "mx.peer.test"],
        ipAddresses: [],
        commonName: undefined,
        sha256: "",
        spkiSha256: "",
        keyType: "ec",
        keyBits: 256,
        der,
        spkiDer: der,
      },
      intermediates: [],
      clientCertificate: "not-asked",
      durationMs: 1,
    },
  };
}

function decided(made: Compiled, to: string, change: Partial<OutboundQuestion> = {}): TlsDecision {
  const asked = question(to, change);
  return decide(ruleFor(made, to, change), {
    nexthop: asked.nexthop,
    host: asked.host,
    address: undefined,
    mxStatus: "insecure",
    implicitTls: false,
    messageAgeMs: 0,
  });
}

function connecting(made: Compiled, to: string, change: Partial<OutboundQuestion> = {}): ConnectDecision {
  const decision = decided(made, to, change);
  assert.ok(decision.kind === "connect", decision.kind === "refuse" ? decision.text : "");
  return decision;
}

/** `encrypted`, `plain` on this connection, `plain-again` on a new one to the same host, else the status. */
function outcome(made: Compiled, peer: Peer, to = "a.test"): string {
  const decision = connecting(made, to);
  const facts = { offered: peer !== "not-offered", tls: progress(peer), seenAt: at };
  const verdict = judge(decision, facts, "mx.peer.test[192.0.2.1]");
  if (verdict.kind === "flow") return verdict.achieved === "none" ? "plain" : "encrypted";
  if (verdict.kind === "clear-again") return decision.clearTextTurn === "same-host" ? "plain-again" : "plain-last";
  return verdict.status;
}

const outcomes: readonly [title: string, config: string, peer: Peer, want: string][] = [
  ["T01: offered, good handshake", opportunistic, "trusted", "encrypted"],
  ["T02: STARTTLS not offered", opportunistic, "not-offered", "plain"],
  ["T03: STARTTLS answered with 454, same attempt", opportunistic, "refused", "plain"],
  [
    "T04: handshake alert, a new connection to the same host at once (our reading)",
    opportunistic,
    "alert",
    "plain-again",
  ],
  ["T05: self-signed certificate", opportunistic, "self-signed", "encrypted"],
  ["T05: wrong name", opportunistic, "wrong-name", "encrypted"],
  ["T06: no TLS directive at all", "host-name relay.test", "trusted", "encrypted"],
  ["T06: no TLS directive, STARTTLS not offered", "host-name relay.test", "not-offered", "plain"],
  ["T08: required, not offered", required, "not-offered", "4.7.4"],
  ["T08: required, refused", required, "refused", "4.7.0"],
  ["T09: required, handshake fails: the next host is tried", required, "alert", "4.7.5"],
  ["T09: required, and the next host is fine", required, "trusted", "encrypted"],
  ["T11: CA file, opportunistic, chain not under it", withCa, "self-signed", "plain-again"],
  ["T11: CA file, opportunistic, chain under it", withCa, "trusted", "encrypted"],
  ["T12: CA file, required, chain not under it", requiredWithCa, "self-signed", "4.7.5"],
  ["T13: CA file, required, another name (our reading: the chain only)", requiredWithCa, "wrong-name", "encrypted"],
];

for (const [title, config, peer, want] of outcomes) {
  test(`powermta ${title}`, () => assert.equal(outcome(compiled(lines(config), files), peer), want));
}

test("powermta T07: require-starttls without use-starttls: clear text, and a warning", () => {
  const made = compiled(lines("<domain *>; use-starttls no; require-starttls yes; </domain>"));
  assert.equal(levelFor(made, "a.test"), "none");
  assert.equal(connecting(made, "a.test").starttls, "never");
  assert.match(textsOf(made, "warning").join("\n"), /3: domain \*: require-starttls has no effect/);
});

test("powermta T10: never TLS: the mail waits, and what ends it is not this rule (bounce-after has no effect here)", () => {
  const made = compiled(lines("<domain *>; require-starttls yes; bounce-after 1h; </domain>"));
  assert.equal(connecting(made, "a.test").onFailure, "defer");
  assert.match(textsOf(made, "no-effect").join(), /3: bounce-after/);
});

test("powermta T11: a CA file without require-starttls is warned of", () => {
  const made = compiled(lines(withCa), files);
  assert.match(
    textsOf(made, "warning").join("\n"),
    /2: domain \*: where the certificate does not lead to smtp-tls-ca-file/,
  );
  const rule = ruleFor(made, "a.test");
  assert.deepEqual(rule.proof?.value, "chain");
  assert.deepEqual(rule.fallback?.value, { kind: "at-once", turn: "same-host", alsoUnproven: true });
  assert.ok(rule.anchors?.value.kind === "bundle");
  assert.deepEqual(rule.anchors.value.files, ["/etc/pmta/ca.pem"]);
  assert.deepEqual(textsOf(compiled(lines(requiredWithCa), files), "warning"), []);
});

const withoutEvidence: readonly [ids: string, directive: string][] = [
  ["T14, T15, T16, T17", "use-dane"],
  ["T18, T19", "use-mta-sts"],
];
for (const [ids, directive] of withoutEvidence) {
  test(`powermta ${ids}: ${directive} yes makes no connection until its evidence is gathered`, () => {
    const made = compiled(
      lines(`<domain *>; ${directive} no; </domain>; <domain a.test>; ${directive} yes; </domain>`),
    );
    assert.equal(decided(made, "a.test").kind, "refuse");
    assert.equal(decided(made, "b.test").kind, "connect");
    const { refuse } = ruleFor(made, "a.test");
    assert.match(String(refuse?.value), new RegExp(directive));
    assert.equal(refuse?.from.line, 5);
    assert.match(textsOf(made, "warning").join(), new RegExp(`5: domain a.test: ${directive} yes makes no connection`));
  });
}

test("powermta T17: DANE where nothing is written: told once, and not used", () => {
  const made = compiled(
    lines("<domain a.test>; use-starttls yes; </domain>; <domain b.test>; use-starttls yes; </domain>"),
  );
  assert.equal(textsOf(made, "differs").filter((text) => text.includes("use-dane")).length, 1);
  assert.equal(decided(made, "a.test").kind, "connect");
  const written = compiled(lines("<domain *>; use-dane no; </domain>"));
  assert.equal(textsOf(written, "differs").filter((text) => text.includes("use-dane")).length, 0);
});

test("powermta T20: the client certificate of the domain is shown", () => {
  const made = compiled(
    lines(
      "<domain a.test>; smtp-client-certificate /etc/pmta/c.pem pw; use-starttls yes; require-starttls yes; </domain>",
    ),
    files,
  );
  const { credential } = connecting(made, "a.test").handshake;
  assert.equal(credential?.certificateChain, leaf.chainPem);
  assert.equal(connecting(made, "b.test").handshake.credential, undefined);
  assert.doesNotMatch(JSON.stringify(made.notes), /pw/);
  assert.doesNotMatch(JSON.stringify(made.source.candidates(question("a.test"))), /pw/);
});

test("powermta T21: a key without a password loads; an empty value clears it for a narrower domain", () => {
  const made = compiled(
    lines(
      '<domain *.test>; smtp-client-certificate c.pem; </domain>; <domain b.test>; smtp-client-certificate ""; </domain>',
    ),
    files,
  );
  assert.equal(connecting(made, "a.test").handshake.credential?.certificateChain, leaf.chainPem);
  assert.equal(connecting(made, "b.test").handshake.credential, undefined);
});

const none = "smtp-tls-allow-tlsv1.1 no; smtp-tls-allow-tlsv1.2 no; smtp-tls-allow-tlsv1.3 no";
test("powermta T22: no protocol left: no handshake can succeed", () => {
  const strict = compiled(lines(`<domain *>; ${none}; require-starttls yes; </domain>`));
  const open = compiled(lines(`<domain *>; ${none}; </domain>`));
  for (const made of [strict, open]) {
    assert.deepEqual(ruleFor(made, "a.test").protocols?.value, { min: "TLSv1.3", max: "TLSv1.2" });
  }
  assert.equal(outcome(strict, "alert"), "4.7.5");
  assert.equal(outcome(open, "alert"), "plain-again");
});

test("powermta: one protocol left, and ciphers as written", () => {
  const made = compiled(
    lines(
      "<domain *>; smtp-tls-allow-tlsv1.2 no; </domain>; <domain a.test>; smtp-tls-allow-tlsv1.2 yes; smtp-tls-allow-tlsv1.3 false; smtp-tls-ciphers ECDHE+AESGCM; </domain>",
    ),
  );
  assert.deepEqual(ruleFor(made, "b.test").protocols?.value, { min: "TLSv1.3", max: "TLSv1.3" });
  assert.deepEqual(ruleFor(made, "a.test").protocols?.value, { min: "TLSv1.2", max: "TLSv1.2" });
  assert.match(ruleFor(made, "a.test").ciphers?.value ?? "", /^TLS_AES_256_GCM_SHA384:.*:ECDHE\+AESGCM$/);
  assert.match(ruleFor(made, "b.test").ciphers?.value ?? "", /:HIGH:!ADH:@STRENGTH$/);
});

const badCiphers = ["RC4-SHA", "AES128-SHA", "HIHG", "HIGH:!ALL"];
for (const ciphers of badCiphers) {
  test(`powermta: smtp-tls-ciphers ${ciphers} leaves nothing: no connection`, () => {
    const made = compiled(lines(`<domain a.test>; smtp-tls-ciphers ${ciphers}; </domain>`));
    assert.equal(decided(made, "a.test").kind, "refuse");
    assert.equal(decided(made, "b.test").kind, "connect");
    assert.match(textsOf(made, "differs").join(), /2: smtp-tls-ciphers: none of these may be used/);
  });
}

test("powermta: a security level below 2 is taken out, and said so", () => {
  const made = compiled(lines("<domain *>; smtp-tls-ciphers HIGH:!aNULL:@SECLEVEL=0; </domain>"));
  assert.doesNotMatch(ruleFor(made, "a.test").ciphers?.value ?? "", /SECLEVEL/);
  assert.match(textsOf(made, "differs").join(), /security levels below 2/);
});

const specific = "<domain *>; use-starttls no; </domain>";
const general = "<domain a.test>; use-starttls yes; </domain>";
for (const [order, config] of [
  ["general first", `${specific}; ${general}`],
  ["specific first", `${general}; ${specific}`],
]) {
  test(`powermta T23: the order of sections does not matter, ${order}`, () => {
    const made = compiled(lines(config ?? ""));
    assert.equal(levelFor(made, "a.test"), "may");
    assert.equal(levelFor(made, "b.test"), "none");
  });
}

const patterns: readonly [title: string, pattern: string, itself: string, below: string][] = [
  ["T24: *.a.test is below it alone", "*.a.test", "may", "encrypt"],
  ["T25: [*.]a.test is both", "[*.]a.test", "encrypt", "encrypt"],
  ["T25: a.test is itself alone", "a.test", "encrypt", "may"],
  ["T25: * is every domain", "*", "encrypt", "encrypt"],
];
for (const [title, pattern, itself, below] of patterns) {
  test(`powermta ${title}`, () => {
    const made = compiled(lines(`<domain ${pattern}>; require-starttls yes; </domain>`));
    assert.deepEqual([levelFor(made, "a.test"), levelFor(made, "x.a.test")], [itself, below]);
    assert.equal(levelFor(made, "xa.test"), pattern === "*" ? "encrypt" : "may");
  });
}

test("powermta T25: [ip/mask] covers recipients at addresses, the longer block first", () => {
  const made = compiled(
    lines("<domain [0/0]>; require-starttls yes; </domain>; <domain [192.0.2.0/24]>; require-starttls no; </domain>"),
  );
  const literal = (ip: string): string => {
    const recipient = { text: `u@[${ip}]`, localPart: "u", host: { kind: "literal" as const, ip: ip as never } };
    return levelFor(made, "unused.test", { recipient, recipientDomain: undefined });
  };
  assert.deepEqual(
    [literal("192.0.2.1"), literal("198.51.100.1"), literal("2001:db8::1")],
    ["may", "encrypt", "encrypt"],
  );
  assert.equal(levelFor(made, "a.test"), "may");
});

test("powermta T26: a name written out beats the same name of a macro, whatever the order", () => {
  const made = compiled(
    lines(
      "domain-macro c com, co.uk; <domain aol.$c>; require-starttls yes; </domain>; <domain aol.com>; require-starttls no; </domain>",
    ),
  );
  assert.deepEqual([levelFor(made, "aol.com"), levelFor(made, "aol.co.uk")], ["may", "encrypt"]);
});

const specificity = lines(`<domain *>; smtp-tls-ciphers ECDHE; require-starttls yes; </domain>
  <domain [*.]b.test>; require-starttls no; use-starttls no; </domain>
  <domain *.b.test>; use-starttls yes; </domain>
  <domain *.a.b.test>; require-starttls yes; </domain>`);
test("powermta: settings are merged one by one from general to specific (our reading of the order of patterns)", () => {
  const made = compiled(specificity);
  assert.equal(levelFor(made, "b.test"), "none");
  assert.equal(levelFor(made, "x.b.test"), "may");
  assert.equal(levelFor(made, "x.a.b.test"), "encrypt");
  assert.match(ruleFor(made, "x.a.b.test").ciphers?.value ?? "", /:ECDHE$/);
});

test("powermta T28: the virtual MTA beats its pool, the pool beats everything else", () => {
  const made = compiled(
    lines(`<virtual-mta m1>; <domain x.test>; require-starttls no; </domain>; </virtual-mta>; <virtual-mta m2>; </virtual-mta>
    <virtual-mta-pool p>; virtual-mta m1; virtual-mta m2; <domain x.test>; require-starttls yes; </domain>; </virtual-mta-pool>
    <domain x.test>; use-starttls no; </domain>`),
  );
  const by = (binding: string): string => levelFor(made, "x.test", { binding, bindingGroup: "p" });
  assert.deepEqual([by("m1"), by("m2"), levelFor(made, "x.test")], ["none", "none", "none"]);
  const open = compiled(
    lines(`<virtual-mta m1>; <domain x.test>; require-starttls no; </domain>; </virtual-mta>; <virtual-mta m2>; </virtual-mta>
    <virtual-mta-pool p>; virtual-mta m1; virtual-mta m2; <domain x.test>; require-starttls yes; </domain>; </virtual-mta-pool>`),
  );
  assert.equal(levelFor(open, "x.test", { binding: "m1", bindingGroup: "p" }), "may");
  assert.equal(levelFor(open, "x.test", { binding: "m2", bindingGroup: undefined }), "encrypt");
  assert.equal(levelFor(open, "x.test"), "may");
});

test("powermta T28: a virtual MTA's <domain *> goes before the file's narrower section (our reading), and is told", () => {
  const made = compiled(
    lines(
      "<virtual-mta m1>; <domain *>; require-starttls no; </domain>; </virtual-mta>; <domain gmail.test>; require-starttls yes; </domain>",
    ),
  );
  assert.equal(levelFor(made, "gmail.test", { binding: "m1" }), "may");
  assert.equal(levelFor(made, "gmail.test"), "encrypt");
  assert.match(
    textsOf(made, "differs").join(),
    /3: require-starttls: domain \* in virtual-mta m1 goes before domain gmail.test/,
  );
});

test("powermta T29: a virtual MTA in two pools that both have domains is an error", () => {
  const pool = (name: string): string =>
    `<virtual-mta-pool ${name}>; virtual-mta m1; <domain y.test>; use-starttls yes; </domain>; </virtual-mta-pool>`;
  const made = compiledWith(lines(`<virtual-mta m1>; </virtual-mta>; ${pool("one")}; ${pool("two")}`));
  assert.match(
    textsOf(made, "error").join(),
    /10: Error in line 10 of \/etc\/pmta\/config: virtual-mta m1 is in pools one and two/,
  );
  assert.equal(decided(made, "a.test").kind, "refuse");
});

const moved = lines(
  "<domain gmail.test>; require-starttls yes; queue-to gmail.rollup; </domain>; <domain gmail.rollup>; max-smtp-out 2; </domain>",
);
test("powermta T30: queue-to loses require-starttls, as there, and is warned of", () => {
  const made = compiled(moved);
  assert.equal(outcome(made, "not-offered", "gmail.test"), "plain");
  assert.match(
    textsOf(made, "warning").join(),
    /3: domain gmail.test: require-starttls does not hold in the queue gmail.rollup/,
  );
});

const rolled = lines(`<mx-rollup-list >; mx *.l.google.test gmail.rollup; mx mx1.hot.test hot.rollup; </mx-rollup-list>
  <domain gmail.rollup>; require-starttls yes; </domain>; <domain strict.test>; require-starttls yes; </domain>
  <domain own.test>; disable-mx-rollup yes; </domain>`);
test("powermta T30: an MX roll-up is found by the MX host (our reading: each host on its own)", () => {
  const made = compiled(rolled);
  const by = (to: string, host: string): string => levelFor(made, to, { host: domain(host) });
  assert.equal(by("a.test", "alt1.l.google.test"), "encrypt");
  assert.equal(by("a.test", "l.google.test"), "may");
  assert.equal(by("strict.test", "mx1.hot.test"), "may");
  assert.equal(by("strict.test", "mx9.hot.test"), "encrypt");
  assert.equal(by("own.test", "alt1.l.google.test"), "may");
  const warnings = textsOf(made, "warning").join();
  assert.match(warnings, /3: mail rolled up into hot.rollup loses require-starttls, which domain strict.test asks for/);
  assert.doesNotMatch(warnings, /gmail.rollup/);
});

test("powermta T52: SSLv3 is read, told, and never negotiated", () => {
  const made = compiled(
    lines("<domain *>; smtp-tls-allow-sslv3 yes; smtp-tls-allow-tlsv1 yes; smtp-tls-allow-tlsv1.1 no; </domain>"),
  );
  assert.match(
    textsOf(made, "differs").join(),
    /2: smtp-tls-allow-sslv3: TLS 1.0, TLS 1.1 and SSL 3.0 are never negotiated/,
  );
  assert.doesNotMatch(textsOf(made, "differs").join(), /^4:/m);
  assert.equal(connecting(made, "a.test").handshake.minVersion, "TLSv1.2");
});

test("powermta T54: every effective TLS directive with its value, and where it was said", () => {
  const made = compiled(
    lines(`<virtual-mta m1>; <domain a.test>; require-starttls yes; </domain>; </virtual-mta>
    <domain *>; require-starttls no; smtp-tls-ciphers ECDHE; </domain>`),
  );
  const candidates = made.source.candidates(question("a.test", { binding: "m1" }));
  assert.deepEqual(
    candidates.map(({ from, verdict, written }) => [from.scope, from.line, verdict, written]),
    [
      ["domain a.test in virtual-mta m1", 2, "wins", "<domain a.test>"],
      ["domain *", 6, "adds", "<domain *>"],
      ["PowerMTA's default", undefined, "adds", undefined],
    ],
  );
  const settings = candidates.flatMap((candidate) => candidate.settings);
  assert.ok(settings.indexOf("require-starttls: yes") < settings.indexOf("require-starttls: no"));
  for (const name of [
    "use-starttls: yes",
    "use-dane: ",
    "smtp-tls-ciphers: ECDHE",
    "smtp-tls-ca-file: none",
    "reuse-ssl-session: no",
  ]) {
    assert.ok(
      settings.some((setting) => setting.startsWith(name)),
      name,
    );
  }
});

test("powermta: each setting keeps its own line, through macros and into rolled-up queues", () => {
  const made = compiled(
    lines(
      "domain-macro t test, example; <domain a.$t>; queue-to q.rollup; </domain>; <domain q.rollup>; require-starttls yes; </domain>",
    ),
  );
  const { level } = ruleFor(made, "a.test");
  assert.deepEqual([level.value, level.from.line, level.from.scope], ["encrypt", 6, "domain q.rollup"]);
  const [left, wins] = made.source.candidates(question("a.test"));
  assert.deepEqual(left?.settings, ["queue-to: q.rollup"]);
  assert.deepEqual(left?.through, ["/etc/pmta/config:1 domain-macro t test, example"]);
  assert.deepEqual([wins?.verdict, wins?.from.line], ["wins", 5]);
});

test("powermta: the same sections answer with the same rule object", () => {
  const made = compiled(opportunistic.replaceAll("; ", "\n"));
  assert.equal(ruleFor(made, "a.test"), ruleFor(made, "b.test"));
});

test("powermta: what PowerMTA would discard, pipe or file is never delivered by SMTP", () => {
  const made = compiled(lines("<virtual-mta sink>; <domain *>; type discard; </domain>; </virtual-mta>"));
  assert.equal(decided(made, "a.test", { binding: "sink" }).kind, "refuse");
  assert.equal(decided(made, "a.test").kind, "connect");
});

test("powermta: reroute-to-virtual-mta brings the settings of that one; a circle ends", () => {
  const made = compiled(
    lines(`<virtual-mta m1>; <domain a.test>; reroute-to-virtual-mta m2; </domain>; </virtual-mta>
    <virtual-mta m2>; <domain a.test>; require-starttls yes; </domain>; <domain b.test>; reroute-to-virtual-mta m3; </domain>; </virtual-mta>
    <virtual-mta m3>; <domain b.test>; reroute-to-virtual-mta m2; </domain>; </virtual-mta>`),
  );
  assert.equal(levelFor(made, "a.test", { binding: "m1" }), "encrypt");
  assert.equal(levelFor(made, "b.test", { binding: "m2" }), "may");
});
