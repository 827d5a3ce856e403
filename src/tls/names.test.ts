import assert from "node:assert/strict";
import { test } from "node:test";
import { domain } from "../mail/domain.ts";
import { parseIp } from "../mail/ip.ts";
import { certificateMatches } from "./names.ts";

function matchesName(entry: string, name: string): boolean {
  return certificateMatches({ dnsNames: [entry], ipAddresses: [] }, { kind: "name", name: domain(name) }) === entry;
}

const nameRows: readonly [check: string, entry: string, name: string, want: boolean][] = [
  ["NC-1 the name itself", "mx.example.com", "mx.example.com", true],
  ["NC-1 another name", "mx.example.com", "mx.example.org", false],
  ["NC-2 letter case", "MX.Example.COM", "mx.example.com", true],
  ["NC-2 a trailing dot in the certificate", "mx.example.com.", "mx.example.com", true],
  ["NC-2 a trailing dot in the reference", "mx.example.com", "mx.example.com.", true],
  ["NC-2 a U-label as reference", "xn--mnchen-3ya.example", "münchen.example", true],
  ["NC-3 one label under a wildcard", "*.example.com", "mx.example.com", true],
  ["NC-3 no label under a wildcard", "*.example.com", "example.com", false],
  ["NC-3 two labels under a wildcard", "*.example.com", "a.b.example.com", false],
  ["NC-3 m*.", "m*.example.com", "mx.example.com", false],
  ["NC-3 *x.", "*x.example.com", "mx.example.com", false],
  ["NC-3 a.*.b", "mx.*.com", "mx.example.com", false],
  ["NC-3 * alone", "*", "localhost", false],
  ["NC-3 *.", "*.", "localhost", false],
  ["NC-3 two wildcards", "*.*.example.com", "a.b.example.com", false],
  ["NC-3 a wildcard does not match itself as a suffix", "*.example.com", "xexample.com", false],
  ["NC-4 a wildcard for an A-label", "*.example.com", "xn--mnchen-3ya.example.com", true],
  ["NC-4 *.com", "*.com", "example.com", true],
  ["NC-6 NUL behind the name", "mx.example.com\0.evil.test", "mx.example.com", false],
  ["NC-6 NUL at the end", "mx.example.com\0", "mx.example.com", false],
  ["NC-6 a blank", "mx.example.com ", "mx.example.com", false],
  ["NC-6 a raw U-label", "m\u00fcnchen.example", "münchen.example", false],
  ["NC-6 two names in one entry", "evil.test, DNS:mx.example.com", "mx.example.com", false],
  ["NC-6 a line break", "mx.example.com\n", "mx.example.com", false],
  ["two trailing dots", "mx.example.com..", "mx.example.com", false],
  ["an empty entry", "", "example.com", false],
];

for (const [check, entry, name, want] of nameRows) {
  test(`names: ${check}`, () => assert.equal(matchesName(entry, name), want));
}

const belowRows: readonly [check: string, entry: string, want: boolean][] = [
  ["MAT-3 one label below", "mx.example.com", true],
  ["MAT-3 two labels below", "a.b.example.com", true],
  ["MAT-3 never the name itself", "example.com", false],
  ["MAT-3 a wildcard below", "*.example.com", true],
  ["MAT-3 a wildcard further below", "*.mx.example.com", true],
  ["MAT-3 a wildcard above", "*.com", false],
  ["MAT-3 another name with the same end", "myexample.com", false],
  ["MAT-3 a partial wildcard", "m*.example.com", false],
  ["MAT-3 NUL", "evil\0.example.com", false],
];

for (const [check, entry, want] of belowRows) {
  test(`names: ${check}`, () => {
    const certificate = { dnsNames: [entry], ipAddresses: [] };
    assert.equal(
      certificateMatches(certificate, { kind: "below", name: domain("example.com") }),
      want ? entry : undefined,
    );
  });
}

test("names: NC-5 an address matches address entries only", () => {
  const certificate = { dnsNames: ["192.0.2.2"], ipAddresses: ["192.0.2.1", "2001:db8::1"] };
  for (const [text, want] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0::1", "2001:db8::1"],
    ["192.0.2.2", undefined],
  ] as const) {
    const ip = parseIp(text);
    assert.ok(ip !== undefined);
    assert.equal(certificateMatches(certificate, { kind: "ip", ip }), want);
  }
});

test("names: NC-7 the entry that matched is told, among many", () => {
  const dnsNames = [...Array.from({ length: 10_000 }, (_, at) => `n${at}.example.org`), "*.example.com"];
  const reference = { kind: "name", name: domain("mx.example.com") } as const;
  assert.equal(certificateMatches({ dnsNames, ipAddresses: [] }, reference), "*.example.com");
});
