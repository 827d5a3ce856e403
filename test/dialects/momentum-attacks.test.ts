/**
 * Momentum configurations that were made or damaged to get mail out in clear, to the wrong peer, or to stop the program.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp } from "../../src/mail/ip.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import type { InboundRule } from "../../src/policy/rules.ts";
import { assertNote, compile, errors, ruleFor } from "./momentum/lab.ts";

function refuses(compiled: Compiled, to?: string, binding?: string): boolean {
  const { refuse } = ruleFor(compiled, to, binding);
  return refuse !== undefined && refuse.value !== false;
}

const broken: readonly (readonly [name: string, text: string, files?: Readonly<Record<string, string>>])[] = [
  ["an octet of value 0 in a keyword", 'tls = "required\0"'],
  ["UTF-16", [...'tls = "required"\n'].join("\0")],
  ["a semicolon", "tls = required;"],
  ["single quotes", "tls = 'required'"],
  ["a truth value for a keyword", "tls = yes"],
  ["a list for a keyword", "tls = ( required )"],
  ["typographic quotes", "tls = \u201crequired\u201d"],
  ["a name in Latin-1 with an option", 'domain "b\ufffdcher.example" { tls = required }'],
  ["ten thousand scopes in each other", "x {\n".repeat(10_000)],
  ["a hundred thousand bindings in each other", 'binding "b" {\n'.repeat(100_000)],
  ["a chain of includes without end", 'include "f0"', Object.fromEntries(chain(2000))],
  ["a POSIX class named like a method", 'domain "/^[[:constructor:]]$/" { tls = required }'],
  ["references to groups that repeat", 'domain "/^(a+)+\\1+$/" { tls = required }'],
  ["a scope misspelt, with a gateway in it", 'domainn "p.example" { gateway = "smart.example" }'],
  ["a scope misspelt, without anything known in it", 'biding "b" { max_retries = 3 }'],
  ["a scope of no known name around a binding", 'customers "x" { binding "b" { } }'],
  ["an option of the prototype", "__proto__ = required"],
  ["a comment that ends in a carriage return alone", '# written on another system\rtls = "required"\r'],
];

function* chain(length: number): Generator<[string, string]> {
  for (let at = 0; at < length; at += 1) yield [`f${at}`, `include "f${at + 1}"`];
}

for (const [name, text, files] of broken) {
  test(`momentum attack: ${name}: an error, and no mail leaves`, () => {
    const compiled = compile(text, files);
    assert.notDeepEqual(errors(compiled), []);
    assert.ok(refuses(compiled));
  });
}

test("momentum attack: bindings and domains named like members of every object are what they say", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const stanzas = names.map((name) => `binding "${name}" { tls = required } domain "${name}" { tls_verify = no }`);
  const compiled = compile(stanzas.join("\n"));
  assert.deepEqual(errors(compiled), []);
  for (const name of names) assert.equal(ruleFor(compiled, "p.example", name).level.value, "encrypt");
  assert.equal(ruleFor(compiled, "constructor", "other").level.value, "none");
});

test("momentum attack: a pattern that takes endless time elsewhere, and a name of 255 octets made for it", () => {
  const compiled = compile(
    'domain "/^(a+)+$/" { tls = required }\ndomain "/^([a-z0-9]+[.-]?)*example[.]com$/" { tls = required }',
  );
  assert.deepEqual(errors(compiled), []);
  const label = "a".repeat(63);
  const before = process.cpuUsage();
  assert.equal(ruleFor(compiled, `${label}.${label}.${label}.${"a".repeat(57)}.b`).level.value, "none");
  assert.equal(ruleFor(compiled, "aaaa").level.value, "encrypt");
  assert.equal(ruleFor(compiled, "mail.example.com").level.value, "encrypt");
  assert.ok(process.cpuUsage(before).user < 1_000_000);
});

test("momentum attack: ciphers that hold none, or are misspelt as a whole, make mail wait", () => {
  for (const list of ["HIHG", "RC4-SHA", "!ALL", "aNULL", "eNULL:NULL"]) {
    assert.ok(refuses(compile(`tls = ifavailable tls_ciphers = "${list}"`)), list);
  }
});

const places = ["", "a { ", 'binding "b" { ', 'binding_group "g" { binding "b" { '];
for (const place of places) {
  test(`momentum attack: cut in ${place === "" ? "nothing" : place}: an error`, () => {
    assert.notDeepEqual(errors(compile(`tls = required ${place} tls = `)), []);
  });
}

const held: readonly string[] = [
  "blackhole = true",
  "suspend_delivery = yes",
  'reroute_domain = "elsewhere.example"',
  "delivery_method = LMTP",
];
for (const option of held) {
  test(`momentum attack: ${option}: mail that Momentum does not send by SMTP does not leave`, () => {
    const compiled = compile(`tls = ifavailable domain "p.example" { ${option} } binding "b" { tls = no }`);
    assert.deepEqual(errors(compiled), []);
    for (const binding of ["default", "b"]) assert.ok(refuses(compiled, "p.example", binding));
    assert.ok(!refuses(compiled, "q.example"));
  });
}

test("momentum attack: what takes the mail away is taken back in a narrower scope", () => {
  const compiled = compile('blackhole = true domain "p.example" { blackhole = false delivery_method = "SMTP" }');
  assert.ok(!refuses(compiled));
  assert.ok(refuses(compiled, "q.example"));
});

const onlyOld: readonly (readonly [text: string, min: string, max: string])[] = [
  ['tls = ifavailable tls_protocols = "+TLSv1.0:+TLSv1.1"', "TLSv1.2", "TLSv1.3"],
  ['tls = required tls_protocols = "+TLSv1.0:+TLSv1.1"', "TLSv1.3", "TLSv1.2"],
  ['tls = ifavailable tls_protocols = "+SSLv3"', "TLSv1.3", "TLSv1.2"],
  ['tls_engine = gnutls tls = ifavailable tls_ciphers = "NORMAL:-VERS-ALL:+VERS-TLS1.1"', "TLSv1.2", "TLSv1.3"],
  ['tls_engine = gnutls tls = ifavailable tls_ciphers = "NONE"', "TLSv1.3", "TLSv1.2"],
];
for (const [text, min, max] of onlyOld) {
  test(`momentum attack: ${text}: no clear text where Momentum would encrypt with an old version`, () => {
    assert.deepEqual(ruleFor(compile(text)).protocols?.value, { min, max });
  });
}

function inbound(text: string): InboundRule {
  const compiled = compile(text);
  assert.deepEqual(errors(compiled), []);
  const [client, localAddress] = ["10.1.2.3", "192.0.2.1"].map(parseIp);
  assert.ok(client !== undefined && localAddress !== undefined);
  const question = {
    listener: "smtp",
    localAddress,
    localPort: 25,
    client,
    clientName: undefined,
    user: undefined,
    now: 0,
  };
  return compiled.source.inbound?.(question) ?? assert.fail();
}

test("momentum attack: one socket and one block, spelt in two ways, are one", () => {
  const head = 'tls_certificate = "s.pem" esmtp_listener { smtp_extensions = ( STARTTLS )';
  assert.equal(
    inbound(`${head} listen ":25" {} listen "*:25" { smtp_extensions = ( PIPELINING ) } }`).starttls?.value,
    "never",
  );
  assert.equal(
    inbound(`${head} peer "10.0.0.0/8" {} peer "10.9.9.9/8" { smtp_extensions = ( PIPELINING ) } }`).starttls?.value,
    "never",
  );
  assert.equal(inbound(`${head} listen "192.0.2.1:25" {} }`).starttls?.value, "offer");
});

test("momentum attack: a file of local changes that cannot be read is an error, one not there yet is told", () => {
  const compiled = compile('local_changes_file = "changes.conf"\ntls = required');
  assertNote(compiled, "warning", 1, /there is no file changes\.conf/);
  assert.equal(ruleFor(compiled).level.value, "encrypt");
});

test("momentum: no nexthop is named, since options are looked up by routing domain", () => {
  assert.deepEqual(compile('domain "p.example" { gateway = "smart.example" }').named.nexthops, []);
});
