import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress, Mailbox } from "../../mail/address.ts";
import { domain } from "../../mail/domain.ts";
import type { EnvelopeSender } from "../../mail/envelope.ts";
import { type ReceivedInput, receivedField, withKeyword } from "./received-field.ts";
import type { SessionFacts } from "./receiver.ts";
import { sampleHandshake, sampleSession } from "./session-sample.ts";

const tls = { handshake: sampleHandshake(), serverName: undefined };
const login = { user: "alice", by: "PLAIN" as const };

function mailbox(localPart: string): Mailbox {
  return { text: `${localPart}@example.org`, localPart, host: { kind: "domain", domain: domain("example.org") } };
}

function field(
  facts: SessionFacts,
  to: readonly string[],
  { form = "letterlock", isTrusted = false }: Partial<Pick<ReceivedInput, "form" | "isTrusted">> = {},
): string {
  const sender: EnvelopeSender = {
    mailbox: undefined,
    body: "7bit",
    smtputf8: false,
    ret: undefined,
    envid: undefined,
  };
  const recipients = to.map((name) => ({ mailbox: mailbox(name), notify: undefined, orcpt: undefined }));
  const at = Date.UTC(2026, 1, 3, 4, 5, 6);
  const envelope = { sender, recipients };
  return receivedField({
    session: facts,
    form,
    isTrusted,
    hostname: "mx.example.org",
    messageId: "m1",
    envelope,
    at,
  }).toString();
}

test("TR-2, TR-3, TR-7: one recipient over TLS", () => {
  assert.equal(
    field(sampleSession({ tls }), ["b"]),
    "Received: from c.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTPS id m1\r\n\tfor <b@example.org>\r\n" +
      "\ttls TLS_AES_256_GCM_SHA384 group X25519MLKEM768 (TLSv1.3);\r\n\tTue, 03 Feb 2026 04:05:06 +0000\r\n",
  );
});

test("TR-3: no recipient is named where there are several", () => {
  assert.doesNotMatch(field(sampleSession(), ["b", "c"]), / for /);
});

test("TR-2: IPv6 literal", () => {
  assert.match(field(sampleSession({ clientAddress: "2001:db8::1" as IpAddress }), ["b"]), /\(\[IPv6:2001:db8::1\]\)/);
});

