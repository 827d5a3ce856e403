import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sampleAttempt, sampleOrigin, sampleRefusal, sampleTls } from "../../mail/attempt-sample.ts";
import { sampleInbound } from "../../mail/inbound-sample.ts";
import { attempt, refused, sampleHandshake, sampleLabel, taken } from "../../observe/event-sample.ts";
import type { EventOf, LetterlockEvent } from "../../observe/events.ts";
import { createSendmailRenderer } from "./sendmail-renderer.ts";

const label = { ...sampleLabel, session: "01KD8W7F20000411", listener: "mx" };

const ended = {
  ...label,
  kind: "session-ended",
  ehlo: "c.example",
  tls: null,
  messages: 0,
  refusals: 0,
  reason: "closed by client",
  durationMs: 7,
  commands: { ehlo: { said: 1, good: 1 }, mail: { said: 1, good: 1 } },
  lastCommand: "mail",
} as const;

function said(...events: readonly LetterlockEvent[]): readonly string[] {
  const renderer = createSendmailRenderer({ kind: "sendmail", name: "sm-mta", level: 14 });
  return events.flatMap((event) => renderer.lines(event, 0).map(({ text }) => text));
}

function notice(messageId: string, action: EventOf<"notice-queued">["action"]): LetterlockEvent {
  const rest = { to: "alice@example.com", headerId: "<n@relay.test>", sizeBytes: 2000, binding: "default" };
  return { kind: "notice-queued", messageId, about: id, action, ...rest };
}

const relay = "relay=mx.example.net. [192.0.2.7]";
const times = "delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=35120";
const handshake =
  "STARTTLS=client, relay=mx.example.net., version=TLSv1.3, verify=OK, cipher=TLS_AES_256_GCM_SHA384, bits=256/256";
const certificate = "STARTTLS=client, cert-subject=/CN=mx.example.net, cert-issuer=/CN=Example+20CA, verifymsg=ok";
const id = sampleAttempt.messageId;

