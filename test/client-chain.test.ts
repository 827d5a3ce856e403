/**
 * Where a client's chain ends, when rules have CAs of their own and one handshake serves them all: a client of one CA is
 * never taken for another's, whatever certificates it sends along.
 */
import assert from "node:assert/strict";
import "reflect-metadata";
import { once } from "node:events";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import {
  BasicConstraintsExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type Authority, makeAuthority, makeSelfSigned } from "../src/lab/certificates.ts";
import { systemClock } from "../src/mail/clock.ts";
import { clientHandshakeFacts } from "../src/tls/client-facts.ts";
import { joinAnchors, underAnchors } from "../src/tls/client-trust.ts";
import { type TrustAnchors, trustBundle } from "../src/tls/handshake-settings.ts";
import type { HandshakeFacts } from "../src/tls/peer-facts.ts";
import { acceptTls, ServerContexts } from "../src/tls/server-context.ts";

const timeout = 20_000;

function anchorsOf({ certificatePem }: Authority): TrustAnchors {
  return trustBundle([certificatePem], []);
}

/** What a server that trusts all of `sets` sees of a client that shows this. */
async function seen(t: TestContext, sets: readonly TrustAnchors[], cert: string, key: string): Promise<HandshakeFacts> {
  const own = await makeSelfSigned({ dnsNames: ["relay.example"] });
  const credential = { name: "own", id: "own", certificateChain: own.chainPem, privateKey: own.privateKeyPem };
  const clientAnchors = joinAnchors(sets);
  const handshake = new ServerContexts("test", systemClock).handshakeFor({
    default: { credentials: [credential], names: [] },
    others: [],
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: undefined,
    groups: undefined,
    clientAnchors,
  });
  const server = net.createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const client = connect({
    port: (server.address() as net.AddressInfo).port,
    host: "127.0.0.1",
    cert,
    key,
    rejectUnauthorized: false,
  });
  t.after(() => client.destroy());
  client.on("error", () => undefined);
  const [socket] = (await once(server, "connection")) as [net.Socket];
  const secured = acceptTls(socket, handshake);
  t.after(() => secured.destroy());
  await once(secured, "secure");
  return clientHandshakeFacts(secured, clientAnchors, 0);
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
