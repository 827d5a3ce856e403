/** OpenSSL's names of cipher suites, held against the OpenSSL of this machine. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { algorithmBits, opensslCipherName } from "./openssl-cipher.ts";

const rows: readonly [iana: string, openssl: string, bits: number][] = [
  ["TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", 256],
  ["TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", 256],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", 256],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", 128],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", 256],
  ["TLS_DHE_RSA_WITH_AES_128_CCM_8", "DHE-RSA-AES128-CCM8", 128],
  ["TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", "ECDHE-ARIA128-GCM-SHA256", 128],
  ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", 128],
  ["TLS_DH_anon_WITH_AES_256_GCM_SHA384", "ADH-AES256-GCM-SHA384", 256],
  ["TLS_DHE_PSK_WITH_AES_128_CBC_SHA256", "DHE-PSK-AES128-CBC-SHA256", 128],
  ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", 168],
  ["TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA", 168],
  ["TLS_PSK_WITH_3DES_EDE_CBC_SHA", "PSK-3DES-EDE-CBC-SHA", 168],
  ["TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA", 128],
  ["TLS_RSA_WITH_SEED_CBC_SHA", "SEED-SHA", 128],
  ["TLS_RSA_WITH_IDEA_CBC_SHA", "IDEA-CBC-SHA", 128],
  ["something else", "something else", 0],
];

for (const [iana, openssl, bits] of rows) {
  test(`OpenSSL calls ${iana} ${openssl}, of ${bits} bits`, () => {
    assert.equal(opensslCipherName(iana), openssl);
    assert.equal(algorithmBits(iana), bits);
  });
}

test("every suite of this machine's OpenSSL has the name that it gives", (t) => {
  const printed = spawnSync("openssl", ["ciphers", "-stdname", "ALL:COMPLEMENTOFALL"], { encoding: "utf8" });
  if (printed.error !== undefined) return t.skip("openssl is not here");
  const pairs = printed.stdout.split("\n").flatMap((line) => {
    const [, iana, openssl] = /^(\S+)\s+- (\S+)/.exec(line) ?? [];
    return iana === undefined || openssl === undefined ? [] : [[iana, openssl] as const];
  });
  assert.ok(pairs.length > 50, printed.stdout);
  assert.deepEqual(
    pairs.map(([iana]) => [iana, opensslCipherName(iana)]),
    pairs,
  );
  const bits = printed.stdout.split("\n").map((line) => [/^\S+/.exec(line)?.[0], /Enc=[^(]*\((\d+)\)/.exec(line)?.[1]]);
  for (const [iana, of] of bits)
    if (iana && of && !/CCM/.test(iana)) assert.equal(algorithmBits(iana), Number(of), iana);
});
