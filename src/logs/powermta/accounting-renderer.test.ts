/** Records and fields of accounting files, out of attempt and inbound records (reference, sections 2.6 and 3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import type { AttemptRecord, EarlierHost } from "../../mail/attempt.ts";
import { sampleAttempt, sampleFailure, sampleOrigin, sampleRefusal, sampleTls } from "../../mail/attempt-sample.ts";
import type { InboundRecord } from "../../mail/inbound-record.ts";
import { sampleInbound } from "../../mail/inbound-sample.ts";
import type { AccountingLog } from "../../mail/log-definition.ts";
import { attempt, refused, taken } from "../../observe/event-sample.ts";
import type { LetterlockEvent } from "../../observe/events.ts";
import { accountingLog } from "../../policy/dialects/powermta/accounting-sample.ts";
import { createAccountingRenderer } from "./accounting-renderer.ts";

type Row = Readonly<Record<string, string>>;

/** What a reader of the file finds. */
function rowsOf(log: AccountingLog, ...events: readonly LetterlockEvent[]): Row[] {
  const { head, lines, lineEnd } = createAccountingRenderer(log);
  const file = [head, ...events.flatMap((event) => lines(event, 0)).map(({ text }) => text)];
  assert.equal(lineEnd, "\r\n");
  const text = file.map((line) => `${line}${lineEnd}`).join("");
  return parse(text, { columns: true, record_delimiter: "\r\n" }) as Row[];
}

function rowOf(log: AccountingLog, event: LetterlockEvent): Row {
  const [row, ...more] = rowsOf(log, event);
  assert.ok(row !== undefined && more.length === 0);
  return row;
}

const everything = accountingLog(
  "records d,b,t,tq,r",
  ...["d", "b", "t"].map(
    (type) =>
      `record-fields ${type} *,timeFirstAttempt,totalSecondsQueued,userString,rcvSmtpUser,dlvTlsProtocol,dlvTlsCipher,dlvTlsGroup,dlvTlsRequired,dlvTlsAchieved,dlvTlsVerify,dlvTlsPeer,dlvTlsRule,rcvTlsProtocol,rcvTlsCipher,rcvTlsGroup,header_Message-Id`,
  ),
  "record-fields tq *,userString,dlvTlsProtocol,dlvTlsCipher,dlvTlsRequired,dlvTlsAchieved,dlvTlsVerify,dlvTlsRule",
  "record-fields r *,vmtaPool,userString,rcvSmtpUser,rcvTlsProtocol,rcvTlsCipher,rcvTlsGroup,rcvTlsRequired,rcvTlsAchieved,rcvTlsVerify,rcvTlsPeer,rcvTlsRule,header_Message-Id",
  "user-string mta1",
);

