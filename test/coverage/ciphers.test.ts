/**
 * What no setting turns on, on either side: ciphers that hide or prove nothing, weak keys and signatures (TL-3, TL-11).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import { allowedCiphers, checkCipherString } from "../../src/tls/cipher-settings.ts";
import { handshake, openTo } from "../client/peer.ts";
import { openReceiver, profile } from "../receiver-lab.ts";

const timeout = 20_000;

const refused = [
  "eNULL",
  "aNULL",
  "RC4",
  "DES-CBC3-SHA",
  "AES128-SHA",
  "kRSA+AES",
  "PSK",
  "NULL-SHA256:AES256-GCM-SHA384",
  "HIGH:@SECLEVEL=0",
  "ECDHE+AESGCM:@seclevel=1",
];
for (const ciphers of refused) {
  test(`TL-3, TL-11: refused when it is read: ${ciphers}`, () =>
    assert.notEqual(checkCipherString(ciphers), undefined));
}
for (const ciphers of ["HIGH:MEDIUM", "ALL:@SECLEVEL=2", "ECDHE-RSA-AES128-SHA", "TLS_AES_128_GCM_SHA256", "DEFAULT"]) {
  test(`TL-3: taken, without what it may not hold: ${ciphers}`, () =>
    assert.equal(checkCipherString(ciphers), undefined));
}

const everything = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
const authority = await makeAuthority();
const elliptic = await authority.issue({ dnsNames: ["mx.example.net"] });
const rsa = await authority.issue({ dnsNames: ["mx.example.net"], keyKind: "rsa-2048" });

const weak = [
  ["ECDHE-ECDSA-NULL-SHA", elliptic],
  ["NULL-SHA256", rsa],
  ["AES128-GCM-SHA256", rsa],
  ["AECDH-AES128-SHA", elliptic],
] as const;

for (const [cipher, certificate] of weak) {
  test(`TL-3: ${cipher} is not taken from a host, whatever the rule lists`, { timeout }, async () => {
    const tls = { mode: "starttls", certificate, maxVersion: "TLSv1.2", ciphers: `${cipher}:@SECLEVEL=0` } as const;
    await using host = await startPartnerHost({ tls });
    const opened = await openTo(host, { handshake: { ...handshake, ciphers: everything } });
    assert.ok(opened.kind === "tls-broken", opened.kind);
    assert.equal(opened.facts.tls.kind, "failed");
  });

  test(`TL-3: ${cipher} is not given to a client, whatever the listener lists`, { timeout }, async () => {
    const { chainPem, privateKeyPem } = certificate;
    const credential = { name: "weak", id: "weak", certificateChain: chainPem, privateKey: privateKeyPem };
    const all = { ...profile, default: { credentials: [credential], names: [] } as const, ciphers: everything };
    await using lab = await openReceiver({ implicitTls: true, led: { profile: all } });
    const options = { host: "127.0.0.1", port: lab.receiver.port, rejectUnauthorized: false };
    const socket = connect({ ...options, maxVersion: "TLSv1.2", ciphers: `${cipher}:@SECLEVEL=0` });
    await assert.rejects(once(socket, "secureConnect"));
  });
}

test("TL-3: a list of TLS 1.3 suites alone stays as it is", () => {
  assert.equal(allowedCiphers("TLS_AES_128_GCM_SHA256"), "TLS_AES_128_GCM_SHA256");
});
