import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { domain } from "../mail/domain.ts";
import { formatReply } from "../mail/reply.ts";
import { sampleClientCa, sampleClientCertificate, sampleClientHandshake } from "../tls/client-sample.ts";
import { digestOf } from "../tls/digest.ts";
import { trustBundle } from "../tls/handshake-settings.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";
import { type InboundPeer, judgeDemand, mayRelayByCertificate } from "./judge-inbound.ts";
import type { InboundDemand, Pin, RelayByCertificate } from "./rules.ts";

const from = { source: "test", file: "rules", line: 1, column: 1, scope: "all" };
const now = 1_000_000;
const ours = trustBundle([sampleClientCa], ["ours.pem"]);
const theirs = trustBundle([sampleClientCa.replace("MDAw", "MTEx")], ["theirs.pem"]);

function demand(change: Partial<InboundDemand>): InboundDemand {
  return {
    from,
    text: "require-tls",
    level: "encrypted",
    mode: "enforce",
    answer: { code: 550, status: "5.7.1" },
    ...change,
  };
}

function peer(change: Partial<HandshakeFacts> | "clear" = {}, anchors: InboundPeer["anchors"] = ours): InboundPeer {
  return { handshake: change === "clear" ? undefined : { ...sampleClientHandshake, ...change }, anchors };
}

function pin(of: Pin["of"], digest: string): Pin {
  return { of, algorithm: "sha256", digest };
}

const certificatePin = pin("certificate", digestOf(sampleClientCertificate.der, "sha256"));
const keyPin = pin("spki", digestOf(sampleClientCertificate.spkiDer, "sha256"));
const untrusted = { kind: "untrusted", code: "CERT_HAS_EXPIRED", text: "certificate has expired" } as const;
const anonymous = { certificate: undefined, chain: untrusted, clientCertificate: "asked" } as const;
const matching = (change: Partial<InboundDemand>) => demand({ level: "matching", ...change });
const name = (text: string) => ({ names: [{ kind: "name", name: domain(text) } as const] });

