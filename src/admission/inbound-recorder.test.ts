import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { sampleOrigin as sampleMessageOrigin } from "../mail/attempt-sample.ts";
import { domain } from "../mail/domain.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { LetterlockEvent } from "../observe/events.ts";
import type { InboundDemand, PolicySource } from "../policy/rules.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { ReceivedMail, Refusal, SessionFacts } from "../smtp/server/receiver.ts";
import { sampleClientCertificate } from "../tls/client-sample.ts";
import { sampleUser } from "../users/user-sample.ts";
import { type SampleSetting, sampleCheck } from "./check-sample.ts";
import { createInboundRecorder } from "./inbound-recorder.ts";
import {
  insideTls,
  noCertificate,
  said,
  sampleOrigin,
  sampleSender,
  sampleSession,
  sampleSource,
  untrustedClient,
} from "./session-sample.ts";

const schema = path.join(import.meta.dirname, "../../schema/inbound.schema.json");
const validate = new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(schema, "utf8")) as object);

function recorder(setting: SampleSetting) {
  const clock = { now: () => Date.UTC(2026, 10, 22) } as never;
  const events: LetterlockEvent[] = [];
  const check = sampleCheck(setting, clock);
  return { events, recorder: createInboundRecorder(check, clock, (event) => events.push(event)) };
}

function only(events: readonly LetterlockEvent[]): InboundRecord {
  const [event] = events;
  assert.ok(event?.kind === "inbound" && events.length === 1);
  assert.ok(validate(event.record), JSON.stringify(validate.errors));
  return event.record;
}

function mailboxes(texts: readonly string[]) {
  return texts.map((text) => parseMailbox(text) ?? assert.fail(text));
}

const stored = { binding: "default", bindingGroup: undefined, sizeBytes: 42 };

function accepted(session: Partial<SessionFacts>, setting: SampleSetting, to = ["b@ours.example"]): InboundRecord {
  const { events, recorder: told } = recorder(setting);
  const recipients = mailboxes(to).map((mailbox) => ({ mailbox, notify: undefined, orcpt: undefined }));
  const envelope = { sender: sampleSender("a@sender.example"), recipients };
  const mail = { id: "M1", session: sampleSession(session), receivedAt: 0, envelope } as unknown as ReceivedMail;
  told.accepted(mail, { ...stored, origin: sampleMessageOrigin }, reply(250, "2.0.0", "Ok: queued as M1"));
  return only(events);
}

const no: Reply = reply(550, "5.7.1", "no");

function refused(session: Partial<SessionFacts>, setting: SampleSetting, change: Partial<Refusal> = {}): InboundRecord {
  const { events, recorder: told } = recorder(setting);
  const sender = sampleSender("a@sender.example");
  told.refused(sampleSession(session), { stage: "mail", sender, recipients: [], reply: no, ...change });
  return only(events);
}

function demanding(change: Partial<InboundDemand>): PolicySource {
  const answer = { code: 550, status: "5.7.10" } as const;
  const demand: InboundDemand = {
    from: sampleOrigin,
    text: "rule 7",
    level: "encrypted",
    mode: "enforce",
    answer,
    ...change,
  };
  return sampleSource({ demands: () => [{ kind: "demand", demand }] });
}

test("inbound record: a message of a stranger in clear", () => {
  assert.deepEqual(accepted({}, {}), {
    id: "M1",
    time: "2026-11-22T00:00:00.000Z",
    event: "accepted",
    stage: null,
    reason: null,
    session: "S",
    messageId: "M1",
    listener: "mx",
    client: "198.51.100.9",
    clientPort: 4000,
    localAddress: null,
    localPort: 25,
    clientName: null,
    ehlo: "client.example",
    protocol: "ESMTP",
    from: "a@sender.example",
    envid: null,
    to: ["b@ours.example"],
    orcpts: [],
    binding: "default",
    bindingGroup: null,
    headers: sampleMessageOrigin.headers,
    tls: {
      required: "none",
      achieved: "none",
      protocol: null,
      cipher: null,
      bits: null,
      group: null,
      serverName: null,
      resumed: false,
      chain: null,
      client: null,
      monitor: null,
    },
    rule: null,
    user: null,
    by: null,
    relay: null,
    reply: { code: 250, enhanced: "2.0.0", text: "Ok: queued as M1" },
    sizeBytes: 42,
  });
});