test("d: every field of a delivery over verified TLS", () => {
  assert.deepEqual(rowOf(everything, attempt({ ageMs: 61_900, bindingGroup: "pool1", binding: "vmta7" })), {
    type: "d",
    timeLogged: "2026-11-21 12:00:00+0000",
    timeQueued: "2026-11-21 12:00:00+0000",
    orig: "alice@example.com",
    rcpt: "bob@example.net",
    orcpt: "rfc822;bob@example.net",
    dsnAction: "relayed",
    dsnStatus: "2.0.0 (success)",
    dsnDiag: "smtp;250 2.0.0 Ok: queued as 4F2A",
    dsnMta: "mx.example.net (192.0.2.7)",
    bounceCat: "success",
    srcType: "smtp",
    srcMta: "client.example.com (192.0.2.100)",
    dlvType: "smtp",
    dlvSourceIp: "192.0.2.1",
    dlvDestinationIp: "192.0.2.7",
    dlvEsmtpAvailable: "PIPELINING,8BITMIME,DSN,SIZE,STARTTLS",
    dlvSize: "5120",
    vmta: "vmta7",
    jobId: "",
    envId: "QQ314159",
    queue: "example.net/vmta7",
    vmtaPool: "pool1",
    timeFirstAttempt: "2026-11-21 12:00:00+0000",
    totalSecondsQueued: "61",
    userString: "mta1",
    rcvSmtpUser: "alice",
    dlvTlsProtocol: "TLSv1.3",
    dlvTlsCipher: "TLS_AES_256_GCM_SHA384",
    dlvTlsGroup: "X25519MLKEM768",
    dlvTlsRequired: "verify",
    dlvTlsAchieved: "verified",
    dlvTlsVerify: "chain=trusted name=matched",
    dlvTlsPeer: `CN=mx.example.net sha256=${sampleTls.peer?.sha256}`,
    dlvTlsRule: "/etc/letterlock/letterlock.yaml:14",
    rcvTlsProtocol: "TLSv1.3",
    rcvTlsCipher: "TLS_AES_128_GCM_SHA256",
    rcvTlsGroup: "X25519",
    "header_Message-Id": "<1@example.com>",
    ...Object.fromEntries(
      "rcvSourceIp rcvDestinationIp rcvTlsRequired rcvTlsAchieved rcvTlsVerify rcvTlsPeer rcvTlsRule"
        .split(" ")
        .map((name) => [name, ""]),
    ),
  });
});

/** The fields of `want` alone. */
function assertFields(row: Row | undefined, want: Row): void {
  assert.deepEqual(Object.fromEntries(Object.keys(want).map((name) => [name, row?.[name]])), want);
}

const inClear: Partial<AttemptRecord> = {
  tls: {
    ...sampleTls,
    required: "may",
    achieved: "none",
    offered: false,
    protocol: null,
    cipher: null,
    bits: null,
    group: null,
    verify: { chain: null, name: null, matchedName: null, pin: null },
    peer: null,
  },
};

test("d: in clear every field of the handshake is empty, what was required is not", () => {
  assertFields(rowOf(everything, attempt(inClear)), {
    dlvTlsProtocol: "",
    dlvTlsCipher: "",
    dlvTlsGroup: "",
    dlvTlsRequired: "may",
    dlvTlsAchieved: "none",
    dlvTlsVerify: "",
    dlvTlsPeer: "",
  });
});

