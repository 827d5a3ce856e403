/** What Momentum would have said, the stage and the class of the same failure. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptFailure, AttemptRecord } from "../../mail/attempt.ts";
import { sampleAttempt, sampleFailure } from "../../mail/attempt-sample.ts";
import { bounceClass } from "./bounce-class.ts";
import { stageOf } from "./connection-stage.ts";
import { commonName } from "./identity.ts";
import { responseOf } from "./response-text.ts";

function failing(failure: Partial<AttemptFailure>, change: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    ...sampleAttempt,
    event: "deferred",
    status: "4.7.5",
    reply: null,
    failure: { ...sampleFailure, cause: "why", ...failure },
    ...change,
  };
}

function shown(record: AttemptRecord): string {
  return `${responseOf(record)} | ${stageOf(record).number} ${stageOf(record).text} | ${bounceClass(record)?.code}`;
}

const dropped = { kind: "broken", stage: "mail" } as const;
const rows: readonly [name: string, record: AttemptRecord, want: string][] = [
  [
    "momentum 10: STARTTLS is not offered",
    failing({ tls: "not-offered" }),
    "451 4.7.6 [internal] STARTTLS required but not advertised | 11 after EHLO | 70",
  ],
  ["STARTTLS is refused", failing({ tls: "refused" }), "451 4.7.5 [internal] no tls go-ahead | 16 after STARTTLS | 70"],
  [
    "momentum 13: the handshake fails",
    failing({ tls: "handshake" }),
    "451 4.7.5 [internal] TLS negotiation failed | 17 handshaking TLS | 70",
  ],
  [
    "momentum 16: a CA that nobody trusts",
    failing({ tls: "unproven", unproven: ["chain", "name"] }),
    "451 4.7.5 [internal] remote node SSL certificate not signed by a valid CA | 17 handshaking TLS | 70",
  ],
  [
    "momentum 19: another name",
    failing({ tls: "unproven", unproven: ["name"] }),
    "451 4.7.5 [internal] SSL certificate subject does not match host | 17 handshaking TLS | 70",
  ],
  [
    "out of date",
    failing({ tls: "unproven", unproven: ["expired"] }),
    "454 4.7.5 [internal] certificate expired | 17 handshaking TLS | 70",
  ],
  [
    "not the pin, for which there are no words",
    failing({ tls: "unproven", unproven: ["pin"], cause: "key not pinned" }),
    "451 4.7.5 [internal] key not pinned | 17 handshaking TLS | 70",
  ],
  [
    "a rule that is not met returns the mail",
    failing({ tls: "not-offered" }, { event: "failed", status: "5.7.5" }),
    "554 5.7.6 [internal] STARTTLS required but not advertised | 11 after EHLO | 25",
  ],
  [
    "the reply to STARTTLS is not the peer's last word on the mail",
    failing({ tls: "refused" }, { reply: { code: 454, enhanced: "4.7.0", text: "TLS not available" } }),
    "451 4.7.5 [internal] no tls go-ahead | 16 after STARTTLS | 70",
  ],
  [
    "no host answers",
    failing({ kind: "unreachable", stage: "connect", code: "ECONNREFUSED" }, { status: "4.4.1" }),
    "451 4.4.1 [internal] No valid hosts (unable to make any connections) | 0 while not connected | 70",
  ],
  [
    "in time",
    failing({ kind: "unreachable", stage: "connect", code: "TIMEOUT" }, { status: "4.4.1" }),
    "450 4.4.1 [internal] Connection Timed Out | 0 while not connected | 70",
  ],
  [
    "no greeting",
    failing({ kind: "greeting", stage: "greeting" }),
    "451 4.4.2 [internal] no banner | 12 reading BANNER | 70",
  ],
  [
    "no answer to EHLO",
    failing({ kind: "greeting", stage: "ehlo" }),
    "451 4.4.2 [internal] no HELO/EHLO response | 11 after EHLO | 70",
  ],
  [
    "the line drops",
    failing(dropped),
    "451 4.4.2 [internal] connection closed by remote host | 3 after MAIL FROM | 70",
  ],
  [
    "no answer to MAIL",
    failing({ ...dropped, code: "TIMEOUT" }),
    "451 4.4.2 [internal] no MAIL FROM response | 3 after MAIL FROM | 70",
  ],
  [
    "the hosts failed shortly before",
    failing({ kind: "suspended" }),
    "421 4.4.0 [internal] no MXs for this domain could be reached at this time | 0 while not connected | 70",
  ],
  ["no DNS", failing({ kind: "route" }), "454 4.4.4 [internal] no MX or A for domain | 0 while not connected | 21"],
  [
    "no such domain",
    failing({ kind: "route" }, { event: "failed", status: "5.1.2" }),
    "554 5.4.4 [internal] Domain Lookup Failed | 0 while not connected | 21",
  ],
  [
    "a domain without mail",
    failing({ kind: "route" }, { event: "failed", status: "5.1.10" }),
    "550 5.4.4 [internal] NULL MX domain does not accept mail | 0 while not connected | 21",
  ],
  [
    "the operator's word",
    failing({ kind: "local", cause: "returned by the operator" }, { event: "failed", status: "5.7.0" }),
    "554 5.7.0 [internal] returned by the operator | 0 while not connected | 25",
  ],
];

for (const [name, record, want] of rows) test(`Momentum's words: ${name}`, () => assert.equal(shown(record), want));

const replies: readonly [reply: string, event: "deferred" | "failed", code: number][] = [
  ["550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown in virtual mailbox table", "failed", 10],
  ["550 5.1.1 The email account that you tried to reach does not exist", "failed", 10],
  ["554 delivery error: This user doesn't have an account here", "failed", 10],
  ["550 No such user here", "failed", 10],
  ["552 5.2.2 The email account is over quota", "failed", 22],
  ["452 4.2.2 Mailbox full", "deferred", 22],
  ["552 5.3.4 Message size exceeds fixed limit", "failed", 23],
  ["552 5.7.0 This message was blocked: attachment type .exe", "failed", 53],
  ["554 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org", "failed", 51],
  ["550 5.7.1 Our system has detected that this message is likely unsolicited mail", "failed", 52],
  ["554 5.7.1 <bob@example.net>: Relay access denied", "failed", 54],
  ["550 5.7.1 Rejected by local policy", "failed", 50],
  ["450 4.7.1 Greylisted, please come back later", "deferred", 70],
  ["421 try again", "deferred", 70],
  ["554 5.6.0 Strange", "failed", 40],
  ["554 hmm", "failed", 1],
  ["550 5.1.2 x", "failed", 21],
  ["550 5.4.7 x", "failed", 24],
];

for (const [line, event, code] of replies) {
  test(`bounce class ${code}: ${line}`, () => {
    const [, digits = "", enhanced, text = ""] = /^(\d+) (?:(\d\.\d+\.\d+) )?(.*)$/.exec(line) ?? [];
    const reply = { code: Number(digits), enhanced: enhanced ?? null, text };
    const status = enhanced ?? (event === "failed" ? "5.0.0" : "4.0.0");
    assert.equal(bounceClass(failing({ kind: "refused", stage: "rcpt" }, { reply, event, status }))?.code, code);
  });
}

test("bounce class: none of a delivery", () => assert.equal(bounceClass(sampleAttempt), undefined));

const names: readonly [subject: string, want: string][] = [
  ["CN=mx.example.net", "mx.example.net"],
  ["C=CH, O=Clinic, CN=mx.example.net", "mx.example.net"],
  ["O=x\\, CN=bank.example, CN=mx.example.net", "mx.example.net"],
  ["C=CH, O=Clinic", "C=CH, O=Clinic"],
  ["", ""],
];

for (const [subject, want] of names) {
  test(`common name of "${subject}"`, () => {
    assert.equal(commonName(subject), want);
    assert.equal(commonName(subject), want);
  });
}
