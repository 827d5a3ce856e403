/**
 * The numbered cases of the Momentum reference that are about deliveries: which rule holds, and what becomes of the mail.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsVerdict } from "../../src/policy/judge.ts";
import {
  aborted,
  answers454,
  assertNote,
  compile,
  decisionFor,
  done,
  errors,
  issued,
  levelFor,
  notes,
  notOffered,
  outcome,
  question,
  ruleFor,
} from "./momentum/lab.ts";

/** In clear or in TLS, or what the message waits with. */
function told(verdict: TlsVerdict): string {
  if (verdict.kind === "flow") return verdict.achieved === "none" ? "clear" : `tls ${verdict.achieved}`;
  return `${verdict.kind} ${verdict.text}`;
}

const ifavailable = 'tls = "ifavailable"';
const required = 'tls = "required"';
const untrusted = done({ trusted: false });
const ca = 'tls = "required" tls_verify = "ca" tls_ca = "A.pem"';
const host = 'tls = "required" tls_verify = "host" tls_ca = "A.pem"';

const notAdvertised = "next-host 451 4.7.6 [internal] STARTTLS required but not advertised";
const failed = "next-host 451 4.7.5 [internal] TLS negotiation failed";
const notTrusted = "next-host 451 4.7.5 [internal] remote node SSL certificate not signed by a valid CA";
const wrongName = "next-host 451 4.7.5 [internal] SSL certificate subject does not match host";

const outcomes = [
  ["1: nothing written: clear text, STARTTLS not sent", "", done(), "clear"],
  ["2: tls = no: the same", 'tls = "no"', done(), "clear"],
  ["3: ifavailable, not offered: clear text", ifavailable, notOffered, "clear"],
  ["4: ifavailable, self-signed: TLS, not verified", ifavailable, untrusted, "tls encrypted"],
  ["6: fallback = false: the mail waits", `${ifavailable} tls_ifavailable_fallback = false`, aborted, failed],
  [
    "7: fallback = false, not offered: clear text (our reading)",
    `${ifavailable} tls_ifavailable_fallback = false`,
    notOffered,
    "clear",
  ],
  ["8: STARTTLS answered 454: clear text (on the same connection, noted)", ifavailable, answers454, "clear"],
  [
    "9: tls_fallback_always_new_connection = false: the same",
    `${ifavailable} tls_fallback_always_new_connection = false`,
    answers454,
    "clear",
  ],
  ["10: required, not offered", required, notOffered, notAdvertised],
  ["13: required, handshake aborted (our reading of which text)", required, aborted, failed],
  [
    "14: required takes an expired, self-signed certificate",
    required,
    done({ trusted: false, expired: true }),
    "tls encrypted",
  ],
  ["15: ca: the name does not matter", ca, done({ dnsNames: ["wrong.example"] }), "tls trusted"],
  ["16: ca: another authority", ca, untrusted, notTrusted],
  ["17: host: the MX host's name", host, done(), "tls verified"],
  ["18: host: the recipient's domain instead", host, done({ dnsNames: ["p.example"] }), "tls verified"],
  ["19: host: another name", host, done({ dnsNames: ["wrong.example"] }), wrongName],
  [
    "20: host: the right name in SubjectAltName, another CN",
    host,
    done({ commonName: "wrong.example" }),
    "tls verified",
  ],
  [
    "20: host: the right name in CN, others in SubjectAltName",
    host,
    done({ dnsNames: ["wrong.example"], commonName: "mx.example" }),
    "tls verified",
  ],
  [
    "21: optional: delivered, not verified",
    'tls = "required" tls_verify = "optional" tls_ca = "A.pem"',
    untrusted,
    "tls encrypted",
  ],
  [
    "22: ifavailable and host: a failed proof never leads to clear text (our reading)",
    `${ifavailable} tls_verify = "host" tls_ca = "A.pem"`,
    untrusted,
    notTrusted,
  ],
] as const;

