import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IpAddress, Mailbox } from "../mail/address.ts";
import { sampleOrigin } from "../mail/attempt-sample.ts";
import { domain } from "../mail/domain.ts";
import { reply } from "../mail/reply.ts";
import { builtInRule, type ConnectDecision, decide } from "../policy/decide.ts";
import { judge } from "../policy/judge.ts";
import type { TlsRule } from "../policy/rules.ts";
import type { CertificateFacts, HandshakeFacts, PeerFacts } from "../tls/peer-facts.ts";
import { type AttemptHop, type AttemptInput, buildAttempt, type HostMet } from "./build-attempt.ts";

const at = Date.UTC(2026, 10, 21, 12);
const address = "192.0.2.7" as IpAddress;
const host = domain("mx.example.net");

function mailbox(text: string): Mailbox {
  return { text, localPart: text.split("@")[0] ?? "", host: { kind: "domain", domain: domain("example.net") } };
}

const certificate: CertificateFacts = {
  subject: "CN=mx.example.net",
  issuer: "CN=Example CA",
  serial: "01",
  notBefore: at - 1000,
  notAfter: at + 86_400_000,
  dnsNames: ["mx.example.net"],
  ipAddresses: [],
  commonName: "mx.example.net",
  sha256: "aa",
  spkiSha256: "bb",
  keyType: "ec",
  keyBits: 256,
  der: new Uint8Array(),
  spkiDer: new Uint8Array(),
};

function handshake(change: Partial<HandshakeFacts> = {}): HandshakeFacts {
  return {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    bits: 256,
    group: "X25519MLKEM768",
    resumed: false,
    chain: { kind: "trusted" },
    certificate,
    intermediates: [],
    clientCertificate: "not-asked",
    durationMs: 3,
    ...change,
  };
}

const verifyRule: TlsRule = {
  level: {
    value: "verify",
    from: { source: "letterlock", file: "letterlock.yaml", line: 14, column: 3, scope: "domain example.net" },
  },
};

function connectDecision(rule: TlsRule): ConnectDecision {
  const decision = decide(rule, {
    nexthop: { kind: "mx", domain: domain("example.net"), port: 25 },
    host,
    address,
    mxStatus: "insecure",
    implicitTls: false,
    messageAgeMs: 0,
  });
  assert.equal(decision.kind, "connect");
  return decision as ConnectDecision;
}

function hop(rule: TlsRule, facts: PeerFacts): AttemptHop {
  const decision = connectDecision(rule);
  return { decision, facts, verdict: judge(decision, facts, "mx.example.net[192.0.2.7]"), reusedConnection: false };
}

function input(change: Partial<AttemptInput> = {}): AttemptInput {
  return {
    messageId: "01KD8W7F3N",
    number: 0,
    attempt: 1,
    event: "delivered",
    from: mailbox("alice@example.net"),
    to: mailbox("bob@example.net"),
    orcpt: undefined,
    recipients: 1,
    firstTriedAt: undefined,
    leads: true,
    binding: "default",
    bindingGroup: undefined,
    origin: sampleOrigin,
    nexthop: { kind: "mx", domain: domain("example.net"), port: 25 },
    place: { host, address, port: 25 },
    hop: hop(verifyRule, { offered: true, tls: { kind: "done", handshake: handshake() }, seenAt: at }),
    connection: { id: "C1", use: 1, localAddress: "192.0.2.1", localPort: 4000, keywords: ["STARTTLS"] },
    reply: reply(250, "2.0.0", "Ok"),
    error: undefined,
    status: "2.0.0",
    failure: undefined,
    earlier: [],
    sizeBytes: 5120,
    uncertain: false,
    acceptedAt: at - 100,
    startedAt: at - 40,
    readyAt: at - 10,
    now: at,
    ...change,
  };
}

test("attempt: delivered under verify names rule, checks, peer and reasons", () => {
  const record = buildAttempt(input());
  assert.equal(record.id, "01KD8W7F3N.0.1");
  assert.equal(record.time, "2026-11-21T12:00:00.000Z");
  assert.equal(record.nexthop, "example.net");
  assert.deepEqual(record.rule, { source: "letterlock", file: "letterlock.yaml", line: 14 });
  assert.equal(record.tls?.required, "verify");
  assert.equal(record.tls?.achieved, "verified");
  assert.deepEqual(record.tls?.verify, {
    chain: "trusted",
    name: "matched",
    matchedName: "mx.example.net",
    pin: null,
  });
  assert.equal(record.tls?.peer?.notAfter, "2026-11-22T12:00:00.000Z");
  assert.deepEqual(
    record.reasons.map((reason) => reason.code),
    ["level-verify", "encrypted", "chain-trusted", "name-matched"],
  );
  assert.deepEqual(record.reply, { code: 250, enhanced: "2.0.0", text: "Ok" });
  assert.equal(record.ageMs, 100);
  assert.equal(record.durationMs, 40);
});

