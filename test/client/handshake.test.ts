/**
 * The facts of a handshake: complete and right, whatever certificate and whatever settings the peer comes with.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type TestContext, test } from "node:test";
import { type IssuedCertificate, makeAuthority, makeSelfSigned } from "../../src/lab/certificates.ts";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import type { PartnerOptions, PartnerTls } from "../../src/lab/partner-script.ts";
import { checkCredential } from "../../src/tls/credential.ts";
import type { HandshakeSettings } from "../../src/tls/handshake-settings.ts";
import type { HandshakeFacts, PeerFacts } from "../../src/tls/peer-facts.ts";
import { authority, certificate, handshake, openTo } from "./peer.ts";

type Offered = Exclude<PartnerTls, { mode: "none" }>;

async function factsOf(
  context: TestContext,
  tls: Partial<Offered>,
  settings: Partial<HandshakeSettings> = {},
): Promise<PeerFacts> {
  const options: PartnerOptions = { tls: { mode: "starttls", certificate, ...tls } };
  const host = await startPartnerHost(options);
  context.after(() => host[Symbol.asyncDispose]());
  const opened = await openTo(host, { handshake: { ...handshake, ...settings } });
  if (opened.kind === "open") opened.connection.quit();
  assert.ok(opened.kind === "open" || opened.kind === "tls-broken");
  return opened.facts;
}

async function doneWith(...given: Parameters<typeof factsOf>): Promise<HandshakeFacts> {
  const { tls } = await factsOf(...given);
  assert.ok(tls.kind === "done", JSON.stringify(tls));
  return tls.handshake;
}

const now = Date.now();
const day = 86_400_000;

const chains: readonly [name: string, make: () => Promise<IssuedCertificate>, want: string][] = [
  ["trusted", () => authority.issue({ dnsNames: ["mx.example.net"] }), "trusted"],
  [
    "trusted through an intermediate",
    async () => (await authority.intermediate("mid")).issue({ dnsNames: ["a.test"] }),
    "trusted",
  ],
  ["self-signed", () => makeSelfSigned({ dnsNames: ["mx.example.net"] }), "DEPTH_ZERO_SELF_SIGNED_CERT"],
  [
    "unknown CA",
    async () => (await makeAuthority("stranger")).issue({ dnsNames: ["a.test"] }),
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
  ["expired", () => authority.issue({ notBefore: now - 2 * day, notAfter: now - day }), "CERT_HAS_EXPIRED"],
  ["not valid yet", () => authority.issue({ notBefore: now + day, notAfter: now + 2 * day }), "CERT_NOT_YET_VALID"],
];

for (const [name, make, want] of chains) {
  test(`handshake: chain: ${name}`, async (context) => {
    const issued = await make();
    const { chain, certificate: seen } = await doneWith(context, { certificate: issued });
    assert.equal(chain.kind === "trusted" ? "trusted" : chain.code, want);
    assert.equal(seen?.sha256, new X509Certificate(issued.der).fingerprint256.replaceAll(":", "").toLowerCase());
  });
}

test("handshake: without the intermediate the chain does not lead home; with it, it is told as sent", async (context) => {
  const intermediate = await authority.intermediate("mid");
  const leaf = await intermediate.issue({ dnsNames: ["mx.example.net"] });
  const whole = await doneWith(context, { certificate: leaf });
  assert.deepEqual(
    whole.intermediates.map((der) => Buffer.from(der)),
    [Buffer.from(intermediate.der)],
  );
  const bare = await doneWith(context, { certificate: { ...leaf, chainPem: leaf.certificatePem } });
  assert.equal(bare.chain.kind, "untrusted");
  assert.deepEqual(bare.intermediates, []);
});

test("handshake: an empty bundle trusts nobody, and system anchors do not know the lab", async (context) => {
  for (const anchors of [{ kind: "bundle", id: "none", pem: [], files: [] }, { kind: "system" }] as const) {
    assert.equal((await doneWith(context, {}, { anchors })).chain.kind, "untrusted");
  }
});

const versions: readonly [name: string, tls: Partial<Offered>, settings: Partial<HandshakeSettings>, want: string][] = [
  ["TL-2 TL-12 TL-13 both as they come", {}, {}, "TLSv1.3 TLS_AES_256_GCM_SHA384 256 X25519MLKEM768"],
  ["TLS 1.2 only", { maxVersion: "TLSv1.2" }, {}, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 256 X25519"],
  ["we allow 1.2 only", {}, { maxVersion: "TLSv1.2" }, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 128 X25519"],
  ["P-256 only", { groups: "P-256" }, {}, "TLSv1.3 TLS_AES_256_GCM_SHA384 256 prime256v1"],
  ["128 bits", {}, { ciphers: "TLS_AES_128_GCM_SHA256" }, "TLSv1.3 TLS_AES_128_GCM_SHA256 128 X25519MLKEM768"],
  [
    "CHACHA20",
    {},
    { ciphers: "TLS_CHACHA20_POLY1305_SHA256" },
    "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 256 X25519MLKEM768",
  ],
];

for (const [name, tls, settings, want] of versions) {
  test(`handshake: TL-19 ${name}`, async (context) => {
    const { protocol, cipher, bits, group, resumed } = await doneWith(context, tls, settings);
    const seen = [protocol, cipher, bits, group].join(" ");
    if (name.includes("1.2"))
      assert.match(seen, /^TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_(?:128|256)_GCM_SHA(?:256|384) (?:128|256) X25519$/);
    else assert.equal(seen, want);
    assert.equal(resumed, false);
  });
}

const broken: readonly [name: string, tls: Partial<Offered>, settings: Partial<HandshakeSettings>][] = [
  ["TL-1 TLS 1.0 only", { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" }, {}],
  ["1.3 is required, 1.2 offered", { maxVersion: "TLSv1.2" }, { minVersion: "TLSv1.3" }],
  ["TL-3 TL-4 only CBC offered", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }, {}],
  ["no group in common", { groups: "P-384" }, { groups: "X25519" }],
];

for (const [name, tls, settings] of broken) {
  test(`handshake: OUT-5 ${name}`, async (context) => {
    const facts = await factsOf(context, tls, settings);
    assert.ok(facts.tls.kind === "failed");
    assert.match(facts.tls.code, /^ERR_SSL_|^ECONNRESET$/);
    assert.notEqual(facts.tls.text, "");
  });
}

test("handshake: TL-15 AT-12 no session is offered again, in TLS 1.2 and 1.3", async (context) => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const host = await startPartnerHost({ tls: { mode: "starttls", certificate, maxVersion: version } });
    context.after(() => host[Symbol.asyncDispose]());
    for (let time = 0; time < 3; time++) {
      const opened = await openTo(host);
      assert.ok(opened.kind === "open" && opened.facts.tls.kind === "done");
      assert.equal(opened.facts.tls.handshake.resumed, false);
      assert.equal(opened.facts.tls.handshake.certificate?.dnsNames[0], "mx.example.net");
      assert.equal(await opened.connection.prepare(), undefined);
      opened.connection.quit();
    }
  }
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`handshake: TL-17 whether a client certificate was asked for, and what was sent: ${version}`, async (context) => {
    const own = await authority.issue({ dnsNames: ["relay.example.com"] });
    const checked = checkCredential("own", own.chainPem, own.privateKeyPem);
    assert.ok(checked.kind === "ok");
    const clientCertificate = { wanted: "requested", anchors: [authority.certificatePem] } as const;
    const tls = { minVersion: version, maxVersion: version };
    assert.equal((await doneWith(context, tls)).clientCertificate, "not-asked");
    assert.equal((await doneWith(context, { ...tls, clientCertificate })).clientCertificate, "asked");
    const host = await startPartnerHost({
      tls: { mode: "starttls", certificate, ...tls, clientCertificate: { ...clientCertificate, wanted: "required" } },
    });
    context.after(() => host[Symbol.asyncDispose]());
    const opened = await openTo(host, { handshake: { ...handshake, credential: checked.credential } });
    assert.ok(opened.kind === "open" && opened.facts.tls.kind === "done");
    assert.equal(opened.facts.tls.handshake.clientCertificate, "sent");
    assert.equal(await opened.connection.prepare(), undefined);
    opened.connection.quit();
    await host.settled();
    const sent = Buffer.from(host.connections[0]?.clientCertificate ?? "").toString("hex");
    assert.equal(sent, Buffer.from(own.der).toString("hex"));
  });
}

test("handshake: TL-11 an RSA key of 1024 bits is seen, and never trusted", async (context) => {
  const weak = { certificate: await authority.issue({ keyKind: "rsa-1024" }), ciphers: "DEFAULT:@SECLEVEL=0" };
  const { chain, certificate: seen } = await doneWith(context, weak);
  assert.equal(chain.kind, "untrusted");
  assert.deepEqual([seen?.keyType, seen?.keyBits], ["rsa", 1024]);
});

const keys = [
  ["ec-p256", "ec", 256],
  ["ec-p384", "ec", 384],
  ["ed25519", "ed25519", 256],
  ["rsa-2048", "rsa", 2048],
] as const;

for (const [keyKind, keyType, keyBits] of keys) {
  test(`handshake: AT-14 the leaf's key: ${keyKind}`, async (context) => {
    const { certificate: seen } = await doneWith(context, { certificate: await authority.issue({ keyKind }) });
    assert.deepEqual([seen?.keyType, seen?.keyBits], [keyType, keyBits]);
  });
}

test("handshake: the certificate's facts", async (context) => {
  const issued = await authority.issue({
    commonName: "Mail, host",
    dnsNames: ["mx.example.net", "*.example.org"],
    ipAddresses: ["192.0.2.1", "2001:db8::1"],
    notBefore: Date.UTC(2026, 0, 1),
    notAfter: Date.UTC(2046, 0, 1),
  });
  const { certificate: seen } = await doneWith(context, { certificate: issued });
  assert.ok(seen !== undefined);
  const spki = new X509Certificate(issued.der).publicKey.export({ type: "spki", format: "der" });
  assert.deepEqual(Buffer.from(seen.spkiDer), spki);
  assert.deepEqual(
    [seen.commonName, seen.dnsNames, seen.ipAddresses, seen.issuer, seen.notBefore, seen.notAfter],
    [
      "Mail, host",
      ["mx.example.net", "*.example.org"],
      ["192.0.2.1", "2001:db8::1"],
      "CN=Letterlock lab root",
      Date.UTC(2026, 0, 1),
      Date.UTC(2046, 0, 1),
    ],
  );
});

test("handshake: AT-14 two thousand names: the handshake stands, and its facts are complete", async (context) => {
  const dnsNames = Array.from({ length: 2000 }, (_, at) => `n${at}.example.net`);
  const { certificate: seen } = await doneWith(context, { certificate: await authority.issue({ dnsNames }) });
  assert.equal(seen?.dnsNames.length, 2000);
});

test("handshake: TL-13 the ClientHello fits into one segment; TL-8 it carries the SNI", async () => {
  await using host = await startPartnerHost({ tls: { mode: "starttls", certificate, handshake: { kind: "drop" } } });
  await openTo(host);
  await host.settled();
  const clear = host.connections[0]?.clear ?? Buffer.alloc(0);
  const hello = clear.subarray(clear.indexOf("STARTTLS\r\n") + 10);
  assert.equal(hello[0], 22);
  assert.ok(hello.length < 600, `${hello.length} octets`);
  assert.ok(hello.includes("mx.example.net"));
});