for (const [title, text, peer, want] of outcomes) {
  test(`momentum ${title}`, () => assert.equal(told(outcome(text, peer)), want));
}

test("momentum 5: ifavailable, handshake aborted: the same message in clear at once, on a new connection", () => {
  assert.equal(outcome(ifavailable, aborted).kind, "clear-again");
  assert.equal(decisionFor(ruleFor(compile(ifavailable))).clearTextTurn, "same-host");
});

test("momentum 11: required and message_expiration: waits; how long is set in our own configuration", () => {
  const compiled = compile(`${required}\nmessage_expiration = 3600`);
  assert.equal(decisionFor(ruleFor(compiled)).onFailure, "defer");
  assertNote(compiled, "differs", 2, /retry: in letterlock.yaml/);
});

test("momentum 12: never_retry: the first failure of TLS returns the mail", () => {
  const compiled = compile(`${required} never_retry = true`);
  assert.equal(decisionFor(ruleFor(compiled)).onFailure, "bounce");
});

const levels = [
  [
    "23: a binding beats a domain at the top",
    'binding "c1" { tls = "ifavailable" } domain "p.example" { tls = "required" }',
    "c1",
    "may",
  ],
  [
    "24: unless it does not set it",
    'binding "c1" { ehlo_hostname = "a.example" } domain "p.example" { tls = "required" }',
    "c1",
    "encrypt",
  ],
  [
    "25: a group beats the top",
    'tls = "required" binding_group "g" { tls = "no" binding "b" { domain "p.example" {} } }',
    "b",
    "none",
  ],
  [
    "26: a domain in the group beats the binding",
    'binding_group "g" { domain "p.example" { tls = "required" } binding "b" { tls = "no" } }',
    "b",
    "encrypt",
  ],
  [
    "27: a group beats a domain at the top (our reading)",
    'binding_group "g" { tls = "required" binding "b" { } } domain "p.example" { tls = "no" }',
    "b",
    "encrypt",
  ],
  ["39: names of bindings know case, options do not", 'BINDING "Cust" { TLS = "required" }', "Cust", "encrypt"],
  ["39: so this is another binding", 'BINDING "Cust" { TLS = "required" }', "cust", "none"],
] as const;

for (const [title, text, binding, want] of levels) {
  test(`momentum ${title}`, () => assert.equal(levelFor(text, "p.example", binding), want));
}

const manualExample =
  'binding "c1" { tls_key = "k.pem" tls_certificate = "c.pem" domain "p.example" { tls = "required" tls_ca = "ca.pem" } }';

test("momentum 28: key and certificate of the binding, TLS of its domain", () => {
  const decision = decisionFor(ruleFor(compile(manualExample), "p.example", "c1"));
  assert.equal(decision.starttls, "always");
  assert.equal(decision.handshake.credential?.certificateChain, issued.chainPem);
  assert.equal(decision.authenticate.required, "nothing");
});

test("momentum 29: for another domain nothing is set", () => {
  assert.equal(ruleFor(compile(manualExample), "other.example", "c1").level.value, "none");
});

test("momentum 30: tls_certificate = none cancels the binding's", () => {
  const text = manualExample.replace('tls = "required"', 'tls = "required" tls_certificate = "none"');
  assert.equal(ruleFor(compile(text), "p.example", "c1").clientCertificate?.value, "none");
});

const plainAndRegex = `domain "example.com" { tls = "required" }
domain "/(^|[.])example[.]com$/" { tls = "no" tls_verify = "ca" tls_ca = "A.pem" }`;

test("momentum 31: the plain stanza first, option by option; what it lacks from the regular expression", () => {
  const rule = ruleFor(compile(plainAndRegex), "example.com");
  assert.equal(rule.level.value, "encrypt");
  assert.equal(rule.proof?.value, "chain");
  assert.deepEqual([rule.level.from.line, rule.proof?.from.line, rule.anchors?.from.line], [1, 2, 2]);
});