test("attempt: not offered under verify is a record without handshake", () => {
  const facts: PeerFacts = { offered: false, tls: { kind: "not-offered" }, seenAt: at };
  const change = { event: "deferred", reply: undefined, error: "TLS is required", status: "4.7.4" } as const;
  const record = buildAttempt(input({ hop: hop(verifyRule, facts), ...change }));
  assert.equal(record.tls?.offered, false);
  assert.equal(record.tls?.protocol, null);
  assert.equal(record.tls?.achieved, "none");
  assert.equal(record.tls?.peer, null);
  assert.equal(record.error, "TLS is required");
  assert.equal(record.reply, null);
  assert.equal(record.reasons.at(-1)?.code, "not-offered");
});

test("attempt: a rule that refuses to connect leaves level and reason", () => {
  const rule: TlsRule = { level: { ...verifyRule.level, value: "dane" } };
  const evidence = {
    nexthop: { kind: "mx", domain: domain("example.net"), port: 25 },
    host,
    address: undefined,
    mxStatus: "insecure",
    implicitTls: false,
    messageAgeMs: 0,
  } as const;
  const refused: AttemptHop = {
    decision: decide(rule, evidence),
    facts: undefined,
    verdict: undefined,
    reusedConnection: false,
  };
  const record = buildAttempt(input({ hop: refused, reply: undefined, place: undefined, event: "deferred" }));
  assert.equal(record.tls?.required, "dane");
  assert.equal(record.tls?.achieved, "none");
  assert.equal(record.mx, null);
  assert.deepEqual(
    record.reasons.map((reason) => reason.code),
    ["dane-unavailable"],
  );
});

test("attempt: routing failed, nothing of TLS is known", () => {
  const record = buildAttempt(
    input({ from: undefined, nexthop: undefined, place: undefined, hop: undefined, reply: undefined }),
  );
  assert.equal(record.from, "");
  assert.equal(record.tls, null);
  assert.equal(record.rule, null);
  assert.deepEqual(record.reasons, []);
  assert.equal(record.nexthop, null);
});

test("attempt: a certificate with an impossible date is still a record", () => {
  const odd = { ...certificate, notAfter: Number.POSITIVE_INFINITY };
  const facts: PeerFacts = {
    offered: true,
    tls: { kind: "done", handshake: handshake({ certificate: odd }) },
    seenAt: at,
  };
  const record = buildAttempt(input({ hop: hop(builtInRule, facts) }));
  assert.equal(record.tls?.peer?.notAfter, "+275760-09-13T00:00:00.000Z");
});

/** AT-28: nothing that a peer wrote leaves the record as anything but printable ASCII of bounded length. */
test("AT-28 attempt: hostile text from every side is escaped and capped, that of hosts met before, too", () => {
  const hostile = fc.string({ unit: "binary", maxLength: 3000 });
  fc.assert(
    fc.property(hostile, hostile, hostile, (one, two, three) => {
      const evil = { ...certificate, subject: one, issuer: two, dnsNames: [three] };
      const facts: PeerFacts = {
        offered: true,
        tls: {
          kind: "done",
          handshake: handshake({ certificate: evil, chain: { kind: "untrusted", code: "X", text: three } }),
        },
        seenAt: at,
      };
      const cause = { kind: "refused", stage: "rcpt", tls: null, unproven: [], code: null, cause: three } as const;
      const keywords = Array<string>(100).fill(one);
      const met: Omit<HostMet, "place"> = {
        hop: hop(verifyRule, facts),
        connection: { id: "C1", use: 1, localAddress: "192.0.2.1", localPort: 4000, keywords },
        reply: reply(550, undefined, one, two),
        error: three,
        status: "5.0.0",
        failure: cause,
      };
      const earlier = Array<HostMet>(4).fill({ ...met, place: { host, address, port: 25 } });
      const record = buildAttempt(input({ from: mailbox(one), to: mailbox(two), ...met, earlier }));
      const line = JSON.stringify({ ...record, reasons: record.reasons.map((reason) => reason.text) });
      assert.match(line, /^[\x20-\x7e]+$/);
      // Each of a thousand recipients has one.
      assert.ok(line.length < 45_000, String(line.length));
    }),
    { numRuns: 60 },
  );
});

test("attempt: what the host said to STARTTLS in place of 220, escaped", () => {
  const facts: PeerFacts = {
    offered: true,
    seenAt: 0,
    tls: { kind: "refused", reply: { code: 454, enhanced: "4.7.0", lines: ["not\x1bnow"] } },
  };
  const record = buildAttempt(input({ hop: hop({ level: { ...verifyRule.level, value: "may" } }, facts) }));
  assert.deepEqual(record.tls?.refusal, { code: 454, enhanced: "4.7.0", text: "not\\x1bnow" });
  assert.equal(record.tls?.achieved, "none");
});
