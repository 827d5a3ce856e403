/** What Postfix would say of clients. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleInbound, sampleInboundRefusal } from "../../mail/inbound-sample.ts";
import { refused, sampleHandshake, sampleLabel, taken } from "../../observe/event-sample.ts";
import type { CommandCounts, LetterlockEvent } from "../../observe/events.ts";
import { linesOf, openRenderer } from "./lines-sample.ts";

const label = { ...sampleLabel, listener: "mx" };

function end(reason: string, commands: CommandCounts, lastCommand: string): LetterlockEvent {
  const rest = { ehlo: "c.example", tls: null, messages: 0, refusals: 0, durationMs: 7 };
  return { ...label, ...rest, kind: "session-ended", reason, commands, lastCommand };
}

const once = { said: 1, good: 1 };
const handshake = { ...sampleHandshake, ...label, cipher: "TLS_RSA_WITH_AES_128_CBC_SHA" };
const { client: certificate } = sampleInbound.tls;
assert.ok(certificate);

const rows: readonly [name: string, event: LetterlockEvent, want: readonly string[]][] = [
  ["a client", { ...label, kind: "session-started" }, ["connect from unknown[192.0.2.9]"]],
  [
    "a client with a name",
    { ...label, clientName: "c.example", client: "2001:db8::9", kind: "session-started" },
    ["connect from c.example[2001:db8::9]"],
  ],
  [
    "its leave, with what failed",
    end("quit", { mail: { said: 3, good: 1 }, quit: once, ehlo: once, unknown: { said: 2, good: 0 } }, "quit"),
    ["disconnect from unknown[192.0.2.9] ehlo=1 mail=1/3 quit=1 unknown=0/2 commands=3/7"],
  ],
  [
    "nothing said",
    end("closed by client", {}, "connect"),
    [
      "NOQUEUE: lost connection after CONNECT from unknown[192.0.2.9]",
      "disconnect from unknown[192.0.2.9] commands=0/0",
    ],
  ],
  [
    "silence",
    end("timeout", { helo: once }, "helo"),
    ["NOQUEUE: timeout after HELO from unknown[192.0.2.9]", "disconnect from unknown[192.0.2.9] helo=1 commands=1"],
  ],
  [
    "guessing",
    end("too many failed log-ins", { auth: { said: 3, good: 0 } }, "auth"),
    [
      "NOQUEUE: too many errors after AUTH from unknown[192.0.2.9]",
      "disconnect from unknown[192.0.2.9] auth=0/3 commands=0/3",
    ],
  ],
  [
    "a handshake without a certificate",
    handshake,
    ["Anonymous TLS connection established from unknown[192.0.2.9]: TLSv1.2 with cipher AES128-SHA (128/128 bits)"],
  ],
  [
    "a handshake with one that nobody vouches for",
    { ...handshake, protocol: "TLSv1.3", group: "X448", certificate, chain: "UNABLE_TO_GET_ISSUER_CERT" },
    [
      "Untrusted TLS connection established from unknown[192.0.2.9]: TLSv1.3 with cipher AES128-SHA (128/128 bits) key-exchange x448 client-signature ECDSA (prime256v1) client-digest SHA256",
    ],
  ],
  [
    "a handshake that failed",
    { ...label, kind: "inbound-handshake-failed", error: "wrong version number\r\n" },
    [
      "SSL_accept error from unknown[192.0.2.9]: -1",
      "warning: TLS library problem: error::SSL routines::wrong version number??:::",
    ],
  ],
  [
    "a handshake that was reset",
    { ...label, kind: "inbound-handshake-failed", error: "read ECONNRESET" },
    ["SSL_accept error from unknown[192.0.2.9]: Connection reset by peer"],
  ],
  ["a log-in", { ...label, kind: "log-in", mechanism: "PLAIN", result: "ok", user: "alice" }, []],
  [
    "a log-in in vain",
    { ...label, kind: "log-in", mechanism: "LOGIN", result: "failed", user: "al\nice" },
    ["warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=al?ice"],
  ],
  [
    "too many clients",
    {
      kind: "connection-refused",
      listener: "mx",
      client: "192.0.2.9",
      reason: "too many connections from your address",
    },
    ["NOQUEUE: reject: CONNECT from unknown[192.0.2.9]: 421 4.7.0 too many connections from your address; proto=SMTP"],
  ],
  [
    "a sender refused",
    refused({ clientName: null }),
    [
      "NOQUEUE: reject: MAIL from unknown[192.0.2.7]: 550 5.7.10 <bob@example.net>: TLS is required for this mail: issue STARTTLS first; from=<bob@example.net> proto=ESMTP helo=<mail.example.net>",
    ],
  ],
  [
    "relaying refused, in Postfix's words",
    {
      kind: "inbound",
      record: {
        ...sampleInboundRefusal,
        stage: "rcpt",
        reason: "relay",
        from: "",
        to: ["a@x.example"],
        protocol: "SMTP",
      },
    },
    [
      "NOQUEUE: reject: RCPT from mail.example.net[192.0.2.7]: 550 5.7.10 <a@x.example>: Relay access denied; from=<> to=<a@x.example> proto=SMTP helo=<mail.example.net>",
    ],
  ],
  ["a log-in refused: told by the log-in itself", refused({ stage: "auth" }), []],
  ["nothing of Postfix's", { kind: "commit", operations: 1, seconds: 0.1 }, []],
];

for (const [name, event, want] of rows) {
  test(`smtpd: ${name}`, () =>
    assert.deepEqual(
      linesOf(event),
      want.map((text) => `postfix/smtpd: ${text}`),
    ));
}

test("a message that was taken: its client, its Message-ID, its way into the queue", () => {
  const record = { ...sampleInbound, user: "alice", by: "PLAIN", headers: { "message-id": "<1@example.net>" } };
  assert.deepEqual(linesOf({ kind: "inbound", record }), [
    "postfix/smtpd: 01KD8W7F3N: client=mail.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=alice",
    "postfix/cleanup: 01KD8W7F3N: message-id=<1@example.net>",
    "postfix/qmgr: 01KD8W7F3N: from=<bob@example.net>, size=5120, nrcpt=1 (queue active)",
  ]);
  const byCertificate = { ...sampleInbound, user: "alice", by: "certificate", headers: {} };
  const [client, id] = linesOf({ kind: "inbound", record: byCertificate });
  assert.equal(client, "postfix/smtpd: 01KD8W7F3N: client=mail.example.net[192.0.2.7]");
  assert.equal(id, "postfix/cleanup: 01KD8W7F3N: message-id=<>");
});

const composed = { headerId: "<N@mx.example>", sizeBytes: 900, binding: "default" };

test("a notice says for which message it is", () => {
  const notice = { kind: "notice-queued", messageId: "N", about: "M", to: "a@example.com", ...composed } as const;
  const lines = (["failed", "delayed", "relayed"] as const).flatMap((action) => linesOf({ ...notice, action }));
  const told = ["non-delivery notification", "delay notification", "delivery status notification"].flatMap((what) => [
    "postfix/cleanup: N: message-id=<N@mx.example>",
    `postfix/bounce: M: sender ${what}: N`,
  ]);
  assert.deepEqual(lines, told);
});

test("levels of detail: no summary of a client at 0, its certificate at 2", () => {
  const shown = { ...handshake, certificate, chain: "trusted" } as const;
  const at = (inboundTlsLevel: 0 | 2): readonly string[] => linesOf(shown, openRenderer({ inboundTlsLevel }));
  assert.deepEqual(at(0), []);
  assert.match(
    at(2)[0] ?? "",
    /^postfix\/smtpd: unknown\[192\.0\.2\.9\]: subject_CN=mail\.example\.net, issuer=Example CA,/,
  );
  assert.match(at(2)[1] ?? "", /: Trusted TLS connection established from /);
});

test("time is the record's or the event's; warnings are warnings", () => {
  const renderer = openRenderer();
  const [line] = renderer.lines(taken(), 5);
  assert.equal(line?.time, Date.parse(sampleInbound.time));
  const failure = { ...label, kind: "log-in", mechanism: "PLAIN", result: "locked", user: null } as const;
  assert.deepEqual(renderer.lines(failure, 5), [
    {
      program: "postfix/smtpd",
      severity: "warning",
      text: "warning: unknown[192.0.2.9]: SASL PLAIN authentication failed: (too many failed attempts before), sasl_username=(unavailable)",
      time: 5,
    },
  ]);
});