const names = [{ kind: "name", name: domain("mail.example.net") } as const];
const tlsRows: readonly [name: string, session: Partial<SessionFacts>, setting: SampleSetting, want: string][] = [
  ["TLS that nobody demanded", insideTls(noCertificate), {}, "none encrypted null -"],
  ["a trusted certificate that nobody demanded", insideTls(), {}, "none trusted null -"],
  ["a demand that is met", insideTls(noCertificate), { sources: [demanding({})] }, "encrypted encrypted null rule 7"],
  [
    "the strongest of several",
    insideTls(),
    { sources: [demanding({}), demanding({ level: "matching", names, text: "partner" })] },
    "matching matched null partner",
  ],
  [
    "would fail",
    insideTls(untrustedClient),
    { sources: [demanding({ level: "trusted", mode: "monitor" })] },
    "trusted encrypted would-fail rule 7",
  ],
  [
    "would pass",
    insideTls(),
    { sources: [demanding({ level: "trusted", mode: "monitor" })] },
    "trusted trusted would-pass rule 7",
  ],
  [
    "TLS required of the session",
    insideTls(noCertificate),
    { rule: { starttls: said("require") } },
    "encrypted encrypted null STARTTLS required",
  ],
  [
    "a certificate required of the session",
    insideTls(),
    { rule: { clientCertificate: said("require-trusted") } },
    "trusted trusted null trusted client certificate required",
  ],
  [
    "an exception that has ended",
    {},
    { sources: [demanding({ exception: { expiresAt: 1, owner: undefined, reason: undefined } })] },
    "none none null -",
  ],
];
for (const [name, session, setting, want] of tlsRows) {
  test(`inbound record: ${name}`, () => {
    const { tls, rule } = accepted(session, setting);
    assert.equal(`${tls.required} ${tls.achieved} ${tls.monitor} ${rule?.text ?? "-"}`, want);
  });
}

const relayRows: readonly [
  name: string,
  session: Partial<SessionFacts>,
  setting: SampleSetting,
  to: string[],
  want: string,
][] = [
  ["to us alone", {}, { rule: { relay: said(true) } }, ["b@ours.example"], "null null null"],
  ["by its network", {}, { rule: { relay: said(true) } }, ["b@ours.example", "b@else.example"], "network null null"],
  [
    "by its user",
    { login: { user: "alice", by: "SCRAM-SHA-256" } },
    { users: [sampleUser()] },
    ["b@else.example"],
    "user alice SCRAM-SHA-256",
  ],
  [
    "by its certificate",
    insideTls(),
    { rule: { relayByCertificate: said({ kind: "trusted" }) } },
    ["b@else.example"],
    "certificate null null",
  ],
];
for (const [name, session, setting, to, want] of relayRows) {
  test(`inbound record: relayed ${name}`, () => {
    const { relay, user, by } = accepted(session, setting, to);
    assert.equal(`${relay} ${user} ${by}`, want);
  });
}

