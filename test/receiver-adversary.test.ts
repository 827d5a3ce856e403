/**
 * What a session carries over that it must not: octets of before TLS, a conduct that a reload replaced, and one client's
 * trouble into the sessions of others.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../src/mail/reply.ts";
import type { Conduct } from "../src/smtp/server/conduct.ts";
import { sampleConduct } from "../src/smtp/server/session-sample.ts";
import { bodyText, type OpenReceiver, openReceiver, profile, type ReceiverChange } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

const timeout = 10_000;

async function greeted(lab: OpenReceiver): Promise<TestClient> {
  const client = new TestClient(lab.receiver.port);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

test("ST-4, AT-4: a chunk that came in clear is not the beginning of a message inside TLS", { timeout }, async () => {
  await using lab = await openReceiver({ led: { mailWithoutHello: true } });
  using client = await greeted(lab);
  await client.say("MAIL FROM:<a@example.com>");
  await client.say("RCPT TO:<b@example.org>");
  assert.match(await client.say("BDAT 10\r\nInjected"), /^250 /);
  assert.match(await client.say("STARTTLS"), /^220 /);
  await client.startTls();
  await client.say("MAIL FROM:<a@example.com>");
  await client.say("RCPT TO:<b@example.org>");
  assert.match(await client.say("BDAT 7 LAST\r\nmeant"), /^250 /);
  const [mail] = lab.mails;
  assert.ok(mail);
  assert.equal(bodyText(mail), "meant\r\n");
});

const replaced: readonly [name: string, change: Partial<Conduct>, command: string, code: number][] = [
  ["TLS is required", { starttls: "require" }, "MAIL FROM:<a@example.com>", 530],
  ["log-in is required", { authRequired: true }, "MAIL FROM:<a@example.com>", 530],
  [
    "nothing is taken from it",
    { barred: { reply: reply(554, "5.7.1", "Not you"), close: false } },
    "MAIL FROM:<a@example.com>",
    554,
  ],
  ["AUTH is not offered", { mechanisms: [] }, "AUTH PLAIN AGEAYg==", 502],
];
for (const [name, change, command, code] of replaced) {
  test(`a session that was open when a reload said that ${name} obeys it at its next command`, {
    timeout,
  }, async () => {
    let conduct = sampleConduct({ profile, mechanisms: ["PLAIN"] });
    await using lab = await openReceiver({ conduct: () => conduct });
    using client = await greeted(lab);
    conduct = { ...conduct, ...change };
    assert.match(await client.say(command), new RegExp(`^${code} `));
  });
}

const broken: readonly [name: string, change: (when: () => boolean) => ReceiverChange, commands: readonly string[]][] =
  [
    ["how to lead it", (when) => ({ conduct: failing(when, sampleConduct({ profile })) }), ["EHLO client.example"]],
    ["a sender", (when) => ({ checkSender: failing(when, undefined) }), ["MAIL FROM:<a@example.com>"]],
    [
      "a recipient",
      (when) => ({ checkRecipient: failing(when, undefined) }),
      ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>"],
    ],
    ["a log-in", () => ({ led: { mechanisms: ["PLAIN"] } }), ["AUTH PLAIN AGEAYg=="]],
    [
      "the record",
      (when) => ({ onRefusal: failing(when, undefined), accept: async () => reply(550, "5.7.1", "No") }),
      ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>", "DATA", "x\r\n."],
    ],
  ];

function failing<T>(when: () => boolean, answer: T): () => T {
  return () => {
    if (when()) throw new Error("broken");
    return answer;
  };
}

for (const [name, change, commands] of broken) {
  test(`trouble in deciding about ${name} ends one session, and no other`, { timeout }, async () => {
    let isBroken = false;
    await using lab = await openReceiver(change(() => isBroken));
    using client = await greeted(lab);
    using other = await greeted(lab);
    isBroken = true;
    let last = "";
    for (const command of commands) last = await client.say(command);
    assert.match(last, /^421 4\.3\.0 /);
    assert.equal(await client.rest(), "");
    isBroken = false;
    assert.match(await other.say("MAIL FROM:<a@example.com>"), /^250 /);
    const trouble = lab.events.find(({ kind }) => kind === "trouble");
    assert.ok(trouble?.kind === "trouble" && trouble.where === "a session");
  });
}

type Told = readonly [stage: string, code: number, recipients: number];

const limits = { maxRecipients: 1, maxErrors: 2, maxMessageBytes: 100 };
const recorded: readonly [name: string, commands: readonly string[], told: readonly Told[]][] = [
  ["a sender with too large a message", ["MAIL FROM:<a@example.com> SIZE=101"], [["mail", 552, 0]]],
  [
    "a recipient too many",
    ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>"],
    [["rcpt", 452, 1]],
  ],
  [
    "a chunk too large to skip",
    ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>", "BDAT 201"],
    [["data", 552, 1]],
  ],
];
for (const [name, commands, told] of recorded) {
  test(`the record has ${name}`, { timeout }, async () => {
    await using lab = await openReceiver({ limits });
    using client = await greeted(lab);
    for (const command of commands) await client.say(command);
    assert.deepEqual(
      lab.refusals.map(({ stage, reply: { code }, recipients }) => [stage, code, recipients.length]),
      told,
    );
  });
}

test("the record has what was refused with the word that ended the session", { timeout }, async () => {
  const barred = { reply: reply(554, "5.7.1", "Not you"), close: false };
  await using lab = await openReceiver({ led: { barred }, limits });
  using client = await greeted(lab);
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^554 /);
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^421 /);
  assert.deepEqual(
    lab.refusals.map(({ stage, reply: { code } }) => [stage, code]),
    [
      ["mail", 554],
      ["mail", 421],
    ],
  );
});

test("the record has a client that is cut off for want of a certificate", { timeout }, async () => {
  await using lab = await openReceiver({ led: { cutWithoutCertificate: true } });
  using client = await greeted(lab);
  await client.say("STARTTLS");
  await client.startTls();
  assert.equal(await client.rest(), "");
  const [refusal, ...more] = lab.refusals;
  assert.deepEqual([refusal?.stage, more], ["client", []]);
});