test("the cipher has OpenSSL's name", () => {
  const tls = { ...sampleTls, protocol: "TLSv1.2", cipher: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" };
  assertFields(rowOf(everything, attempt({ tls })), {
    dlvTlsProtocol: "TLSv1.2",
    dlvTlsCipher: "ECDHE-RSA-AES256-GCM-SHA384",
  });
});

const atRcpt = { ...sampleFailure, kind: "refused", stage: "rcpt", cause: "refused" } as const;

const noSuchUser: Partial<AttemptRecord> = {
  event: "failed",
  reply: { code: 550, enhanced: "5.1.1", text: 'no such user "bob", sorry' },
  status: "5.1.1",
  failure: atRcpt,
};

test("b: what a host said for good, over which connection", () => {
  assertFields(rowOf(everything, attempt(noSuchUser)), {
    type: "b",
    dsnAction: "failed",
    dsnStatus: "5.1.1 (bad destination mailbox address)",
    dsnDiag: 'smtp;550 5.1.1 no such user "bob", sorry',
    bounceCat: "bad-mailbox",
    dlvType: "smtp",
    dlvSize: "",
    dlvTlsProtocol: "TLSv1.3",
  });
});

test("b: no such domain, in the words that are known for it; there was no host", () => {
  const row = rowOf(
    everything,
    attempt({
      event: "failed",
      status: "5.1.2",
      reply: null,
      mx: null,
      address: null,
      connection: null,
      tls: null,
      rule: null,
      error: "example.net: no such domain",
      failure: { ...atRcpt, kind: "route", stage: null, code: "no-such-domain", cause: "no such domain" },
    }),
  );
  assertFields(row, {
    dsnStatus: "5.1.2 (bad destination system: no such domain)",
    dsnDiag: "",
    dsnMta: "",
    bounceCat: "bad-domain",
    dlvType: "",
    dlvSourceIp: "",
    dlvEsmtpAvailable: "",
    dlvTlsRequired: "",
    dlvTlsRule: "",
  });
});

test("powermta T10: b of mail that expired while TLS could not be had: the last reason is kept", () => {
  const expired = { ...sampleRefusal, event: "expired" } as const;
  const [tq, b] = rowsOf(everything, { kind: "attempt", record: expired });
  assertFields(tq, { type: "tq", dsnStatus: "4.7.5 (cryptographic failure)" });
  assertFields(b, {
    type: "b",
    dsnStatus: "4.4.7 (delivery time expired)",
    dsnDiag: `smtp;${sampleRefusal.error}`,
    bounceCat: "message-expired",
  });
});

test("b: taken out of the queue by an operator: our words, no host", () => {
  const failure = { ...atRcpt, kind: "local", stage: null, cause: "bounced" } as const;
  const change = {
    event: "failed",
    status: "5.0.0",
    reply: null,
    address: null,
    mx: null,
    error: "bounced by ann",
    failure,
  } as const;
  assertFields(rowOf(everything, attempt(change)), {
    type: "b",
    dsnStatus: "5.0.0 (undefined status)",
    dsnDiag: "smtp;bounced by ann",
  });
});

test("t: a reply for now, once for each recipient", () => {
  const later: Partial<AttemptRecord> = {
    event: "deferred",
    reply: { code: 450, enhanced: null, text: "greylisted" },
    status: "4.0.0",
    failure: atRcpt,
  };
  const rows = rowsOf(everything, attempt(later), attempt({ ...later, leads: false, to: "carol@example.net" }));
  assert.deepEqual(
    rows.map(({ type, rcpt }) => [type, rcpt]),
    [
      ["t", "bob@example.net"],
      ["t", "carol@example.net"],
    ],
  );
  assertFields(rows[0], {
    dsnAction: "delayed",
    dsnStatus: "4.0.0 (undefined status)",
    dsnDiag: "smtp;450 greylisted",
    bounceCat: "other",
    dlvSize: "",
  });
});

test("tq: TLS that was not as required: the reason, required and achieved", () => {
  assertFields(rowOf(everything, { kind: "attempt", record: sampleRefusal }), {
    type: "tq",
    timeQueued: "",
    rcpt: "",
    dsnAction: "",
    dsnStatus: "4.7.5 (cryptographic failure)",
    dsnDiag: `smtp;${sampleRefusal.error}`,
    dsnMta: "mx.example.net (192.0.2.7)",
    bounceCat: "",
    dlvType: "smtp",
    dlvSourceIp: "192.0.2.1",
    dlvDestinationIp: "192.0.2.7",
    vmta: "default",
    queue: "example.net/default",
    userString: "mta1",
    dlvTlsProtocol: "TLSv1.3",
    dlvTlsRequired: "verify",
    dlvTlsAchieved: "encrypted",
    dlvTlsVerify: "chain=DEPTH_ZERO_SELF_SIGNED_CERT name=mismatch",
    dlvTlsRule: "/etc/letterlock/letterlock.yaml:14",
  });
});

test("t: a demand of one recipient that TLS did not meet concerns that recipient alone", () => {
  const failure = {
    ...atRcpt,
    kind: "tls",
    stage: null,
    tls: "recipient-requirement",
    cause: "not verified",
  } as const;
  assertFields(rowOf(everything, attempt({ ...sampleRefusal, failure })), { type: "t", rcpt: "bob@example.net" });
});

test("tq: STARTTLS refused: what the host said", () => {
  const tls = {
    ...sampleTls,
    protocol: null,
    cipher: null,
    refusal: { code: 454, enhanced: "4.7.0", text: "TLS not available" },
  };
  const failure = { ...atRcpt, kind: "tls", stage: null, tls: "refused", cause: "refused" } as const;
  assertFields(rowOf(everything, attempt({ ...sampleRefusal, tls, failure, status: "4.7.0" })), {
    type: "tq",
    dsnStatus: "4.7.0 (other or undefined security status)",
    dsnDiag: "smtp;454 4.7.0 TLS not available",
    dlvTlsProtocol: "",
  });
});

const unreachable: Partial<AttemptRecord> = {
  event: "deferred",
  reply: null,
  connection: null,
  tls: null,
  error: "connect to mx.example.net[192.0.2.7]: connection refused",
  status: "4.4.1",
  failure: { ...atRcpt, kind: "unreachable", stage: "connect", cause: "connection refused" },
};

test("tq: no connection: as the guide's sample row, without a word of diagnosis", () => {
  assertFields(rowOf(everything, attempt(unreachable)), {
    type: "tq",
    dsnStatus: "4.4.1 (no answer from host)",
    dsnDiag: "",
    dlvSourceIp: "0.0.0.0",
    dlvDestinationIp: "192.0.2.7",
  });
  assertFields(rowOf(everything, attempt({ ...unreachable, address: "2001:db8::7" })), { dlvSourceIp: "::" });
});

test("tq: once for all recipients of an attempt, again for the next attempt and for another host", () => {
  const second = { ...unreachable, leads: false, to: "carol@example.net" };
  const types = (...events: LetterlockEvent[]): string[] => rowsOf(everything, ...events).map(({ type = "" }) => type);
  assert.deepEqual(types(attempt(unreachable), attempt(second)), ["tq"]);
  assert.deepEqual(types(attempt(unreachable), attempt({ ...unreachable, time: "2026-11-21T12:10:00.000Z" })), [
    "tq",
    "tq",
  ]);
  assert.deepEqual(types(attempt(unreachable), attempt({ ...second, address: "192.0.2.8" })), ["tq", "tq"]);
  assert.deepEqual(types(attempt(), attempt(second)), ["d", "tq"]);
});

const { mx, port, rule } = sampleAttempt;
const earlier = (change: Partial<EarlierHost>): EarlierHost => ({
  mx,
  port,
  rule,
  address: "192.0.2.6",
  connection: null,
  tls: null,
  reply: null,
  error: "connection timed out",
  status: "4.4.1",
  failure: { ...atRcpt, kind: "unreachable", stage: "connect", cause: "timed out" },
  ...change,
});

test("tq: one for each queue, though two of a message were tried in the same instant at the same host", () => {
  const rows = rowsOf(everything, attempt(unreachable), attempt({ ...unreachable, to: "carol@example.org" }));
  assert.deepEqual(
    rows.map(({ type, queue }) => [type, queue]),
    [
      ["tq", "example.net/default"],
      ["tq", "example.org/default"],
    ],
  );
});

test("hosts that were met before: tq of each, t where one refused a recipient, then what settled it", () => {
  const said = earlier({
    address: "192.0.2.5",
    reply: { code: 451, enhanced: "4.3.0", text: "busy" },
    status: "4.3.0",
    failure: atRcpt,
  });
  const rows = rowsOf(everything, attempt({ earlier: [earlier({ mx: "mx0.example.net" }), said] }));
  assert.deepEqual(
    rows.map(({ type, dsnMta, dsnStatus }) => [type, dsnMta, dsnStatus]),
    [
      ["tq", "mx0.example.net (192.0.2.6)", "4.4.1 (no answer from host)"],
      ["t", "mx.example.net (192.0.2.5)", "4.3.0 (unknown mail system-related status)"],
      ["d", "mx.example.net (192.0.2.7)", "2.0.0 (success)"],
    ],
  );
});

test("a host that was not tried has no record", () => {
  const failure = { ...atRcpt, kind: "suspended", stage: null, cause: "suspended" } as const;
  assert.deepEqual(rowsOf(everything, attempt({ ...unreachable, failure })), []);
});

test("types that a file has not are not written, and other events are none of its business", () => {
  const events: LetterlockEvent[] = [attempt(), attempt(unreachable), taken()];
  assert.deepEqual(rowsOf(accountingLog("records b,t"), ...events), []);
  assert.deepEqual(
    rowsOf(accountingLog("records d,r"), ...events, { kind: "stopping", reason: "x" }).map(({ type }) => type),
    ["d", "r"],
  );
});

test("r: one for each recipient of a message that was taken, none of a refusal", () => {
  const record: InboundRecord = {
    ...sampleInbound,
    to: ["alice@example.com", "ann@example.com"],
    orcpts: [null, "rfc822;ann@example.org"],
    binding: "vmta7",
    bindingGroup: "pool1",
    envid: "job 7",
    user: "shop",
    headers: { "message-id": "<2@example.net>", "x-job": "7" },
  };
  const rows = rowsOf(everything, { kind: "inbound", record }, refused());
  assert.deepEqual(
    rows.map(({ rcpt, orcpt }) => [rcpt, orcpt]),
    [
      ["alice@example.com", ""],
      ["ann@example.com", "rfc822;ann@example.org"],
    ],
  );
  assertFields(rows[0], {
    type: "r",
    timeLogged: "2026-11-21 12:00:00+0000",
    timeQueued: "",
    orig: "bob@example.net",
    srcType: "smtp",
    srcMta: "mail.example.net (192.0.2.7)",
    rcvSourceIp: "192.0.2.7",
    rcvDestinationIp: sampleInbound.localAddress ?? "",
    vmta: "pool1",
    vmtaPool: "pool1",
    jobId: "7",
    envId: "job 7",
    rcvSmtpUser: "shop",
    rcvTlsProtocol: "TLSv1.3",
    rcvTlsCipher: "TLS_AES_256_GCM_SHA384",
    rcvTlsGroup: "X25519MLKEM768",
    rcvTlsRequired: "matching",
    rcvTlsAchieved: "matched",
    rcvTlsVerify: "chain=trusted",
    rcvTlsPeer: `CN=mail.example.net sha256=${sampleInbound.tls.client?.sha256}`,
    rcvTlsRule: "/etc/letterlock/letterlock.yaml:21",
    "header_Message-Id": "<2@example.net>",
    queue: "",
  });
});

test("a notice of our own comes from nobody's session", () => {
  const origin = {
    ...sampleOrigin,
    session: null,
    listener: null,
    client: null,
    ehlo: null,
    protocol: "local",
    user: null,
    tls: null,
  };
  assertFields(rowOf(everything, attempt({ origin, from: "" })), {
    srcType: "api",
    srcMta: "",
    orig: "",
    rcvSmtpUser: "",
    rcvTlsProtocol: "",
  });
});

test("iso-times no: seconds since 1970", () => {
  const log = accountingLog("records d", "record-fields d timeLogged,timeQueued", "iso-times no");
  assertFields(rowOf(log, attempt()), { timeLogged: "1795262400", timeQueued: "1795262400" });
});

test("map-header-to-field: the first header field that there is, else the field's own value", () => {
  const log = accountingLog(
    "records d",
    "record-fields d orig,rcpt,queue",
    "map-header-to-field d header_X-Foo rcpt",
    "map-header-to-field d header_Message-ID rcpt",
    "map-header-to-field d header_X-Foo orig",
  );
  assertFields(rowOf(log, attempt()), { orig: "alice@example.com", rcpt: "<1@example.com>" });
  const origin = { ...sampleOrigin, headers: { ...sampleOrigin.headers, "x-foo": "foo@example.org" } };
  assertFields(rowOf(log, attempt({ origin })), {
    orig: "foo@example.org",
    rcpt: "foo@example.org",
    queue: "example.net/default",
  });
});

test("jobId is that of the header field x-job", () => {
  const origin = { ...sampleOrigin, headers: { "x-job": "JoBID29546016861868" } };
  assertFields(rowOf(everything, attempt({ origin })), { jobId: "JoBID29546016861868" });
});

test("privacy-policy: the recipient is hidden wherever the row would tell it", () => {
  const log = accountingLog("records b", "record-fields b *,header_To", 'privacy-policy redact "X"');
  const row = rowOf(
    log,
    attempt({
      ...noSuchUser,
      from: "bounce-bob=example.net@lists.example.com",
      reply: { code: 550, enhanced: "5.1.1", text: "<Bob@example.net>: bob unknown, bobby is not" },
      origin: { ...sampleOrigin, headers: { to: "Bob <bob@example.net>" } },
    }),
  );
  assertFields(row, {
    rcpt: "X@example.net",
    orcpt: "rfc822;X@example.net",
    orig: "bounce-X=example.net@lists.example.com",
    dsnDiag: "smtp;550 5.1.1 <X@example.net>: X unknown, bobby is not",
    header_To: "X <X@example.net>",
    queue: "example.net/default",
  });
});

test("AT-28: hostile text in every field from outside: one line, no formula, no terminal control", () => {
  const hostile = '=1+1\r\n\x1b[2J,"x"';
  const row = rowOf(
    everything,
    attempt({
      ...noSuchUser,
      from: "=1+1@example.com",
      to: "+1@example.net",
      orcpt: hostile,
      mx: hostile,
      binding: "vmta,7",
      connection: {
        id: "1",
        use: 1,
        localAddress: "192.0.2.1",
        localPort: 1,
        keywords: [hostile, "-X", "=CMD|'/C calc'!A0"],
      },
      origin: {
        ...sampleOrigin,
        ehlo: hostile,
        user: hostile,
        envid: hostile,
        headers: { "message-id": hostile, "x-job": hostile },
      },
      tls: { ...sampleTls, peer: sampleTls.peer && { ...sampleTls.peer, subject: hostile } },
    }),
  );
  for (const [name, value] of Object.entries(row)) {
    assert.doesNotMatch(value, /^[=+\-@]/, name);
    assert.doesNotMatch(value, /\p{Cc}/u, name);
  }
  assertFields(row, {
    orig: '"=1+1"@example.com',
    rcpt: '"+1"@example.net',
    vmta: "vmta,7",
    jobId: '\'=1+1\\x0d\\x0a\\x1b[2J,"x"',
  });
});

test("formula-cells keep: for readers that must have every value as it was", () => {
  const log = accountingLog("records d", "record-fields d orig,rcpt,jobId", "formula-cells keep");
  const { lines } = createAccountingRenderer(log);
  const origin = { ...sampleOrigin, headers: { "x-job": "=1\r\n" } };
  assert.equal(
    lines(attempt({ from: "+1@example.com", origin }), 0)[0]?.text,
    "d,+1@example.com,bob@example.net,=1\\x0d\\x0a",
  );
});

test("a row costs microseconds", () => {
  const { lines } = createAccountingRenderer(everything);
  const event = attempt();
  for (let round = 0; round < 2000; round += 1) lines(event, 0);
  const before = performance.now();
  for (let round = 0; round < 5000; round += 1) lines(event, 0);
  const microseconds = (performance.now() - before) / 5;
  assert.ok(microseconds < 60, `${microseconds}`);
});

test("a column of a header field that no message has is empty, whatever it is called", () => {
  const log = accountingLog(
    "records d,r",
    ...["d", "r"].map((type) => `record-fields ${type} rcpt,header_constructor`),
  );
  for (const event of [attempt(), taken()]) {
    assert.equal(rowOf(log, event).header_constructor, "");
  }
});