const [elsewhere] = mailboxes(["b@else.example"]);
assert.ok(elsewhere);
const refusalRows: readonly [string, Partial<SessionFacts>, SampleSetting, Partial<Refusal>, string][] = [
  ["a demand", {}, { sources: [demanding({})] }, {}, "mail policy rule 7"],
  [
    "the demand that was not met, and not the strongest",
    insideTls({ ...noCertificate, bits: 128 }),
    { sources: [demanding({ minCipherBits: 256, text: "bits" }), demanding({ level: "trusted", mode: "monitor" })] },
    {},
    "mail policy bits",
  ],
  ["no right to relay", {}, {}, { stage: "rcpt", recipients: [elsewhere] }, "rcpt relay -"],
  [
    "a log-in",
    {},
    { sources: [demanding({})] },
    { stage: "auth", sender: undefined, triedUser: "eve" },
    "auth log-in -",
  ],
  ["no room", {}, {}, { reply: reply(452, "4.3.1", "full") }, "mail temporary -"],
  ["a broken message", {}, {}, { stage: "data" }, "data permanent -"],
  [
    "TLS that cannot be had",
    {},
    { rule: { starttls: said("require") } },
    { stage: "starttls", sender: undefined, reply: reply(454, "4.7.0", "no TLS") },
    "starttls temporary STARTTLS required",
  ],
  ["what cannot be honoured", {}, { rule: { refuse: said("broken table") } }, {}, "mail policy broken table"],
  ["who is barred", {}, { rule: { barred: said(true) } }, {}, "mail policy barred"],
  [
    "who is rejected",
    {},
    { rule: { rejected: said({ code: 550, status: "5.7.1", text: "Access denied", at: "rcpt" }) } },
    { stage: "rcpt", recipients: [elsewhere] },
    "rcpt policy Access denied",
  ],
  [
    "a demand in Sendmail's form",
    {},
    {
      rule: {
        requirements: [
          {
            from: sampleOrigin,
            text: "VERIFY",
            of: "client",
            verify: true,
            bits: undefined,
            extensions: [],
            reply: { code: 454, status: "4.7.0" },
          },
        ],
      },
    },
    {},
    "mail policy VERIFY",
  ],
];
for (const [name, session, setting, change, want] of refusalRows) {
  test(`inbound record: refused because of ${name}`, () => {
    const { stage, reason, rule } = refused(session, setting, change);
    assert.equal(`${stage} ${reason} ${rule?.text ?? "-"}`, want);
  });
}

test("inbound record: of a failed log-in, who was named, though another certificate says who it is", () => {
  const session: Partial<SessionFacts> = { login: { user: "alice", by: "certificate" } };
  const { user, by, from } = refused(session, {}, { stage: "auth", sender: undefined, triedUser: "eve" });
  assert.deepEqual([user, by, from], ["eve", null, null]);
});

test("inbound record: refusals are told apart", () => {
  const { events, recorder: told } = recorder({});
  const refusal: Refusal = { stage: "mail", sender: undefined, recipients: [], reply: no };
  for (let times = 0; times < 3; times += 1) told.refused(sampleSession(), refusal);
  assert.deepEqual(
    events.map((event) => event.kind === "inbound" && event.record.id),
    ["S.1", "S.2", "S.3"],
  );
});

test("AT-28 AT-35 inbound record: whatever a client sends, the record is what the schema says", () => {
  const raw = fc.string({ unit: "binary", maxLength: 700 });
  const moment = fc.double({ noDefaultInfinity: true });
  fc.assert(
    fc.property(raw, raw, raw, moment, (one, two, three, notAfter) => {
      const certificate = { ...sampleClientCertificate, subject: one, issuer: two, notAfter };
      const tls = insideTls({ certificate, chain: { kind: "untrusted", code: three, text: one } }).tls;
      const session = { ehlo: one, tls: tls && { ...tls, serverName: two } };
      refused(session, {}, { stage: "auth", triedUser: three, reply: reply(535, "5.7.8", one, two) });
    }),
    { numRuns: 200 },
  );
});

test("a record that cannot be made is told, and undoes nothing that was decided", () => {
  const broken = sampleSource({
    inbound: () => {
      throw new Error("broken");
    },
  });
  const { events, recorder: told } = recorder({ sources: [broken] });
  const envelope = { sender: sampleSender("a@sender.example"), recipients: [] };
  const mail = { id: "M1", session: sampleSession(), receivedAt: 0, envelope } as unknown as ReceivedMail;
  told.accepted(mail, { ...stored, origin: sampleMessageOrigin }, reply(250, "2.0.0", "Ok"));
  const refusal = { stage: "mail", sender: envelope.sender, recipients: [], reply: no } as const;
  told.refused(sampleSession(), refusal);
  assert.deepEqual(
    events,
    [1, 2].map(() => ({ kind: "trouble", where: "writing an inbound record", error: "broken" })),
  );
});
