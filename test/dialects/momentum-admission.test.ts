/**
 * What an ecelerity.conf opens, for which domains it takes mail, and what is told of whom it lets in.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDomainPattern } from "../../src/mail/domain-pattern.ts";
import { assertNote, compile, errors, inboundFor, notes } from "./momentum/lab.ts";

function opened(text: string): string[] {
  const compiled = compile(`tls_certificate = "s.pem" ${text}`);
  assert.deepEqual(errors(compiled), []);
  return (compiled.settings.listeners ?? []).map(
    ({ name, address, port, implicitTls }) => `${name} = ${address} ${port}${implicitTls ? " tls" : ""}`,
  );
}

const listeners: readonly [title: string, text: string, want: readonly string[]][] = [
  ["none", "", []],
  ["every IPv4 address", 'ESMTP_Listener { Listen ":25" {} }', ["*:25 = 0.0.0.0 25"]],
  ["the same spelt twice", 'ESMTP_Listener { Listen "*:25" {} Listen "0.0.0.0:25" {} }', ["*:25 = 0.0.0.0 25"]],
  ["every IPv6 address", 'ESMTP_Listener { Listen "[*]:25" {} Listen "[::]:25" {} }', ["[*]:25 = :: 25"]],
  [
    "one address, and TLS from the first octet",
    'ESMTP_Listener { Listen "192.0.2.1:465" { use_ssl = true } Listen "[2001:db8::1]:587" {} }',
    ["192.0.2.1:465 = 192.0.2.1 465 tls", "[2001:db8::1]:587 = 2001:db8::1 587"],
  ],
  [
    "an address that every other serves already",
    'ESMTP_Listener { Listen "*:25" {} Listen "127.0.0.1:25" {} }',
    ["*:25 = 0.0.0.0 25"],
  ],
  [
    "one that is switched off",
    'ESMTP_Listener { Listen ":25" {} Listen ":26" { enable = false } }',
    ["*:25 = 0.0.0.0 25"],
  ],
  ["all switched off", 'ESMTP_Listener { enable = "false" Listen ":25" {} }', []],
  ["other protocols", 'HTTP_Listener { Listen ":8080" {} }', []],
  ["use_ssl of the listener", 'ESMTP_Listener { use_ssl = on Listen ":465" {} }', ["*:465 = 0.0.0.0 465 tls"]],
];
for (const [title, text, want] of listeners) {
  test(`momentum listeners: ${title}`, () => assert.deepEqual(opened(text), want));
}

test("momentum listeners: a socket in the file system is not opened, and that is told", () => {
  const text = 'ESMTP_Listener { Listen "/tmp/smtp" {} }';
  assert.deepEqual(opened(text), []);
  assertNote(compile(text), "differs", 1, /\/tmp\/smtp: sockets in the file system are not opened/);
});

test("momentum listeners: use_ssl for some clients of a listener that begins in clear: these are refused", () => {
  const compiled = compile(`tls_certificate = "s.pem"
  ESMTP_Listener { Listen ":25" { Peer "10.0.0.0/8" { use_ssl = true } } }`);
  assert.match(inboundFor(compiled, "10.0.0.1")?.refuse?.value ?? "", /^use_ssl is asked for from these clients alone/);
  assert.equal(inboundFor(compiled, "192.0.2.1")?.refuse, undefined);
  assertNote(compiled, "warning", 2, /clients are told to come back later: use_ssl/);
});

test("momentum listeners: use_ssl = false for some clients of a listener that begins with TLS: it does for them too", () => {
  const compiled = compile(`tls_certificate = "s.pem"
  ESMTP_Listener { Listen ":465" { use_ssl = true Peer "10.0.0.0/8" { use_ssl = false } } }`);
  assert.equal(inboundFor(compiled, "10.0.0.1", 465)?.implicitTls?.value, true);
  assertNote(compiled, "differs", 2, /TLS begins with the connection for them too/);
});

test("momentum: relay_domains: *.x is below x, *x is x and below it, and no badx", () => {
  const compiled = compile("relay_domains = ( a.example *.b.example *c.example )");
  const found = (compiled.settings.relayDomains ?? []).map(formatDomainPattern);
  assert.deepEqual(found, ["a.example", ".b.example", "c.example", ".c.example"]);
  assertNote(compiled, "differs", 1, /\*c\.example is c\.example and all below it here/);
});

test("momentum: of a configuration with errors no domain is taken", () => {
  assert.equal(compile("relay_domains = ( a.example ) tlss = on").settings.relayDomains, undefined);
});

test("momentum: relay_for_sending_domains: a sender is no permission; without any it lets the clients of its scope relay", () => {
  const compiled = compile(`ESMTP_Listener { Listen ":25" {
    Peer "10.0.0.0/8" { relay_for_sending_domains = ( "*.a.example" ) }
    Peer "10.1.0.0/16" { relay_for_sending_domains = () } } }`);
  assert.equal(inboundFor(compiled, "10.0.0.1")?.relay, undefined);
  assert.equal(inboundFor(compiled, "10.1.0.1")?.relay?.value, true);
  assertNote(compiled, "differs", 2, /A sender's domain is no permission/);
});

test("momentum: always_deny is taken back by a narrower peer, as in the manual's example", () => {
  const compiled = compile(
    'ESMTP_Listener { Listen ":25" { Always_Deny = true Peer "127.0.0.1" { Always_Deny = false } } }',
  );
  assert.deepEqual(
    ["127.0.0.1", "192.0.2.1"].map((client) => inboundFor(compiled, client)?.barred?.value),
    [undefined, true],
  );
});

test("momentum: smtp_extensions: the mechanisms in it, each once; what else it trusts clients with is not to be had", () => {
  const compiled = compile(`ESMTP_Listener { Listen ":25" {
    SMTP_Extensions = ( "AUTH LOGIN" "auth cram-md5 LOGIN DIGEST-MD5" XREMOTEIP XCLIENT ) } }`);
  const rule = inboundFor(compiled, "192.0.2.1");
  assert.deepEqual([rule?.auth?.value, rule?.mechanisms?.value], ["always", ["LOGIN", "CRAM-MD5"]]);
  assertNote(compiled, "differs", 2, /not to be had here: DIGEST-MD5, XREMOTEIP, XCLIENT/);
  assertNote(compiled, "warning", 2, /AUTH LOGIN CRAM-MD5 is offered before TLS: passwords cross the network/);
  assertNote(compiled, "applied", 1, /listen :25 in esmtp_listener: clear text alone; AUTH LOGIN CRAM-MD5 is offered/);
});

test("momentum: AUTH where TLS comes first is no warning; no AUTH where none is listed", () => {
  const compiled = compile(`tls_certificate = "s.pem"
  ESMTP_Listener { Listen ":465" { use_ssl = true SMTP_Extensions = ( "AUTH PLAIN" ) } Listen ":25" {} }`);
  assert.deepEqual(
    notes(compiled, "warning").filter(({ text }) => text.includes("AUTH")),
    [],
  );
  assert.equal(inboundFor(compiled, "192.0.2.1")?.auth?.value, "never");
  assertNote(compiled, "applied", 2, /listen :465 in esmtp_listener: TLS from the first octet; AUTH PLAIN/);
});

const told: readonly [title: string, text: string, kind: "warning" | "differs", want: RegExp][] = [
  [
    "open_relay of a listener",
    'ESMTP_Listener { open_relay = true Listen ":25" {} }',
    "warning",
    /open_relay: every client of esmtp_listener/,
  ],
  [
    "open_relay of everybody as a peer",
    'ESMTP_Listener { Peer "0.0.0.0/0" { open_relay = true } }',
    "warning",
    /open_relay: every client of peer/,
  ],
  ["relay_hosts with everybody in it", "relay_hosts = ( 0.0.0.0/0 )", "warning", /relay_hosts: every client/],
  ["relay_hosts with a name in it", "relay_hosts = ( host.example )", "differs", /not taken: host\.example/],
  ["relay_domains = *", 'relay_domains = ( "*" )', "warning", /relay_domains: every client/],
  [
    "relay_domains of a pathway",
    'pathway "p" { relay_domains = ( a.example ) }',
    "differs",
    /of a pathway is not taken/,
  ],
  [
    "files of passwords",
    'ESMTP_Listener { Listen ":25" { AuthLoginParameters = [ uri = "file:///x" ] } }',
    "differs",
    /users file of letterlock\.yaml/,
  ],
  [
    "tls_verified_peer_is_authorized",
    'tls_certificate = "s.pem" ESMTP_Listener { Listen ":25" { tls_verified_peer_is_authorized = true } }',
    "differs",
    /tls_verified_peer_is_authorized lets verified clients relay/,
  ],
];
for (const [title, text, kind, want] of told) {
  test(`momentum check: ${title}`, () => assertNote(compile(text), kind, 1, want));
}

test("momentum check: a certificate that does not carry our name, told once and where TLS is offered alone", () => {
  const listener = (more: string): string =>
    `hostname = "mx.example" ESMTP_Listener { tls_certificate = "s.pem" ${more} }`;
  const offering = compile(listener('smtp_extensions = ( STARTTLS ) Listen ":25" {} Listen ":26" {}'));
  assertNote(offering, "warning", 1, /tls_certificate: the certificate does not carry our name mx\.example/);
  assert.deepEqual(
    notes(compile(listener('Listen ":25" {}')), "warning").filter(({ text }) => /our name/.test(text)),
    [],
  );
});

test("momentum check: open_relay in a peer of one's own is no warning", () => {
  const compiled = compile('ESMTP_Listener { Peer "10.0.0.0/24" { open_relay = true } Listen ":25" {} }');
  assert.deepEqual(
    notes(compiled, "warning").filter(({ text }) => text.includes("open_relay")),
    [],
  );
});