const rows: readonly [name: string, events: readonly LetterlockEvent[], want: readonly string[]][] = [
  [
    "a delivery",
    [attempt({})],
    [
      handshake,
      certificate,
      `${id}: to=<bob@example.net>, ${times}, ${relay}, dsn=2.0.0, stat=Sent (2.0.0 Ok: queued as 4F2A)`,
      `${id}: done; delay=00:00:00, ntries=1`,
    ],
  ],
  [
    "a rule of ours that was not met",
    [{ kind: "attempt", record: sampleRefusal }],
    [
      handshake.replace("OK", "FAIL"),
      certificate.replace("msg=ok", "msg=self-signed certificate"),
      "ruleset=tls_server, arg1=FAIL, relay=mx.example.net, reject=454 4.7.5 server certificate of mx.example.net[192.0.2.7] not accepted: certificate not trusted",
      `${id}: to=<bob@example.net>, ${times}, ${relay}, dsn=4.7.5, stat=Deferred: 454 4.7.5 server certificate of mx.example.net[192.0.2.7] not accepted: certificate not trusted`,
    ],
  ],
  [
    "a host that DANE proved, on a connection that had carried another message",
    [
      attempt({
        tls: { ...sampleTls, required: "dane", verify: { ...sampleTls.verify, chain: "SELF_SIGNED_CERT_IN_CHAIN" } },
      }),
      attempt({ connection: { ...(sampleAttempt.connection ?? assert.fail()), use: 2 } }),
    ].flat(),
    [
      handshake.replace("OK", "TRUSTED"),
      certificate.replace("msg=ok", "msg=self-signed certificate in certificate chain"),
      `${id}: to=<bob@example.net>, ${times}, ${relay}, dsn=2.0.0, stat=Sent (2.0.0 Ok: queued as 4F2A)`,
      `${id}: done; delay=00:00:00, ntries=1`,
      `${id}: to=<bob@example.net>, ${times}, ${relay}, dsn=2.0.0, stat=Sent (2.0.0 Ok: queued as 4F2A)`,
      `${id}: done; delay=00:00:00, ntries=1`,
    ],
  ],
  [
    "a host without TLS that DANE demands",
    [
      attempt({
        event: "deferred",
        tls: {
          ...sampleTls,
          required: "dane",
          achieved: "none",
          offered: false,
          protocol: null,
          cipher: null,
          peer: null,
        },
        reply: null,
        error: "TLS is required, but not offered",
        failure: {
          ...(sampleRefusal.failure ?? assert.fail()),
          tls: "not-offered",
          unproven: [],
          cause: "not-offered",
        },
        status: "4.7.5",
      }),
    ],
    [
      "STARTTLS=client, relay=mx.example.net., warning=DANE configured in DNS but STARTTLS not offered",
      "ruleset=tls_server, arg1=NONE, relay=mx.example.net, reject=454 4.7.5 TLS is required, but not offered",
      `${id}: to=<bob@example.net>, ${times}, ${relay}, dsn=4.7.5, stat=Deferred: 454 4.7.5 TLS is required, but not offered`,
    ],
  ],
  [
    "a third attempt, days later, of a message to a list, at an address of IPv6",
    [
      attempt({
        event: "deferred",
        attempt: 3,
        ageMs: 93_784_000,
        durationMs: 61_000,
        mx: null,
        address: "2001:db8::7",
        connection: null,
        tls: null,
        reply: null,
        origin: { ...sampleOrigin, headers: { precedence: " List" } },
        failure: {
          kind: "unreachable",
          stage: "connect",
          tls: null,
          unproven: [],
          code: "ETIMEDOUT",
          cause: "timed out",
        },
        status: "4.4.1",
      }),
    ],
    [
      `${id}: makeconnection ([IPv6:2001:db8:0:0:0:0:0:7] [IPv6:2001:db8:0:0:0:0:0:7].25 (10)) failed: Connection timed out with [IPv6:2001:db8:0:0:0:0:0:7]`,
      `${id}: to=<bob@example.net>, delay=1+02:03:04, xdelay=00:01:01, mailer=esmtp, pri=269120, relay=[IPv6:2001:db8:0:0:0:0:0:7] [IPv6:2001:db8:0:0:0:0:0:7], dsn=4.4.1, stat=Deferred: Connection timed out with [IPv6:2001:db8:0:0:0:0:0:7]`,
    ],
  ],
  [
    "a notice of failure, told with the record that it is about, once",
    [
      notice("N1", "failed"),
      attempt({
        event: "failed",
        recipients: 2,
        tls: null,
        reply: { code: 550, enhanced: null, text: "nobody here" },
        failure: { kind: "refused", stage: "rcpt", tls: null, unproven: [], code: null, cause: "" },
        status: "5.0.0",
      }),
      attempt({ to: "c@example.net", leads: false, tls: null }),
    ],
    [
      `${id}: to=<bob@example.net>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=65120, ${relay}, dsn=5.1.1, reply=550 nobody here, stat=User unknown`,
      `${id}: N1: DSN: User unknown`,
      `${id}: to=<c@example.net>, ${times}, ${relay}, dsn=2.0.0, stat=Sent (2.0.0 Ok: queued as 4F2A)`,
      `${id}: done; delay=00:00:00, ntries=1`,
    ],
  ],
  [
    "a notice that mail waits, and one that it was given up",
    [
      notice("N1", "delayed"),
      { kind: "attempt", record: { ...sampleRefusal, tls: null, ageMs: 14_500_000 } },
      notice("N2", "expired"),
      { kind: "attempt", record: { ...sampleRefusal, tls: null, ageMs: 432_100_000, event: "expired" } },
    ],
    [
      `${id}: N1: sender notify: Warning: could not send message for past 4 hours`,
      `${id}: N2: DSN: Cannot send message for 5 days`,
    ],
  ],
  [
    "a client",
    [{ ...label, clientName: "c.example", kind: "session-started" }],
    ["NOQUEUE: connect from c.example [192.0.2.9]"],
  ],
  [
    "a client that is lost in the middle, or in its message",
    [ended, { ...ended, lastCommand: "data" }, { ...ended, lastCommand: "rset" }, { ...ended, reason: "quit" }],
    [
      "01KD8W7F20000411: lost input channel from [192.0.2.9] to mx after mail",
      "01KD8W7F20000411: collect: premature EOM: unexpected close",
    ],
  ],
  [
    "a client that says nothing",
    [
      { ...ended, reason: "timeout" },
      { ...ended, commands: {} },
      { ...ended, commands: {}, refusals: 1 },
    ],
    [
      "01KD8W7F20000411: timeout waiting for input from [192.0.2.9] during server cmd read",
      "01KD8W7F20000411: [192.0.2.9] did not issue MAIL/EXPN/VRFY/ETRN during connection to mx",
    ],
  ],
  [
    "a handshake of a client that was not asked for a certificate, and one that failed",
    [
      { ...sampleHandshake, ...label },
      { ...label, kind: "inbound-handshake-failed", error: "wrong version number" },
    ],
    [
      "STARTTLS=server, relay=[192.0.2.9], version=TLSv1.2, verify=NOT, cipher=ECDHE-RSA-AES128-GCM-SHA256, bits=128/128",
      "STARTTLS=server, cert-subject=, cert-issuer=, verifymsg=ok",
      "STARTTLS=server, error: accept failed=-1, reason=wrong version number, SSL_error=1, errno=0, retry=-1, relay=[192.0.2.9]",
    ],
  ],
  [
    "log-ins",
    [
      { ...label, kind: "log-in", mechanism: "PLAIN", result: "ok", user: "alice" },
      { ...label, kind: "log-in", mechanism: "LOGIN", result: "failed", user: "alice" },
      { ...label, kind: "log-in", mechanism: "PLAIN", result: "temporary", user: null },
    ],
    [
      "AUTH=server, relay=[192.0.2.9], authid=alice, mech=PLAIN, bits=0",
      "AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user=alice, relay=[192.0.2.9]",
      "AUTH failure (PLAIN): temporary failure (-1) SASL(-1): temporary failure: checkpass failed, relay=[192.0.2.9]",
    ],
  ],
  [
    "a message that was taken",
    [taken()],
    [
      "01KD8W7F3N: from=<bob@example.net>, size=5120, class=0, nrcpts=1, msgid=<2@example.net>, proto=ESMTPS, daemon=mx, relay=mail.example.net [192.0.2.7]",
    ],
  ],
  [
    "refusals",
    [
      refused(),
      refused({ from: null }),
      refused({ stage: "client" }),
      refused({ stage: "starttls", tls: { ...sampleInbound.tls } }),
      refused({ stage: "data" }),
      refused({ stage: "auth" }),
      refused({ stage: "rcpt", reason: "relay", to: ["x@far.example"] }),
      { kind: "connection-refused", listener: "mx", client: "192.0.2.9", reason: "421 4.3.2 too many connections" },
    ],
    [
      "01KD8W7F2Q: ruleset=check_mail, arg1=<bob@example.net>, relay=mail.example.net [192.0.2.7], reject=550 5.7.10 TLS is required for this mail: issue STARTTLS first",
      "ruleset=check_relay, arg1=mail.example.net, arg2=192.0.2.7, relay=mail.example.net [192.0.2.7], reject=550 5.7.10 TLS is required for this mail: issue STARTTLS first",
      "ruleset=check_relay, arg1=mail.example.net, arg2=192.0.2.7, relay=mail.example.net [192.0.2.7], reject=550 5.7.10 TLS is required for this mail: issue STARTTLS first",
      "ruleset=tls_client, arg1=OK, arg2=STARTTLS, relay=mail.example.net [192.0.2.7], reject=550 5.7.10 TLS is required for this mail: issue STARTTLS first",
      "01KD8W7F2Q: ruleset=check_eom, relay=mail.example.net [192.0.2.7], reject=550 5.7.10 TLS is required for this mail: issue STARTTLS first",
      "01KD8W7F2Q: ruleset=check_rcpt, arg1=<x@far.example>, relay=mail.example.net [192.0.2.7], reject=550 5.7.10 <x@far.example>... Relaying denied",
      "ruleset=check_relay, arg1=[192.0.2.9], arg2=192.0.2.9, relay=[192.0.2.9], reject=421 4.3.2 too many connections",
    ],
  ],
];

