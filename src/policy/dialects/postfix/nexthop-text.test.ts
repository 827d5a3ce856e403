import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseNexthop, parsePort, splitNexthops } from "./nexthop-text.ts";

const context = { service: "smtp", port: 25, implicitTls: false };

const rows: readonly [written: string, want: string][] = [
  ["good.test", "mx good.test 25"],
  ["good.test:25", "mx good.test 25"],
  ["good.test:submission", "mx good.test 587"],
  ["[mx.good.test]", "host mx.good.test 25"],
  ["[mx.good.test]:465", "host mx.good.test 465"],
  ["[127.0.0.1]:10025", "ip 127.0.0.1 10025"],
  ["[2001:db8::1]:26", "ip 2001:db8::1 26"],
  ["[IPv6:2001:DB8::1]", "ip 2001:db8::1 25"],
  ["192.0.2.1", "ip 192.0.2.1 25"],
  ["GOOD.test", "mx good.test 25"],
  ["[good.test", "bad no host name"],
  ["good.test:nowhere", "bad unknown service: nowhere"],
  ["good.test:0", "bad unknown service: 0"],
  ["", "bad no host name"],
];

for (const [written, want] of rows) {
  test(`postfix next-hop ${JSON.stringify(written)} (TR-3, TR-7)`, () => {
    const read = parseNexthop(written, context);
    if (read.kind === "bad") assert.equal(`bad ${read.why}`, want);
    else {
      const { nexthop } = read;
      const said = nexthop.kind === "mx" ? `mx ${nexthop.domain}` : `${nexthop.isIp ? "ip" : "host"} ${nexthop.host}`;
      assert.equal(`${said} ${nexthop.port}`, want);
      assert.deepEqual([nexthop.written, nexthop.service], [written, "smtp"]);
    }
  });
}

test("postfix next-hop: TLS from the first octet, for a host and for all hosts of a domain", () => {
  for (const written of ["good.test:465", "[good.test]:465"]) {
    const read = parseNexthop(written, { ...context, implicitTls: true });
    assert.equal(read.kind === "nexthop" && read.nexthop.implicitTls, true);
  }
});

test("postfix next-hop: several, by comma or blank (TR-6)", () => {
  assert.deepEqual(splitNexthops("[a]:2525, [b] c,"), ["[a]:2525", "[b]", "c"]);
});

test("postfix next-hop: ports by number and name; no text throws", () => {
  assert.deepEqual(["25", "SMTPS", "65536", "-1", "x"].map(parsePort), [25, 465, undefined, undefined, undefined]);
  fc.assert(fc.property(fc.string(), (text) => void parseNexthop(text, context)));
});