test("momentum 32: a name below it finds the regular expression", () => {
  assert.equal(levelFor(plainAndRegex, "mail.example.com"), "none");
});

test("momentum 33: an unanchored expression matches within names, and check says so", () => {
  const compiled = compile('domain "/bank/" { tls = "required" }');
  assert.equal(ruleFor(compiled, "mybankholiday.test").level.value, "encrypt");
  assertNote(compiled, "warning", 1, /also matches within longer names/);
});

test("momentum 34: of several expressions the first declared", () => {
  assert.equal(levelFor('domain "/a[.]test$/" { tls = "no" } domain "/test$/" { tls = "required" }', "a.test"), "none");
});

test("momentum 35: a name does not cover the names below it", () => {
  assert.equal(levelFor('domain "example.com" { tls = "required" }', "sub.example.com"), "none");
});

test("momentum 36: a gateway's name is what options are looked up for", () => {
  const compiled = compile(`domain "in.example" { gateway = "relay.example"
    tls = "required" }
  domain "relay.example" { tls = "no" }`);
  assert.equal(ruleFor(compiled, "in.example").level.value, "none");
  assertNote(compiled, "warning", 2, /tls has no effect beside gateway/);
  const { recipient } = question("in.example");
  const route = compiled.settings.routing?.route({
    recipient,
    sender: undefined,
    binding: "default",
    bindingGroup: undefined,
  });
  assert.deepEqual(route, { kind: "nexthops", nexthops: [{ kind: "mx", domain: "relay.example", port: 25 }] });
});

test("momentum 37: tls in a host stanza is an error (our reading: fatal)", () => {
  const compiled = compile('host "mx.example" {\n tls = "required"\n}');
  assert.deepEqual(errors(compiled), ["2: 'tls' is not a valid option name in scope 'Host' (host mx.example)"]);
  assert.match(String(ruleFor(compiled).refuse?.value), /cannot be used/);
});

test("momentum 38: an unknown name is an error with its line, its scope and the nearest name", () => {
  const compiled = compile('domain "x.example" {\n  tlss = "required"\n}');
  assert.deepEqual(errors(compiled), ["2: 'tlss' is not a valid option name in scope 'Domain' (domain x.example)"]);
  assert.match(notes(compiled, "error")[0]?.remedy ?? "", /tls/);
});

test("momentum 40: local_changes_file is read last, wherever it is named", () => {
  const compiled = compile('local_changes_file = "l.conf" tls = "no"', { "l.conf": 'tls = "required"' });
  const { value, from } = ruleFor(compiled).level;
  assert.deepEqual([value, from.file], ["encrypt", "/etc/momentum/l.conf"]);
});

test("momentum 41: a folder: its files in order, no hidden ones, none of folders in it (our reading: the last wins)", () => {
  const compiled = compile('include "conf.d"', {
    "conf.d/10.conf": 'tls = "no"',
    "conf.d/20.conf": 'tls = "required"',
    "conf.d/.hidden": 'tls = "no"',
    "conf.d/sub/30.conf": 'tls = "no"',
  });
  assert.deepEqual(errors(compiled), []);
  const { value, from } = ruleFor(compiled).level;
  assert.deepEqual([value, from.file], ["encrypt", "/etc/momentum/conf.d/20.conf"]);
  const [first] = compiled.source.candidates(question("p.example"));
  assert.deepEqual(first?.through, ["/etc/momentum/ecelerity.conf:1 include conf.d"]);
});

test("momentum 42: tls_protocols has no effect with gnutls, and check warns", () => {
  const compiled = compile('tls_engine = "gnutls"\ntls_protocols = "+TLSv1.3"\ntls = "required"');
  assert.deepEqual(errors(compiled), []);
  assert.equal(ruleFor(compiled).protocols, undefined);
  assertNote(compiled, "warning", 2, /no effect with tls_engine = gnutls/);
});