for (const [name, events, want] of rows) {
  test(`Sendmail lines: ${name}`, () => {
    const own = said(...events);
    const shown = name.startsWith("a notice that") ? own.filter((line) => / N\d: /.test(line)) : own;
    assert.deepEqual(shown, want);
  });
}

/** One event of each kind that has lines, and the level from which it has them. */
const byLevel: readonly [level: number, event: LetterlockEvent, count: number][] = [
  [2, ended, 1],
  [2, { ...ended, reason: "timeout" }, 1],
  [4, refused(), 1],
  [5, taken(), 1],
  [6, { ...label, kind: "inbound-handshake-failed", error: "x" }, 1],
  [6, { ...ended, commands: {} }, 1],
  [7, attempt({ event: "failed", tls: null, failure: sampleRefusal.failure }), 1],
  [8, attempt({ tls: null }), 1],
  [9, attempt({ event: "deferred", tls: null, failure: sampleRefusal.failure, recipients: 2 }), 1],
  [9, { ...label, kind: "log-in", mechanism: "PLAIN", result: "ok", user: "a" }, 1],
  [10, { ...label, kind: "log-in", mechanism: "PLAIN", result: "failed", user: "a" }, 1],
  [10, { ...label, kind: "session-started" }, 1],
];

test("Sendmail lines: each from its LogLevel on", () => {
  for (const [level, event, count] of byLevel) {
    const told = [level - 1, level].map((at) => {
      const { lines } = createSendmailRenderer({ kind: "sendmail", name: "sm-mta", level: at });
      return lines(event, 0).filter(({ text }) => !text.startsWith("ruleset=tls_server")).length;
    });
    assert.deepEqual(told, [0, count], JSON.stringify(event));
  }
});