test("TR-8, AT-28: nothing in an EHLO name gets out of its place", () => {
  const ehlo = `evil) by\r\nX: (\x1b[2J${"a".repeat(400)}`;
  const [first = ""] = field(sampleSession({ ehlo }), ["b"]).split("\r\n");
  assert.match(first, /^Received: from evil\?\?by\?\?X:\?\?\?\[2Ja+ \(\[192\.0\.2\.1\]\)$/);
  assert.ok(first.length < 300);
});

test("TR-3: a recipient outside ASCII is not named", () => {
  assert.doesNotMatch(field(sampleSession(), ["ü"]), / for /);
});

test("TR-2: a verified client name stands before the address, an unverified one nowhere", () => {
  const verified = sampleSession({ clientName: { kind: "verified", name: domain("c1.example.org") } });
  assert.match(field(verified, ["b"]), /^Received: from c\.example \(c1\.example\.org \[192\.0\.2\.1\]\)\r\n/);
  const forged = sampleSession({ clientName: { kind: "forged", name: domain("c1.example.org") } });
  assert.match(field(forged, ["b"]), /^Received: from c\.example \(\[192\.0\.2\.1\]\)\r\n/);
});

const keywords: readonly [esmtp: boolean, overTls: boolean, loggedIn: boolean, utf8: boolean, want: string][] = [
  [false, false, false, false, "SMTP"],
  [false, true, false, false, "SMTP"],
  [true, false, false, false, "ESMTP"],
  [true, true, false, false, "ESMTPS"],
  [true, false, true, false, "ESMTPA"],
  [true, true, true, false, "ESMTPSA"],
  [true, false, false, true, "UTF8SMTP"],
  [true, true, false, true, "UTF8SMTPS"],
  [true, false, true, true, "UTF8SMTPA"],
  [true, true, true, true, "UTF8SMTPSA"],
];

for (const [esmtp, overTls, loggedIn, utf8, want] of keywords) {
  const said = `${esmtp ? "EHLO" : "HELO"}${overTls ? " +TLS" : ""}${loggedIn ? " +AUTH" : ""}${utf8 ? " SMTPUTF8" : ""}`;
  test(`TR-5: ${said} is ${want}`, () => {
    const facts = { esmtp, tls: overTls ? tls : undefined, login: loggedIn ? login : undefined };
    assert.equal(withKeyword(facts, utf8), want);
  });
}

const partner = {
  subject: "CN=client.lab",
  issuer: "C=DE, O=Lab, CN=Lab Root CA",
  serial: "01",
  notBefore: 0,
  notAfter: 1,
  dnsNames: ["client.lab"],
  ipAddresses: [],
  commonName: "client.lab",
  sha256: "ab".repeat(32),
  spkiSha256: "cd".repeat(32),
  keyType: "rsa",
  keyBits: 2048,
  der: new Uint8Array(),
  spkiDer: new Uint8Array(),
};

function secured(change: Parameters<typeof sampleHandshake>[0] = {}): SessionFacts {
  return sampleSession({ tls: { handshake: sampleHandshake(change), serverName: undefined } });
}

const sent = { certificate: partner, clientCertificate: "sent" } as const;
const tls12 = { protocol: "TLSv1.2", cipher: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", group: "X25519" };
const postfixForms: readonly [name: string, facts: SessionFacts, isTrusted: boolean, want: string][] = [
  ["a trusted certificate", secured(sent), true, '(Client CN "client.lab", Issuer "Lab Root CA" (verified OK))'],
  ["an unknown one", secured(sent), false, '(Client CN "client.lab", Issuer "Lab Root CA" (not verified))'],
  ["none, asked", secured({ clientCertificate: "asked" }), false, "(Client did not present a certificate)"],
  ["nobody asked", secured(), false, "(No client certificate requested)"],
];
for (const [name, facts, isTrusted, want] of postfixForms) {
  test(`postfix PT-96: Received: of TLS 1.3, ${name}`, () => {
    const [first, ...lines] = field(facts, ["b"], { form: "postfix", isTrusted }).split("\r\n");
    assert.equal(first, "Received: from c.example ([192.0.2.1])");
    assert.deepEqual(lines.slice(0, 5), [
      "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
      "\t key-exchange X25519MLKEM768)",
      `\t${want}`,
      "\tby mx.example.org with ESMTPS id m1",
      "\tfor <b@example.org>;",
    ]);
  });
}

test("postfix PT-96: Received: of TLS 1.2 says no more than version and cipher", () => {
  const text = field(secured(tls12), ["b"], { form: "postfix" });
  assert.match(
    text,
    /\r\n\t\(using TLSv1\.2 with cipher TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 \(256\/256 bits\)\)\r\n/,
  );
});

for (const [name, facts, isTrusted, verify] of [
  ["no certificate", secured({ clientCertificate: "asked" }), false, "NO"],
  ["nobody asked", secured(), false, "NOT"],
  ["a trusted certificate", secured(sent), true, "OK"],
  ["an unknown one", secured(sent), false, "FAIL"],
] as const) {
  test(`sendmail 80: Received: with ${name}`, () => {
    const text = field(facts, ["b"], { form: "sendmail", isTrusted });
    const line = `(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=${verify})`;
    assert.ok(text.includes(` with ESMTPS id m1\r\n\t${line}\r\n\tfor <b@example.org>;\r\n`), text);
  });
}

test("our own form says whose certificate it was, and whether it counts here", () => {
  const text = field(secured(sent), ["b"], { isTrusted: true });
  assert.ok(
    text.includes(`(TLSv1.3)\r\n\t(client certificate client.lab sha256 ${partner.sha256} trusted);\r\n`),
    text,
  );
});

test("AT-28: no name in a certificate gets out of its place, in any form", () => {
  const evil = { ...partner, commonName: 'a" (x)\r\nX: y\x1b', issuer: 'CN=b") by evil\r\nY: z' };
  for (const form of ["letterlock", "postfix", "sendmail"] as const) {
    const text = field(secured({ ...sent, certificate: evil }), ["b"], { form, isTrusted: true });
    assert.match(text, /^Received: [ -~]*\r\n(?:\t[ -~]*\r\n)+$/);
    assert.equal(text.split('"').length, form === "postfix" ? 5 : 1);
  }
});

test("in clear text no form says anything of TLS", () => {
  const forms = (["letterlock", "postfix", "sendmail"] as const).map((form) => field(sampleSession(), ["b"], { form }));
  assert.equal(new Set(forms).size, 1);
});