test("momentum 43: a GnuTLS priority string is read in OpenSSL's terms", () => {
  const compiled = compile('tls_engine = "gnutls"\ntls_ciphers = "NORMAL:-VERS-SSL3.0"\ntls = "required"');
  assert.deepEqual(errors(compiled), []);
  assert.deepEqual(ruleFor(compiled).protocols?.value, { min: "TLSv1.2", max: "TLSv1.3" });
  assertNote(compiled, "differs", 2, /TLSv1.2 and TLSv1.3/);
});

test("momentum 44: with old versions off a peer of TLS 1.1 alone gets nothing (our reading of which text)", () => {
  const text = 'tls_protocols = "+ALL:-SSLv3:-TLSv1.0:-TLSv1.1" tls = "required"';
  assert.equal(decisionFor(ruleFor(compile(text))).handshake.minVersion, "TLSv1.2");
  assert.equal(told(outcome(text, { kind: "failed", code: "EPROTO", text: "unsupported protocol" })), failed);
});

for (const [id, what] of [
  ["55", "policy enforce, untrusted certificate"],
  ["56", "policy enforce, MX not listed"],
  ["57", "policy testing"],
] as const) {
  test(`momentum ${id}: use_mta_sts, ${what}: until policies can be looked up, the mail waits`, () => {
    const compiled = compile('use_mta_sts = true\ntls = "no"');
    assert.match(String(ruleFor(compiled).refuse?.value), /MTA-STS policies cannot be looked up yet/);
    assertNote(compiled, "differs", 1, /^mail waits/);
  });
}

test("momentum 58: use_dane: until TLSA records can be looked up, the mail waits", () => {
  const compiled = compile('dane {}\nuse_dane = true\ntls = "ifavailable"');
  assert.match(String(ruleFor(compiled).refuse?.value), /TLSA records \(DANE\) cannot be looked up yet/);
  assertNote(compiled, "differs", 2, /^mail waits/);
  assert.equal(ruleFor(compile("dane {} use_dane = true enable_dane = false")).refuse, undefined);
});

test("momentum 62: ehlo_hostname = __message__: the sender's domain (our reading: also after STARTTLS)", () => {
  const compiled = compile('tls = "required" ehlo_hostname = "__message__"');
  assert.deepEqual(
    compiled.settings.bindings?.map(({ name, ehlo }) => [name, ehlo]),
    [["default", "sender-domain"]],
  );
});

test("momentum 63: default_binding = none: mail without a binding is refused for now", () => {
  const { chooseBinding } = compile('default_binding = "none"').settings;
  const { recipient } = question("p.example");
  const answer = chooseBinding?.choose({
    listener: "mx",
    client: "192.0.2.9" as never,
    user: undefined,
    sender: undefined,
    recipients: [recipient],
    header: () => undefined,
  });
  assert.deepEqual([answer?.kind, answer?.kind === "reject" && answer.status], ["reject", "4.3.5"]);
  assert.equal(compile('default_binding = "normal"').settings.chooseBinding, undefined);
});

test("momentum 64: a blank in tls_ec_curve_names", () => {
  assert.match(errors(compile('tls_ec_curve_names = "secp384r1: prime256v1"'))[0] ?? "", /invalid curve or group list/);
  assert.match(errors(compile('tls_ec_curve_names = "secp384r1:nonsense"'))[0] ?? "", /invalid curve or group list/);
  const rule = ruleFor(compile('tls = "required" tls_ec_curve_names = "secp384r1:prime256v1"'));
  assert.equal(rule.groups?.value, "secp384r1:prime256v1");
});

test("momentum 65: ssl_lock_method is accepted as deprecated", () => {
  assertNote(compile('ssl_lock_method = "spinlock"'), "no-effect", 1, /Deprecated/);
});
