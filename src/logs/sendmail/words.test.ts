import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateName } from "./certificate-name.ts";
import { octal } from "./octal.ts";
import { interval, relayName, shortened } from "./words.ts";

for (const [ms, want] of [
  [0, "00:00:00"],
  [1999, "00:00:01"],
  [3_661_000, "01:01:01"],
  [93_784_000, "1+02:03:04"],
  [432_000_000, "5+00:00:00"],
  [-5, "00:00:00"],
] as const) {
  test(`Sendmail's delay of ${ms} ms is ${want}`, () => assert.equal(interval(ms), want));
}

test("Sendmail keeps both ends of a long text", () => {
  assert.equal(shortened("x".repeat(39), 40), "x".repeat(39));
  assert.equal(shortened(`${"a".repeat(30)}${"b".repeat(30)}`, 40), `${"a".repeat(18)}...${"b".repeat(18)}`);
});

test("Sendmail's relay= of hosts, addresses and domains", () => {
  const host = { mx: "mx.example.net", address: "192.0.2.7" };
  assert.equal(relayName(host, "example.net"), "mx.example.net. [192.0.2.7]");
  assert.equal(relayName({ ...host, mx: null }, "[192.0.2.7]"), "[192.0.2.7] [192.0.2.7]");
  assert.equal(relayName({ mx: null, address: null }, "[mail.example.net]:587"), "mail.example.net.");
  assert.equal(relayName({ mx: null, address: null }, "[192.0.2.7]:587"), "[192.0.2.7]");
  assert.equal(relayName({ mx: null, address: null }, null), "");
});

for (const [recorded, want] of [
  ["", ""],
  ["CN=mx.example.net", "/CN=mx.example.net"],
  ["C=CH, O=Clinic Mail, CN=Root (test)", "/C=CH/O=Clinic+20Mail/CN=Root+20+28test+29"],
  ["O=Mail\\, Inc., CN=Mail\\+Co \\<x\\>", "/O=Mail,+20Inc./CN=Mail+5C+2BCo+20+3Cx+3E"],
  ["CN=Z\\u{fc}rich/Mail", "/CN=Z+5CxC3+5CxBCrich+5C/Mail"],
  ["CN=a\\0Ab", "/CN=a+5Cx0Ab"],
] as const) {
  test(`Sendmail's form of the certificate name ${recorded}`, () => assert.equal(certificateName(recorded), want));
}

test("AT-28: Sendmail writes what is not printable in octal", () => {
  assert.equal(octal("a\tb\r\n\x1b[2J \x7f caf\u00e9"), "a\\tb\\r\\n\\033[2J \\177 caf\\303\\251");
  assert.equal(octal("a\\x09b \\x1b caf\\xe9 \\u{1f600}"), "a\\tb \\033 caf\\303\\251 \\360\\237\\230\\200");
  assert.equal(octal("plain \\ \\u{ffffff} text"), "plain \\ \\u{ffffff} text");
});
