/**
 * Where a client's chain ends, when rules have CAs of their own and one handshake serves them all: a client of one CA is
 * never taken for another's, whatever certificates it sends along.
 */
import assert from "node:assert/strict";
import { seenOfClient as seen } from "./client-facts-lab.ts";
import "reflect-metadata";
import { test } from "node:test";
import {
  BasicConstraintsExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type Authority, makeAuthority } from "../src/lab/certificates.ts";
import { underAnchors } from "../src/tls/client-trust.ts";
import { type TrustAnchors, trustBundle } from "../src/tls/handshake-settings.ts";
import type { HandshakeFacts } from "../src/tls/peer-facts.ts";

const timeout = 20_000;

function anchorsOf({ certificatePem }: Authority): TrustAnchors {
  return trustBundle([certificatePem], []);
}

function trustedBy(facts: HandshakeFacts, authority: Authority): boolean {
  return underAnchors(facts, anchorsOf(authority)).chain.kind === "trusted";
}

test("AT-35 a client of one CA is trusted under that CA alone, its root sent or not", { timeout }, async (t) => {
  const [one, other] = [await makeAuthority("One"), await makeAuthority("Other")];
  const below = await one.intermediate("Below one");
  for (const issuer of [one, below]) {
    const leaf = await issuer.issue({ dnsNames: ["client.example"] });
    for (const chain of [leaf.chainPem, leaf.chainPem + one.certificatePem]) {
      const facts = await seen(t, [anchorsOf(one), anchorsOf(other)], chain, leaf.privateKeyPem);
      assert.deepEqual([trustedBy(facts, one), trustedBy(facts, other)], [true, false]);
    }
  }
});

test("AT-35 certificates sent along do not lead a chain to another CA", { timeout }, async (t) => {
  const [weak, strong] = [await makeAuthority("Weak"), await makeAuthority("Strong")];
  const leaf = await weak.issue({ dnsNames: ["client.example"] });
  const chain = leaf.certificatePem + (await forgedLink(weak, strong)) + strong.certificatePem;
  const facts = await seen(t, [anchorsOf(weak), anchorsOf(strong)], chain, leaf.privateKeyPem);
  assert.equal(facts.chain.kind, "trusted");
  assert.equal(trustedBy(facts, strong), false);
});

/** It has the names and key identifiers of a CA `below`, signed by `above`; and nothing else of it. */
async function forgedLink(below: Authority, above: Authority): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const copied = new X509Certificate(below.certificatePem);
  const identifier = copied.getExtension(SubjectKeyIdentifierExtension);
  assert.ok(identifier);
  const forged = await X509CertificateGenerator.create({
    subject: copied.subject,
    issuer: new X509Certificate(above.certificatePem).subject,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, undefined, true), identifier],
  });
  return `${forged.toString("pem")}\n`;
}
