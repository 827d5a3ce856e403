/** What Postfix would say of deliveries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptFailure, AttemptRecord, EarlierHost } from "../../mail/attempt.ts";
import { sampleAttempt, sampleRefusal, sampleTls, sampleUnreachable } from "../../mail/attempt-sample.ts";
import { attempt } from "../../observe/event-sample.ts";
import type { LetterlockEvent } from "../../observe/events.ts";
import { failed, linesOf, openRenderer, overTls } from "./lines-sample.ts";

const host = "mx.example.net[192.0.2.7]";
const { connection } = sampleAttempt;
assert.ok(connection);

const summaries: readonly [name: string, change: Partial<AttemptRecord>, want: string][] = [
  [
    "a proven host",
    {},
    "Verified TLS connection established to mx.example.net[192.0.2.7]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519MLKEM768 server-signature ECDSA (prime256v1) server-digest SHA256",
  ],
  [
    "Verified is never said at may",
    overTls({ required: "may", group: null }),
    "Trusted TLS connection established to mx.example.net[192.0.2.7]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) server-signature ECDSA (prime256v1) server-digest SHA256",
  ],
  [
    "TLS 1.2",
    overTls({ required: "encrypt", protocol: "TLSv1.2", cipher: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", bits: 112 }),
    "Trusted TLS connection established to mx.example.net[192.0.2.7]:25: TLSv1.2 with cipher ECDHE-RSA-DES-CBC3-SHA (112/168 bits)",
  ],
  [
    "no certificate, a session resumed",
    overTls({ required: "may", achieved: "encrypted", peer: null, group: "prime256v1", resumed: true }),
    "Anonymous TLS connection established to mx.example.net[192.0.2.7]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange secp256r1",
  ],
  [
    "a connection used again, an RSA key",
    {
      connection: { ...connection, use: 3 },
      ...overTls({ group: "X25519", peer: { ...sampleTls.peer, ...rsa() } }),
    },
    "Verified TLS connection reused to mx.example.net[192.0.2.7]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange x25519 server-signature RSA-PSS (2048 bits)",
  ],
];

function rsa(): NonNullable<typeof sampleTls.peer> {
  assert.ok(sampleTls.peer);
  return { ...sampleTls.peer, keyType: "rsa", keyBits: 2048 };
}

for (const [name, change, want] of summaries) {
  test(`summary: ${name}`, () => assert.equal(linesOf(attempt(change))[0], `postfix/smtp: ${want}`));
}

const unproven: readonly [chain: string, want: string][] = [
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate verification failed for PEER: self-signed certificate"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "certificate verification failed for PEER: untrusted issuer /O=Ex, Inc/CN=Example CA"],
  ["INVALID_PURPOSE", "certificate verification failed for PEER: not designated for use as a server certificate"],
  ["CERT_CHAIN_TOO_LONG", "certificate verification failed for PEER: certificate chain longer than limit(9)"],
  ["CERT_HAS_EXPIRED", "server certificate verification failed for PEER: certificate has expired"],
  ["CERT_REVOKED", "server certificate verification failed for PEER: num=23:certificate revoked"],
  ["SOMETHING_NEW", "server certificate verification failed for PEER: num=1:SOMETHING_NEW"],
];

for (const [chain, want] of unproven) {
  test(`verification: ${chain}`, () => {
    assert.ok(sampleRefusal.tls?.peer);
    const peer = { ...sampleRefusal.tls.peer, issuer: "O=Ex\\, Inc, CN=Example CA" };
    const tls = { ...sampleRefusal.tls, peer, verify: { ...sampleRefusal.tls.verify, chain } };
    const [first, second] = linesOf({ kind: "attempt", record: { ...sampleRefusal, tls } });
    assert.equal(first, `postfix/smtp: ${want.replace("PEER", `${host}:25`)}`);
    assert.match(second ?? "", /: Untrusted TLS connection established /);
  });
}

test("verification: a digest that does not match is told without asking the chain", () => {
  const tls = overTls({
    required: "fingerprint",
    achieved: "trusted",
    verify: { ...sampleTls.verify, name: null, pin: "mismatch" },
  });
  const [first, second] = linesOf(failed({ kind: "tls", tls: "unproven" }, tls));
  assert.equal(
    first,
    `postfix/smtp: server certificate verification failed for ${host}:25: num=65:no matching DANE TLSA records`,
  );
  assert.match(second ?? "", /: Untrusted TLS /);
});

const texts: readonly [name: string, event: LetterlockEvent, relay: string, text: string][] = [
  ["not proven", failed({ kind: "tls", tls: "unproven" }), host, "Server certificate not verified"],
  [
    "not offered",
    failed({ kind: "tls", tls: "not-offered" }),
    host,
    `TLS is required, but was not offered by host ${host}`,
  ],
  [
    "STARTTLS refused",
    failed({ kind: "tls", tls: "refused", cause: "454 4.7.0 not now" }),
    host,
    `TLS is required, but host ${host} refused to start TLS: 454 4.7.0 not now`,
  ],
  [
    "lost at STARTTLS",
    failed({ kind: "tls", tls: "lost" }),
    host,
    `lost connection with ${host} while receiving the STARTTLS response`,
  ],
  [
    "handshake",
    failed({ kind: "tls", tls: "handshake", code: "ERR_SSL_X", cause: "x" }),
    host,
    "Cannot start TLS: handshake failure",
  ],
  [
    "MX pattern",
    failed({ kind: "tls", tls: "mx-pattern" }, { connection: null }),
    "none",
    "server unavailable or unable to receive mail",
  ],
  [
    "a rule in its own words",
    failed({ kind: "rule" }, { connection: null, error: "client TLS configuration problem" }),
    "none",
    "client TLS configuration problem",
  ],
  [
    "no answer from DNS",
    failed({ kind: "route", code: "dns-error" }, { connection: null, address: null, mx: null }),
    "none",
    "Host or domain name not found. Name service error for name=example.net type=MX: Host not found, try again",
  ],
  [
    "a loop",
    failed({ kind: "route", code: "loops-to-self" }, { connection: null, address: null, mx: null }),
    "none",
    "mail for example.net loops back to myself",
  ],
  [
    "greeting refused",
    failed({ kind: "greeting", stage: "greeting" }, { reply: { code: 554, enhanced: null, text: "no" } }),
    host,
    `host ${host} refused to talk to me: 554 no`,
  ],
  [
    "recipient refused",
    failed({ kind: "refused", stage: "rcpt" }, { reply: { code: 450, enhanced: "4.2.1", text: "full" } }),
    host,
    `host ${host} said: 450 4.2.1 full (in reply to RCPT TO command)`,
  ],
  [
    "message refused",
    failed({ kind: "refused", stage: "final-dot" }, { reply: { code: 452, enhanced: "4.3.1", text: "full" } }),
    host,
    `host ${host} said: 452 4.3.1 full (in reply to end of DATA command)`,
  ],
  [
    "timed out",
    failed({ kind: "broken", stage: "data", code: "TIMEOUT" }),
    host,
    `conversation with ${host} timed out while sending DATA command`,
  ],
  [
    "broken in the body",
    failed({ kind: "broken", stage: "body", code: "ECONNRESET" }),
    host,
    `lost connection with ${host} while sending message body`,
  ],
  [
    "no SMTP",
    failed({ kind: "unreachable", stage: "greeting", code: "PROTOCOL", cause: "no code" }),
    host,
    `Protocol error: host ${host} while receiving the initial server greeting: no code`,
  ],
  ["unsuitable", failed({ kind: "unsuitable" }, { error: "SMTPUTF8 is required" }), host, "SMTPUTF8 is required"],
];

for (const [name, event, relay, text] of texts) {
  test(`reason: ${name}`, () => {
    const line = linesOf(event).find((each) => each.includes(": to=<")) ?? "";
    const where = relay === "none" ? relay : `${relay}:25`;
    const delay = "delay=0.25, delays=0.01/0/0.18/0.06";
    const want = `postfix/smtp: 01KD8W7F3N: to=<bob@example.net>, relay=${where}, ${delay}, dsn=4.0.0, status=deferred (${text})`;
    assert.equal(line, want);
  });
}

const handshakes: readonly [name: string, change: Partial<AttemptFailure>, want: readonly string[]][] = [
  [
    "the host went",
    { code: "ECONNRESET", cause: "Client network socket disconnected before secure TLS" },
    ["lost connection"],
  ],
  ["the host reset it", { code: "ECONNRESET", cause: "read ECONNRESET" }, ["Connection reset by peer"]],
  ["silence", { code: "TIMEOUT", cause: "timed out" }, ["Connection timed out"]],
  [
    "no TLS",
    { code: "ERR_SSL_WRONG_VERSION_NUMBER", cause: "wrong version number" },
    ["-1", "warning: TLS library problem: error::SSL routines::wrong version number:::"],
  ],
];

for (const [name, change, [first, ...more]] of handshakes) {
  test(`handshake: ${name}`, () => {
    const lines = linesOf(failed({ kind: "tls", tls: "handshake", ...change }));
    const want = [`SSL_connect error to ${host}:25: ${first}`, ...more].map((text) => `postfix/smtp: ${text}`);
    assert.deepEqual(lines.slice(0, -1), want);
  });
}

const dead: EarlierHost = {
  ...sampleAttempt,
  mx: "mx1.example.net",
  address: "192.0.2.6",
  connection: null,
  tls: null,
  reply: null,
  failure: sampleUnreachable,
};

test("hosts that were met before are told once for all recipients of the attempt", () => {
  const plain: EarlierHost = {
    ...dead,
    mx: "mx2.example.net",
    connection: { ...connection, id: "other", use: 0 },
    failure: { ...sampleUnreachable, kind: "tls", stage: null, tls: "not-offered" },
  };
  const renderer = openRenderer();
  const record = { earlier: [dead, plain], recipients: 2 };
  const first = linesOf(attempt(record), renderer);
  assert.deepEqual(first.slice(0, 2), [
    "postfix/smtp: connect to mx1.example.net[192.0.2.6]:25: Connection refused",
    "postfix/smtp: 01KD8W7F3N: TLS is required, but was not offered by host mx2.example.net[192.0.2.6]",
  ]);
  assert.equal(first.length, 4);
  const second = linesOf(attempt({ ...record, to: "eve@example.net", leads: false }), renderer);
  assert.deepEqual(
    second.map((line) => /: (?:to=<[^>]*>|removed)/.exec(line)?.[0]),
    [": to=<eve@example.net>", ": removed"],
  );
});

test("a host that could not be reached is told, and is no relay; an address literal is its own name", () => {
  const event = failed(
    { ...sampleUnreachable, code: "ENETUNREACH" },
    { mx: null, address: "2001:db8::7", connection: null },
  );
  const where = "2001:db8::7[2001:db8::7]:25";
  const [first, second] = linesOf(event);
  assert.equal(first, `postfix/smtp: connect to ${where}: Network is unreachable`);
  assert.match(second ?? "", /, relay=none, .* \(connect to 2001:db8::7\[2001:db8::7\]:25: Network is unreachable\)$/);
});

test("the time-out of a message is its last deferral and a word of the queue manager; suspended mail is error's", () => {
  const lines = linesOf(failed({ kind: "suspended", cause: "connection refused" }, { event: "expired", attempt: 4 }));
  assert.match(
    lines[1] ?? "",
    /^postfix\/error: .* status=deferred \(delivery temporarily suspended: connection refused\)$/,
  );
  assert.deepEqual(lines.slice(2), [
    "postfix/qmgr: 01KD8W7F3N: from=<alice@example.com>, status=expired, returned to sender",
  ]);
  assert.equal(lines[0], "postfix/qmgr: 01KD8W7F3N: from=<alice@example.com>, size=5120, nrcpt=1 (queue active)");
});

test("a notice of our own is taken up without a client", () => {
  const origin = { ...sampleAttempt.origin, session: null, headers: {} };
  const [first] = linesOf(attempt({ origin, from: "" }));
  assert.equal(first, "postfix/qmgr: 01KD8W7F3N: from=<>, size=5120, nrcpt=1 (queue active)");
});

test("removed is said with the last recipient, if every attempt of the message was seen", () => {
  const renderer = openRenderer();
  const isRemoved = (change: Partial<AttemptRecord>): boolean =>
    linesOf(attempt(change), renderer).at(-1)?.endsWith(": removed") ?? false;
  const three = { messageId: "A", recipients: 3 };
  assert.equal(isRemoved(three), false);
  assert.equal(isRemoved({ ...three, event: "deferred" }), false);
  assert.equal(isRemoved({ ...three, event: "failed" }), false);
  assert.equal(isRemoved({ messageId: "A", recipients: 1, attempt: 2 }), true);
  assert.equal(isRemoved({ messageId: "B", recipients: 1, attempt: 2 }), false);
  assert.equal(isRemoved({ messageId: "C" }), true);
});

test("many messages that wait do not fill memory: the oldest is forgotten", () => {
  const renderer = openRenderer();
  for (let number = 0; number < 20_001; number += 1) {
    renderer.lines(attempt({ messageId: `M${number}`, event: "deferred" }), 0);
  }
  const isRemoved = (messageId: string): boolean =>
    linesOf(attempt({ messageId, attempt: 2 }), renderer)
      .at(-1)
      ?.endsWith(": removed") ?? false;
  assert.deepEqual([isRemoved("M0"), isRemoved("M1"), isRemoved("M20000")], [false, true, true]);
});

test("levels of detail: no summary at 0, the certificate at 2", () => {
  const lines = (outboundTlsLevel: 0 | 2): readonly string[] =>
    linesOf(attempt({}), openRenderer({ outboundTlsLevel }));
  assert.equal(lines(0).length, 2);
  const [name, certificate] = lines(2);
  assert.equal(name, `postfix/smtp: ${host}:25: matched peername: mx.example.net`);
  assert.match(
    certificate ?? "",
    /: subject_CN=mx\.example\.net, issuer=Example CA, cert fingerprint=3F:1D:.*, pkey fingerprint=9B:2E:/,
  );
});

test("the tls= field stands before dsn=, conn_use= behind relay=, under the name that was asked for", () => {
  const renderer = openRenderer({ tlsField: true, name: "relay" });
  const [line] = linesOf(attempt({ connection: { ...connection, use: 2 } }), renderer).slice(1);
  assert.equal(
    line,
    `relay/smtp: 01KD8W7F3N: to=<bob@example.net>, relay=${host}:25, conn_use=2, delay=0.25, delays=0.01/0/0.18/0.06, tls=verify, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F2A)`,
  );
});
