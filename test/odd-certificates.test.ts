/**
 * Certificates that no CA makes and anybody may send: some that OpenSSL reads and we cannot, and very large ones.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { makeSelfSigned } from "../src/lab/certificates.ts";
import { certificateFacts } from "../src/tls/certificate-facts.ts";
import { readDer, readDerSequence } from "../src/tls/der.ts";
import { digestOf } from "../src/tls/digest.ts";

/** Its length in five octets where one or two would do, which OpenSSL reads. */
function atLength(tag: number, content: Uint8Array): Buffer {
  const header = Buffer.from([tag, 0x85, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(content.length, 3);
  return Buffer.concat([header, content]);
}

function partsOf(der: Uint8Array): Uint8Array[] {
  return (readDerSequence(readDer(der, 0)?.content ?? der) ?? []).map(({ whole }) => whole);
}

function rewritten(certificate: X509Certificate): Buffer {
  const [signed, ...rest] = partsOf(certificate.raw);
  assert.ok(signed !== undefined && rest.length === 2);
  const inner = atLength(0x30, Buffer.concat(partsOf(signed)));
  const body = Buffer.concat([inner, ...rest]);
  return Buffer.concat([Buffer.from([0x30, 0x82, body.length >> 8, body.length & 255]), body]);
}

test("AT-35 a certificate that OpenSSL reads and DER forbids has no names and no key, and stops nobody", async () => {
  const own = await makeSelfSigned({ dnsNames: ["client.example"] });
  const before = certificateFacts(new X509Certificate(own.certificatePem).raw);
  assert.deepEqual(before.dnsNames, ["client.example"]);
  const der = rewritten(new X509Certificate(own.certificatePem));
  const facts = certificateFacts(new X509Certificate(der).raw);
  assert.deepEqual([facts.dnsNames, facts.ipAddresses, facts.commonName], [[], [], undefined]);
  assert.equal(facts.sha256, digestOf(facts.der, "sha256"));
  assert.notEqual(facts.spkiSha256, before.spkiSha256);
  assert.notEqual(facts.spkiSha256, digestOf(Buffer.alloc(0), "sha256"));
});

test("AT-22 certificates as large as a handshake takes them are not kept by the thousand", {
  timeout: 20_000,
}, async () => {
  const small = (await makeSelfSigned({ dnsNames: ["small.example"] })).der;
  const first = certificateFacts(small);
  assert.equal(certificateFacts(small), first, "kept");
  const large = await makeSelfSigned({ dnsNames: Array.from({ length: 1_400 }, () => "n".repeat(60)) });
  assert.ok(large.der.length > 85_000);
  for (let count = 0; count < 50; count++) {
    const other = Uint8Array.from(large.der);
    other[other.length - 1] = count; // in the signature
    certificateFacts(other);
  }
  assert.notEqual(certificateFacts(small), first, "forgotten for others");
});
