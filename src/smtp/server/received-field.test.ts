import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress, Mailbox } from "../../mail/address.ts";
import { domain } from "../../mail/domain.ts";
import type { EnvelopeSender } from "../../mail/envelope.ts";
import { receivedField, withKeyword } from "./received-field.ts";
import type { SessionFacts } from "./receiver.ts";
import { sampleHandshake, sampleSession } from "./session-sample.ts";

const tls = { handshake: sampleHandshake(), serverName: undefined };
const login = { user: "alice", by: "PLAIN" as const };

function mailbox(localPart: string): Mailbox {
  return { text: `${localPart}@example.org`, localPart, host: { kind: "domain", domain: domain("example.org") } };
}

function field(facts: SessionFacts, to: readonly string[]): string {
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
  return receivedField({ session: facts, hostname: "mx.example.org", messageId: "m1", envelope, at }).toString();
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