test("AT-28 Sendmail lines: whatever anybody writes is one printable line", () => {
  const renderer = createSendmailRenderer({ kind: "sendmail", name: "sm-mta", level: 14 });
  const hostile = fc.string({ unit: "binary", maxLength: 1500 });
  const tricks = fc.constantFrom("\\u{ffffff}", "\\\\u{ffffff}", "\\x", "\\", "\\0", "CN=a\\", "=\\u{110000}, CN=b");
  const recorded = fc
    .oneof(hostile, tricks)
    .map((text) => text.replace(/[^\x20-\x7e]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`));
  fc.assert(
    fc.property(hostile, recorded, (raw, kept) => {
      const reply = { code: 550, enhanced: null, text: kept };
      const names = { client: raw, clientName: raw, listener: raw, session: raw };
      const peer = { ...(sampleTls.peer ?? assert.fail()), subject: kept, issuer: kept };
      const events: readonly LetterlockEvent[] = [
        { ...label, ...names, kind: "session-started" },
        { ...ended, ...names, lastCommand: raw },
        { ...ended, ...names },
        { ...label, ...names, kind: "inbound-handshake-failed", error: raw },
        { ...label, ...names, kind: "log-in", mechanism: raw, result: "failed", user: raw },
        { kind: "connection-refused", listener: raw, client: raw, reason: raw },
        notice(raw, "failed"),
        attempt({ from: kept, to: kept, mx: kept, tls: { ...sampleTls, peer, cipher: kept }, reply }),
        {
          kind: "attempt",
          record: { ...sampleRefusal, event: "failed", error: kept, nexthop: kept, reply: null, address: null },
        },
        {
          kind: "inbound",
          record: { ...sampleInbound, from: kept, headers: { "message-id": kept, precedence: kept } },
        },
        refused({ stage: "rcpt", to: [kept], reply }),
      ];
      for (const event of events) {
        for (const { text } of renderer.lines(event, 0)) assert.match(text, /^[ -~]+$/);
      }
    }),
  );
});

test("AT-28 Sendmail lines: nobody's text brings fields of its own", () => {
  const forged = 'x"> a=b, stat=Sent (ok), relay=mx.victim.example. [192.0.2.99], dsn=2.0.0, stat=Sent (ok)';
  const reply = { code: 451, enhanced: null, text: forged };
  const failure = { kind: "refused", stage: "rcpt", tls: null, unproven: [], code: null, cause: forged } as const;
  const { headers: _, ...inbound } = sampleInbound;
  const lines = said(
    attempt({ event: "deferred", to: forged, tls: null, reply, failure }),
    attempt({ event: "deferred", tls: null, reply: null, failure: { ...failure, kind: "local" } }),
    attempt({ reply: { ...reply, code: 250 } }),
    { kind: "inbound", record: { ...inbound, from: forged, headers: { "message-id": forged } } },
    { ...label, kind: "log-in", mechanism: "PLAIN", result: "failed", user: forged },
  );
  for (const line of lines) {
    const own = line.replace(/<[^>]*>/g, "");
    assert.ok(own.split("stat=").length <= 2, line);
    assert.ok(own.split("relay=").length <= 2, line);
  }
});

test("a class that is none, whatever a client calls it, is 0", () => {
  for (const precedence of ["constructor", "__proto__", "toString", "urgent"]) {
    const record = { ...sampleInbound, headers: { precedence } };
    assert.match(said({ kind: "inbound", record })[0] ?? "", /, class=0, /);
  }
});