const rows: readonly [name: string, demand: InboundDemand, peer: InboundPeer, missing: string | undefined][] = [
  ["nothing asked, clear", demand({ level: "none" }), peer("clear"), undefined],
  ["ST-14 encrypted, clear", demand({}), peer("clear"), "TLS is required for this mail: issue STARTTLS first"],
  ["encrypted, TLS", demand({}), peer(anonymous), undefined],
  ["bits enough", demand({ minCipherBits: 256 }), peer(), undefined],
  [
    "bits too few",
    demand({ minCipherBits: 256 }),
    peer({ bits: 128, cipher: "TLS_AES_128_GCM_SHA256" }),
    "this mail needs a cipher of at least 256 bits: TLS_AES_128_GCM_SHA256 has 128",
  ],
  ["bits of a demand for nothing", demand({ level: "none", minCipherBits: 256 }), peer("clear"), undefined],
  ["trusted", demand({ level: "trusted" }), peer(), undefined],
  [
    "trusted, clear",
    demand({ level: "trusted" }),
    peer("clear"),
    "TLS is required for this mail: issue STARTTLS first",
  ],
  [
    "trusted, no certificate",
    demand({ level: "trusted" }),
    peer(anonymous),
    "this mail needs a client certificate, and none was shown",
  ],
  [
    "trusted, nobody asked for one",
    demand({ level: "trusted" }),
    peer({ ...anonymous, clientCertificate: "not-asked" }),
    "this mail needs a client certificate, and this connection was not asked for one: write to the postmaster here",
  ],
  [
    "trusted, expired",
    demand({ level: "trusted" }),
    peer({ chain: untrusted }),
    "the client certificate is not trusted here: certificate has expired",
  ],
  [
    "trusted by CAs that the rule does not name",
    demand({ level: "trusted" }),
    peer({}, theirs),
    "the client certificate is not trusted here: unable to get local issuer certificate",
  ],
  ["trusted by CAs of the demand's own", demand({ level: "trusted", anchors: ours }), peer({}, undefined), undefined],
  [
    "trusted by other CAs than the demand's own",
    demand({ level: "trusted", anchors: theirs }),
    peer(),
    "the client certificate is not trusted here: unable to get local issuer certificate",
  ],
  ["a name", matching(name("mail.example.net")), peer(), undefined],
  ["a name below", matching({ names: [{ kind: "below", name: domain("example.net") }] }), peer(), undefined],
  ["a name by a wildcard in the certificate", matching(name("mx.example.net")), withNames("*.example.net"), undefined],
  [
    "another name",
    matching(name("mail.example.org")),
    peer(),
    "the client certificate is not among those that may send this mail",
  ],
  [
    "NC-1 the common name alone is no name",
    matching(name("mail.example.net")),
    withNames(),
    "the client certificate is not among those that may send this mail",
  ],
  [
    "the name of a certificate that anybody could have made",
    matching(name("mail.example.net")),
    peer({ chain: untrusted }),
    "the client certificate is not trusted here, nor is it one of those that need no CA to send this mail",
  ],
  [
    "names of outbound routing fit nobody",
    matching({ names: [{ kind: "hostname" }, { kind: "nexthop" }, { kind: "dot-nexthop" }] }),
    peer(),
    "the client certificate is not among those that may send this mail",
  ],
  ["an issuer", matching({ issuers: ["cn=example ca,O=Example,C=CH"] }), peer(), undefined],
  [
    "an issuer that anybody could have written",
    matching({ issuers: ["CN=Example CA,O=Example,C=CH"] }),
    peer({ chain: untrusted }),
    "the client certificate is not trusted here, nor is it one of those that need no CA to send this mail",
  ],
  [
    "postfix INB-16 a pinned certificate needs no CA",
    matching({ pins: [certificatePin] }),
    peer({ chain: untrusted }),
    undefined,
  ],
  ["a pinned key needs no CA", matching({ pins: [keyPin] }), peer({ chain: untrusted }, undefined), undefined],
  [
    "a key where a certificate is pinned",
    matching({ pins: [pin("certificate", keyPin.digest)] }),
    peer(),
    "the client certificate is not among those that may send this mail",
  ],
  ["any one of several", matching({ ...name("x.example"), pins: [keyPin] }), peer({ chain: untrusted }), undefined],
  ["matching nothing", matching({}), peer(), "the client certificate is not among those that may send this mail"],
];

function withNames(...dnsNames: string[]): InboundPeer {
  return peer({ certificate: { ...sampleClientCertificate, dnsNames } });
}

for (const [title, asked, shown, missing] of rows) {
  test(`judgeDemand: ${title}`, () => {
    const verdict = judgeDemand(asked, shown, now);
    if (missing === undefined) return assert.deepEqual(verdict, { kind: "met" });
    assert.ok(verdict.kind === "unmet");
    assert.equal(verdict.missing, missing);
    assert.equal(formatReply(verdict.reply), `550 5.7.1 ${missing}`);
    const watched = judgeDemand({ ...asked, mode: "monitor" }, shown, now);
    assert.deepEqual(watched, { kind: "would-fail", missing });
  });
}

test("judgeDemand: the rule's own words and code", () => {
  const verdict = judgeDemand(
    demand({ answer: { code: 450, status: "4.7.1", text: "come inside" } }),
    peer("clear"),
    now,
  );
  assert.equal(verdict.kind === "unmet" ? formatReply(verdict.reply) : verdict.kind, "450 4.7.1 come inside");
});

test("judgeDemand: an exception that has ended asks for nothing, one that has not is what it says", () => {
  const until = (expiresAt: number) => demand({ exception: { expiresAt, owner: "ops", reason: undefined } });
  assert.equal(judgeDemand(until(now), peer("clear"), now).kind, "void");
  assert.equal(judgeDemand(until(now + 1), peer("clear"), now).kind, "unmet");
});

