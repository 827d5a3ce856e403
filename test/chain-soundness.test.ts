/**
 * Chains that one look calls good and another does not: where OpenSSL checked one path and the certificates that came
 * along show another, a client gets no trust out of the difference (TL-17, AT-35).
 */
import assert from "node:assert/strict";
import { seenOfClient } from "./client-facts-lab.ts";
import "reflect-metadata";
import { type TestContext, test } from "node:test";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { underAnchors } from "../src/tls/client-trust.ts";
import { type TrustAnchors, trustBundle } from "../src/tls/handshake-settings.ts";
import type { HandshakeFacts } from "../src/tls/peer-facts.ts";

const timeout = 20_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";
const emailProtection = "1.3.6.1.5.5.7.3.4";

type Keys = Awaited<ReturnType<typeof makeKeys>>;
type Made = Readonly<{ certificate: X509Certificate; keys: Keys; name: string }>;
type Wish = Readonly<{
  name: string;
  /** Itself, where left out. */
  by?: Made;
  /** New ones, where left out. */
  keys?: Keys;
  extensions?: readonly Extension[];
  notAfter?: number;
}>;

function makeKeys() {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function make({ name, by, keys: given, extensions = [], notAfter }: Wish): Promise<Made> {
  const keys = given ?? (await makeKeys());
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${by?.name ?? name}`,
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(notAfter ?? Date.now() + 86_400_000),
    extensions: [
      ...extensions,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create((by?.keys ?? keys).publicKey),
    ],
  });
  return { certificate, keys, name };
}

function makeCa({ extensions = [], pathLength, ...wish }: Wish & { pathLength?: number }): Promise<Made> {
  const marks = [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
  ];
  return make({ ...wish, extensions: [...marks, ...extensions] });
}

function makeLeaf(by: Made, ...purposes: string[]): Promise<Made> {
  const names = new SubjectAlternativeNameExtension([{ type: "dns", value: "relay.clinic.example" }]);
  return make({ name: "relay", by, extensions: [names, new ExtendedKeyUsageExtension(purposes)] });
}

/** Permits names below `permitted.example` alone. */
function nameConstraints(): Extension {
  const base = Buffer.from("permitted.example");
  const permitted = tlv(0xa0, tlv(0x30, tlv(0x82, base)));
  return new Extension("2.5.29.30", false, Uint8Array.from(tlv(0x30, permitted)));
}

function tlv(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

function pem({ certificate }: Made): string {
  return `${certificate.toString("pem")}\n`;
}

function anchors(...made: Made[]): TrustAnchors {
  return trustBundle(made.map(pem), []);
}

/** What a server that trusts all of `sets` sees of a client that shows these, its own first. */
async function seen(t: TestContext, sets: readonly TrustAnchors[], shown: readonly Made[]): Promise<HandshakeFacts> {
  const [leaf] = shown;
  assert.ok(leaf);
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", leaf.keys.privateKey)).toString("base64");
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return await seenOfClient(t, sets, shown.map(pem).join(""), key);
}

async function isTrusted(
  t: TestContext,
  shown: readonly Made[],
  under: TrustAnchors,
  others: readonly TrustAnchors[] = [],
): Promise<boolean> {
  const facts = await seen(t, [under, ...others], shown);
  return underAnchors(facts, under).chain.kind === "trusted";
}

test("TL-17 a CA for mail signatures vouches for no server", { timeout }, async (t) => {
  const root = await makeCa({ name: "Root" });
  const ofServers = await makeCa({
    name: "Servers",
    by: root,
    extensions: [new ExtendedKeyUsageExtension([serverAuth])],
  });
  const ofMail = await makeCa({
    name: "Mail",
    by: root,
    extensions: [new ExtendedKeyUsageExtension([emailProtection])],
  });
  assert.equal(await isTrusted(t, [await makeLeaf(ofServers, serverAuth), ofServers], anchors(root)), true);
  assert.equal(await isTrusted(t, [await makeLeaf(ofMail, serverAuth), ofMail], anchors(root)), false);
});

test("TL-17 a CA that may name some hosts names no others by a copy of itself without the bounds", {
  timeout,
}, async (t) => {
  const root = await makeCa({ name: "Root" });
  const bound = await makeCa({ name: "Bound", by: root, extensions: [nameConstraints()] });
  const copy = await makeCa({ name: "Bound", keys: bound.keys, notAfter: Date.now() + 9e9 });
  const leaf = await makeLeaf(bound, serverAuth);
  for (const shown of [
    [leaf, bound],
    [leaf, bound, copy],
    [leaf, copy, bound],
  ]) {
    assert.equal(await isTrusted(t, shown, anchors(root)), false);
  }
});

test("TL-17 a CA that stands deeper than it may vouches for nobody", { timeout }, async (t) => {
  const root = await makeCa({ name: "Root", extensions: [new ExtendedKeyUsageExtension([serverAuth])] });
  const last = await makeCa({ name: "Last", by: root, pathLength: 0 });
  const deeper = await makeCa({ name: "Deeper", by: last });
  assert.equal(await isTrusted(t, [await makeLeaf(last, serverAuth), last], anchors(root)), true);
  assert.equal(await isTrusted(t, [await makeLeaf(deeper, serverAuth), deeper, last], anchors(root)), false);
});

test("TL-17 an extension that must be understood and is not makes a server's certificate worth nothing", {
  timeout,
}, async (t) => {
  const root = await makeCa({ name: "Root" });
  const leafWith = (critical: boolean) =>
    make({
      name: "relay",
      by: root,
      extensions: [
        new Extension("1.3.6.1.4.1.11129.2.4.3", critical, Uint8Array.of(5, 0)),
        new ExtendedKeyUsageExtension([serverAuth]),
      ],
    });
  assert.equal(await isTrusted(t, [await leafWith(false)], anchors(root)), true);
  assert.equal(await isTrusted(t, [await leafWith(true)], anchors(root)), false);
});

const bridges: readonly [name: string, wish: Partial<Wish>][] = [
  ["may name other hosts only", { extensions: [nameConstraints()] }],
  ["has expired", { notAfter: Date.now() - 3_600_000 }],
  ["is for mail signatures", { extensions: [new ExtendedKeyUsageExtension([emailProtection])] }],
];
for (const [name, wish] of bridges) {
  test(`AT-35 a partner's CA is not ours by a cross-certificate that ${name}`, { timeout }, async (t) => {
    const ours = await makeCa({ name: "Ours" });
    const theirs = await makeCa({ name: "Theirs" });
    const cross = await makeCa({ name: "Theirs", by: ours, keys: theirs.keys, ...wish });
    const shown = [await makeLeaf(theirs, clientAuth), cross];
    assert.equal(await isTrusted(t, shown, anchors(theirs), [anchors(ours)]), false, "its end is not the one it shows");
    assert.equal(await isTrusted(t, shown, anchors(ours), [anchors(theirs)]), false);
  });
}

test("AT-35 one set of CAs: what OpenSSL trusts is trusted, whatever comes along", { timeout }, async (t) => {
  const [ours, older] = [await makeCa({ name: "Ours" }), await makeCa({ name: "Older" })];
  const cross = await makeCa({ name: "Ours", by: older, keys: ours.keys });
  const bound = await makeCa({ name: "Bound", by: ours, extensions: [nameConstraints()] });
  const named = new SubjectAlternativeNameExtension([{ type: "dns", value: "a.permitted.example" }]);
  const leaf = await make({ name: "relay", by: bound, extensions: [named] });
  assert.equal(await isTrusted(t, [await makeLeaf(ours, clientAuth), cross], anchors(ours)), true);
  assert.equal(await isTrusted(t, [await makeLeaf(ours, clientAuth), cross, older], anchors(ours)), true);
  assert.equal(await isTrusted(t, [leaf, bound], anchors(ours)), true);
  assert.equal(await isTrusted(t, [await makeLeaf(bound, clientAuth), bound], anchors(ours)), false);
});
