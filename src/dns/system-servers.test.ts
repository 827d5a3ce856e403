import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResolvConf, systemServers } from "./system-servers.ts";

const rows: readonly [text: string, want: string[]][] = [
  ["nameserver 127.0.0.1\nnameserver 192.0.2.53\n", ["127.0.0.1 insecure", "192.0.2.53 insecure"]],
  ["nameserver 127.0.0.1\nnameserver 192.0.2.53\noptions edns0 trust-ad", ["127.0.0.1 trusted", "192.0.2.53 insecure"]],
  ["options trust-ad\r\n\tnameserver ::1 \r\n", ["::1 trusted"]],
  ["# nameserver 192.0.2.1\nsearch example.com\nnameservers 192.0.2.2\n", []],
  ["nameserver fe80::1%eth0\nnameserver dns.example.com\nnameserver\n", []],
  ["", []],
];
for (const [text, want] of rows) {
  test(`parseResolvConf: RS-1 ${JSON.stringify(text)}`, () => {
    const servers = parseResolvConf(text);
    assert.deepEqual(
      servers.map(({ address, trusted }) => `${address} ${trusted ? "trusted" : "insecure"}`),
      want,
    );
    assert.ok(servers.every(({ port }) => port === 53));
  });
}

test("systemServers: no file, no servers", async () => {
  assert.deepEqual(await systemServers("/nonexistent/resolv.conf"), []);
});