const issuer = "/C=CH/O=Example/CN=Example+20CA";
const sendmail = (answer: "relay" | "subject", subjects: string[] = []): RelayByCertificate => {
  return { kind: "names", issuers: new Map([[issuer.toLowerCase(), answer]]), subjects: new Set(subjects) };
};
const real = certificateNamed("CN=mail.example.net", ["C=CH", "O=Example", "CN=Example CA"]);
const relayRows: readonly [name: string, wish: RelayByCertificate, shown: Partial<HandshakeFacts>, may: boolean][] = [
  ["postfix INB-17 any trusted certificate", { kind: "trusted" }, {}, true],
  ["postfix INB-17 not an untrusted one", { kind: "trusted" }, { chain: untrusted }, false],
  ["postfix INB-16 a listed key without a CA", { kind: "match", pins: [keyPin] }, { chain: untrusted }, true],
  [
    "postfix INB-16 a listed certificate without a CA",
    { kind: "match", pins: [certificatePin] },
    { chain: untrusted },
    true,
  ],
  [
    "postfix PT-93 a trusted one that is not listed",
    { kind: "match", pins: [pin("either", "00".repeat(32))] },
    {},
    false,
  ],
  ["none shown", { kind: "trusted" }, { certificate: undefined }, false],
  ["sendmail 78 an issuer that may relay", sendmail("relay"), { certificate: real }, true],
  ["sendmail 78 the same, not verified", sendmail("relay"), { certificate: real, chain: untrusted }, false],
  [
    "sendmail 79 an issuer whose subjects are asked, and none is there",
    sendmail("subject"),
    { certificate: real },
    false,
  ],
  ["an issuer and a subject", sendmail("subject", ["/cn=mail.example.net"]), { certificate: real }, true],
  [
    "a subject alone",
    { kind: "names", issuers: new Map(), subjects: new Set(["/cn=mail.example.net"]) },
    { certificate: real },
    false,
  ],
  ["a name of ours", { kind: "match", pins: [], ...name("mail.example.net") }, {}, true],
  ["a name of ours, untrusted", { kind: "match", pins: [], ...name("mail.example.net") }, { chain: untrusted }, false],
];
for (const [title, wish, shown, may] of relayRows) {
  test(`relaying by certificate: ${title}`, () => {
    assert.equal(mayRelayByCertificate(wish, { ...sampleClientHandshake, ...shown }), may);
  });
}

/** As much of a certificate as names are read from. */
function certificateNamed(subject: string, issuerParts: readonly string[]) {
  const tlv = (tag: number, ...parts: readonly Uint8Array[]) => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(tag, content.length), content]);
  };
  const types: Readonly<Record<string, number>> = { CN: 3, C: 6, O: 10 };
  const attribute = (text: string) => {
    const [type = "", value = ""] = text.split("=");
    const id = tlv(0x06, Buffer.of(0x55, 0x04, types[type] ?? 0));
    return tlv(0x31, tlv(0x30, id, tlv(0x0c, Buffer.from(value))));
  };
  const any = tlv(0x30);
  const issuerName = tlv(0x30, ...issuerParts.map(attribute));
  const der = tlv(0x30, tlv(0x30, tlv(0x02, Buffer.of(1)), any, issuerName, any, tlv(0x30, attribute(subject)), any));
  return { ...sampleClientCertificate, sha256: digestOf(der, "sha256"), der: Uint8Array.from(der) };
}

// --- properties ---------------------------------------------------------------------------------------------------

const lists = fc.record({
  names: fc.subarray([...name("mail.example.net").names, ...name("other.example").names]),
  issuers: fc.subarray(["C=CH, O=Example, CN=Example CA", "CN=Nobody"]),
  pins: fc.subarray([keyPin, certificatePin, pin("either", "00".repeat(32))]),
});
const anyAnchors = fc.constantFrom(ours, theirs, undefined);
const anyDemand = fc
  .record({
    level: fc.constantFrom<InboundDemand["level"]>("none", "encrypted", "trusted", "matching"),
    bits: fc.constantFrom(undefined, 128, 256),
    anchors: anyAnchors,
    lists,
  })
  .map(({ level, bits, anchors, lists: given }) =>
    demand({
      level,
      ...given,
      ...(bits === undefined ? {} : { minCipherBits: bits }),
      ...(anchors === undefined ? {} : { anchors }),
    }),
  );
