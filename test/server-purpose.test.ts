/**
 * Chains of servers that come as clients: which are sound but for their purpose.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type Authority, makeAuthority } from "../src/lab/certificates.ts";
import { digestOf } from "../src/tls/digest.ts";
import { serverChainAnchor } from "../src/tls/server-purpose.ts";

const now = Date.now();
const root = await makeAuthority("Root");
const issuing = await root.intermediate("Issuing CA");
const impostor = await (await makeAuthority("Root")).intermediate("Issuing CA");

const der = ({ der: octets }: Authority): Uint8Array => octets;
const leaf = async (options: Parameters<Authority["issue"]>[0] = {}, by = issuing): Promise<Uint8Array> =>
  (await by.issue({ dnsNames: ["mx.example"], purposes: ["server"], ...options })).der;

test("TL-17: a sound chain of a server ends at its CA", async () => {
  const chain = [await leaf(), der(issuing), der(root)];
  assert.equal(serverChainAnchor(chain, now), digestOf(Buffer.from(der(root)), "sha256"));
});

test("the CA is whatever stands at the end: whether it counts is not decided here", async () => {
  assert.equal(serverChainAnchor([await leaf(), der(issuing)], now), digestOf(Buffer.from(der(issuing)), "sha256"));
});

const broken: readonly [name: string, chain: () => Promise<readonly Uint8Array[]>][] = [
  ["nothing", async () => []],
  ["a leaf alone", async () => [await leaf()]],
  ["a leaf for mail signatures", async () => [await leaf({ purposes: ["email"] }), der(issuing), der(root)]],
  ["a leaf that expired", async () => [await leaf({ notBefore: 0, notAfter: now - 1 }), der(issuing), der(root)]],
  [
    "a leaf from the future",
    async () => [await leaf({ notBefore: now + 1e9, notAfter: now + 2e9 }), der(issuing), der(root)],
  ],
  ["an issuer of the same name with another key", async () => [await leaf(), der(impostor), der(root)]],
  ["a root of the same name with another key", async () => [await leaf({}, impostor), der(impostor), der(root)]],
  ["a leaf as issuer", async () => [await leaf(), await leaf(), der(root)]],
];
for (const [name, chain] of broken) {
  test(`TL-17: no sound chain: ${name}`, async () => {
    assert.equal(serverChainAnchor(await chain(), now), undefined);
  });
}

test("the samples are what they say", async () => {
  assert.deepEqual(new X509Certificate(await leaf()).keyUsage, ["1.3.6.1.5.5.7.3.1"]);
});
