/**
 * Chains with one fault each, seen through a whole handshake: none of them is trusted, none stops the handshake's facts
 * from being complete (AT-14, TL-11).
 */
import "reflect-metadata";
import assert from "node:assert/strict";
import type { webcrypto } from "node:crypto";
import { type TestContext, test } from "node:test";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import type { HandshakeFacts } from "../../src/tls/peer-facts.ts";
import { handshake, openTo } from "../client/peer.ts";

const timeout = 20_000;
const day = 86_400_000;
const name = "mx.example.net";

type Made = Readonly<{ certificate: X509Certificate; keys: webcrypto.CryptoKeyPair }>;
type Plan = Readonly<{
  cn: string;
  by?: Made;
  ca?: boolean;
  usage?: number;
  hash?: "SHA-1" | "SHA-256";
  ended?: boolean;
  pathLength?: number;
  extra?: readonly Extension[];
  purpose?: string;
}>;

/** A certificate by `by`, or by itself. */
async function make({
  cn,
  by,
  ca = false,
  usage,
  hash = "SHA-256",
  ended = false,
  pathLength,
  extra = [],
  purpose,
}: Plan): Promise<Made> {
  const keys = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const flags = usage ?? (ca ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature);
  const leaf = [
    new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
    new ExtendedKeyUsageExtension([purpose ?? "1.3.6.1.5.5.7.3.1"]),
  ];
  const now = Date.now();
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${cn}`,
    issuer: by?.certificate.subject ?? `CN=${cn}`,
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: { name: "ECDSA", hash },
    notBefore: new Date(now - 2 * day),
    notAfter: new Date(ended ? now - day : now + day),
    extensions: [
      new BasicConstraintsExtension(ca, pathLength, true),
      new KeyUsagesExtension(flags, true),
      ...(ca ? [] : leaf),
      ...extra,
    ],
  });
  return { certificate, keys };
}

/** `permitted;DNS:` of this name alone. RFC 5280 §4.2.1.10 */
function onlyBelow(dns: string): Extension {
  const text = Buffer.from(dns, "latin1");
  const value = Buffer.from([
    0x30,
    text.length + 6,
    0xa0,
    text.length + 4,
    0x30,
    text.length + 2,
    0x82,
    text.length,
    ...text,
  ]);
  return new Extension("2.5.29.30", true, value);
}

const root = await make({ cn: "root", ca: true });

async function seenAs(context: TestContext, leaf: Made, between: readonly Made[] = []): Promise<HandshakeFacts> {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", leaf.keys.privateKey);
  const chainPem = [leaf, ...between].map(({ certificate }) => `${certificate.toString("pem")}\n`).join("");
  const certificate = { chainPem, privateKeyPem: PemConverter.encode(pkcs8, "PRIVATE KEY") };
  const host = await startPartnerHost({ tls: { mode: "starttls", certificate, ciphers: "DEFAULT:@SECLEVEL=0" } });
  context.after(() => host[Symbol.asyncDispose]());
  const anchors = { kind: "bundle", id: "root", pem: [root.certificate.toString("pem")], files: [] } as const;
  const opened = await openTo(host, { handshake: { ...handshake, anchors } });
  if (opened.kind === "open") opened.connection.quit();
  assert.ok("facts" in opened && opened.facts.tls.kind === "done", JSON.stringify(opened));
  return opened.facts.tls.handshake;
}

const middle = (change: Partial<Plan> = {}): Promise<Made> => make({ cn: "middle", by: root, ca: true, ...change });

const rows: readonly [
  name: string,
  chain: () => Promise<readonly [leaf: Made, ...between: Made[]]>,
  trusted: boolean,
][] = [
  ["the plain case", async () => [await make({ cn: name, by: root })], true],
  [
    "an intermediate",
    async () => {
      const by = await middle();
      return [await make({ cn: name, by }), by];
    },
    true,
  ],
  ["signed with SHA-1", async () => [await make({ cn: name, by: root, hash: "SHA-1" })], false],
  [
    "an intermediate signed with SHA-1",
    async () => {
      const by = await middle({ hash: "SHA-1" });
      return [await make({ cn: name, by }), by];
    },
    false,
  ],
  [
    "an expired intermediate",
    async () => {
      const by = await middle({ ended: true });
      return [await make({ cn: name, by }), by];
    },
    false,
  ],
  [
    "an intermediate that may not sign",
    async () => {
      const by = await middle({ usage: KeyUsageFlags.digitalSignature });
      return [await make({ cn: name, by }), by];
    },
    false,
  ],
  [
    "a leaf as CA",
    async () => {
      const by = await middle({ ca: false });
      return [await make({ cn: name, by }), by];
    },
    false,
  ],
  [
    "one CA deeper than allowed",
    async () => {
      const first = await middle({ pathLength: 0 });
      const second = await make({ cn: "second", by: first, ca: true });
      return [await make({ cn: name, by: second }), second, first];
    },
    false,
  ],
  [
    "a constrained CA within its names",
    async () => {
      const by = await middle({ extra: [onlyBelow("example.net")] });
      return [await make({ cn: name, by }), by];
    },
    true,
  ],
  [
    "a constrained CA outside its names",
    async () => {
      const by = await middle({ extra: [onlyBelow("example.org")] });
      return [await make({ cn: name, by }), by];
    },
    false,
  ],
  [
    "another key than the issuer's",
    async () => {
      const by = await middle();
      const other = await middle();
      return [await make({ cn: name, by }), other];
    },
    false,
  ],
  [
    "a purpose that is not a server's",
    async () => [await make({ cn: name, by: root, purpose: "1.3.6.1.5.5.7.3.4" })],
    false,
  ],
  [
    "an unknown critical extension",
    async () => [await make({ cn: name, by: root, extra: [new Extension("1.2.3.4", true, new Uint8Array([5, 0]))] })],
    false,
  ],
];

for (const [title, chain, trusted] of rows) {
  test(`AT-14: ${title}: ${trusted ? "trusted" : "not trusted"}`, { timeout }, async (context) => {
    const [leaf, ...between] = await chain();
    const facts = await seenAs(context, leaf, between);
    assert.equal(facts.chain.kind, trusted ? "trusted" : "untrusted", JSON.stringify(facts.chain));
    assert.deepEqual(facts.certificate?.dnsNames, [name]);
    assert.equal(facts.intermediates.length, between.length);
  });
}