const anyPeer = fc
  .record({
    clear: fc.boolean(),
    bits: fc.constantFrom(112, 128, 256),
    shown: fc.boolean(),
    trusted: fc.boolean(),
    anchors: anyAnchors,
  })
  .map(({ clear, bits, shown, trusted, anchors }) => {
    const chain = trusted && shown ? sampleClientHandshake.chain : untrusted;
    return peer(clear ? "clear" : { bits, chain, ...(shown ? {} : anonymous) }, anchors);
  });

const isMet = (asked: InboundDemand, shown: InboundPeer) => judgeDemand(asked, shown, now).kind === "met";

/** What must hold, said again from the outside: by counting what is on the table. */
function allows(asked: InboundDemand, { handshake, anchors }: InboundPeer): boolean {
  const { level, minCipherBits = 0, names = [], issuers = [], pins = [] } = asked;
  if (level === "none") return true;
  if (handshake === undefined || handshake.bits < minCipherBits) return false;
  if (level === "encrypted") return true;
  const counted = asked.anchors ?? anchors;
  const trusted = handshake.chain.kind === "trusted" && counted === ours;
  if (level === "trusted") return trusted;
  const mine = handshake.certificate !== undefined;
  const pinned = mine && (pins.includes(keyPin) || pins.includes(certificatePin));
  const named = names.some((each) => each.kind === "name" && each.name === "mail.example.net");
  return pinned || (trusted && (named || issuers.some((each) => each.includes("Example CA"))));
}

test("judgeDemand: nothing is met that ought not to be, and what ought to be is", () => {
  fc.assert(
    fc.property(anyDemand, anyPeer, (asked, shown) => assert.equal(isMet(asked, shown), allows(asked, shown))),
    { numRuns: 2000 },
  );
});

test("judgeDemand: a stronger demand never takes what a weaker one refuses", () => {
  const weaker: readonly ((asked: InboundDemand) => InboundDemand)[] = [
    (asked) => ({ ...asked, level: "none" }),
    (asked) => ({ ...asked, level: asked.level === "none" ? "none" : "encrypted" }),
    (asked) => (asked.minCipherBits === 256 ? { ...asked, minCipherBits: 128 } : asked),
    (asked) => ({ ...asked, names: [...(asked.names ?? []), ...name("mail.example.net").names] }),
    (asked) => ({ ...asked, issuers: [...(asked.issuers ?? []), "CN=Example CA,O=Example,C=CH"] }),
    (asked) => ({ ...asked, pins: [...(asked.pins ?? []), keyPin] }),
    // Without pins, a name or an issuer is asked on top of the chain.
    (asked) => (asked.level === "matching" && asked.pins?.length === 0 ? { ...asked, level: "trusted" } : asked),
  ];
  fc.assert(
    fc.property(anyDemand, anyPeer, fc.constantFrom(...weaker), (asked, shown, weaken) => {
      if (isMet(asked, shown)) assert.ok(isMet(weaken(asked), shown));
    }),
    { numRuns: 2000 },
  );
});

test("judgeDemand: whoever shows more is never worse off", () => {
  fc.assert(
    fc.property(anyDemand, anyPeer, (asked, shown) => {
      if (isMet(asked, shown)) assert.ok(isMet(asked, { ...peer({}, ours), anchors: shown.anchors }));
    }),
    { numRuns: 1000 },
  );
});

test("judgeDemand: monitor says what enforce would have done, and is never a refusal", () => {
  fc.assert(
    fc.property(anyDemand, anyPeer, (asked, shown) => {
      const verdict = judgeDemand({ ...asked, mode: "monitor" }, shown, now);
      assert.equal(verdict.kind, isMet(asked, shown) ? "would-pass" : "would-fail");
    }),
  );
});
