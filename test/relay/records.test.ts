/**
 * What attempt records and inbound records tell of real mail, beyond the verdict: how it came, over which connection it
 * left, which hosts were met in vain, and what failed apart from words.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import { startRelayLab } from "./relay-lab.ts";

const authority = await makeAuthority("Lab CA");
const mx1 = await authority.issue({ dnsNames: ["mx1.example.test"] });
const fine = { tls: { mode: "starttls", certificate: mx1 } } as const;
const twoHosts = {
  zone: {
    "example.test": {
      mx: [
        [10, "mx1.example.test"],
        [20, "mx2.example.test"],
      ],
    },
    "mx1.example.test": { a: ["127.0.3.1"] },
    "mx2.example.test": { a: ["127.0.3.2"] },
  },
} as const;
const timeout = 10_000;

test("a record tells the connection, what the host offered in clear, and how the message came", {
  timeout,
}, async () => {
  await using lab = await startRelayLab({ hosts: { "example.test": fine } });
  await lab.send({
    to: ["b@example.test"],
    mailParameters: " ENVID=a+2Bb",
    rcptParameters: " ORCPT=rfc822;first+40example.test",
  });
  await lab.until(() => lab.records().length === 1);
  await lab.send({ to: ["c@example.test"] });
  await lab.until(() => lab.records().length === 2);
  const [one, two] = lab.records();
  assert.ok(one?.connection && two?.connection);
  assert.equal(one.failure, null);
  assert.deepEqual([one.connection.use, two.connection.use], [1, 2]);
  assert.equal(one.connection.id, two.connection.id);
  assert.ok(one.connection.keywords.includes("STARTTLS"), String(one.connection.keywords));
  assert.match(one.connection.localAddress ?? "", /^127\./);
  assert.ok((one.connection.localPort ?? 0) > 0);
  assert.ok(one.connectMs > 0 && one.connectMs <= one.durationMs);
  assert.equal(one.orcpt, "rfc822;first@example.test");
  assert.deepEqual(
    { ...one.origin, session: "", receivedAt: "" },
    {
      receivedAt: "",
      session: "",
      listener: "in",
      client: "127.0.0.1",
      clientName: null,
      ehlo: "client.test",
      protocol: "ESMTP",
      user: null,
      by: null,
      tls: null,
      envid: "a+b",
      headers: {},
    },
  );
  assert.ok(one.leads);
  assert.ok(one.firstTriedAt >= one.origin.receivedAt && one.firstTriedAt <= one.time);
});

test("hosts that were met in vain are told, each with what failed there", { timeout }, async () => {
  const refuses = { ...fine, answers: { RCPT: "450 4.2.0 not now" } };
  await using lab = await startRelayLab({
    ...twoHosts,
    hosts: { "one.test": refuses, "two.test": fine },
  });
  await lab.send({ to: ["b@example.test", "c@example.test"] });
  await lab.until(() => lab.records().length === 2);
  for (const [index, record] of lab.records().entries()) {
    assert.equal(record.event, "delivered");
    assert.equal(record.mx, "mx2.example.test");
    assert.equal(record.leads, index === 0);
    assert.equal(record.recipients, 2);
    const [first, ...more] = record.earlier;
    assert.deepEqual(more, []);
    assert.ok(first?.connection);
    assert.equal(first.mx, "mx1.example.test");
    assert.equal(first.tls?.protocol, "TLSv1.3");
    assert.notEqual(first.connection.id, record.connection?.id);
    assert.deepEqual(first.reply, { code: 450, enhanced: "4.2.0", text: "not now" });
    assert.equal(first.status, "4.2.0");
    assert.deepEqual([first.failure?.kind, first.failure?.stage], ["refused", "rcpt"]);
  }
});

const rows: readonly [
  name: string,
  host: Parameters<typeof startRelayLab>[0],
  want: Partial<NonNullable<AttemptRecord["failure"]>>,
][] = [
  [
    "not offered",
    { hosts: { "example.test": { tls: { mode: "none" } } }, yaml: "tls: {level: encrypt}" },
    { kind: "tls", tls: "not-offered", stage: null },
  ],
  [
    "unproven: nobody we trust, and another name",
    { hosts: { "example.test": fine }, yaml: "tls: {level: verify}" },
    { kind: "tls", tls: "unproven", unproven: ["chain", "name"] },
  ],
  [
    "STARTTLS refused",
    {
      hosts: { "example.test": { tls: { ...fine.tls, handshake: { kind: "refuse", reply: "454 4.7.0 not now" } } } },
      yaml: "tls: {level: encrypt}",
    },
    { kind: "tls", tls: "refused", cause: "454 4.7.0 not now" },
  ],
  [
    "the handshake breaks",
    {
      hosts: { "example.test": { tls: { ...fine.tls, handshake: { kind: "garbage" } } } },
      yaml: "tls: {level: encrypt}",
    },
    { kind: "tls", tls: "handshake", code: "ERR_SSL_WRONG_VERSION_NUMBER" },
  ],
  ["no such domain", { zone: { "example.test": {} } }, { kind: "route", stage: null, code: "no-usable-host" }],
  [
    "nobody listens",
    { zone: { "example.test": { mx: [[10, "dead.example.test"]] }, "dead.example.test": { a: ["127.0.3.77"] } } },
    { kind: "unreachable", stage: "connect", code: "ECONNREFUSED", cause: "connection refused" },
  ],
  [
    "the greeting says no",
    { hosts: { "example.test": { ...fine, answers: { greeting: "554 no mail here" } } } },
    { kind: "greeting", stage: "greeting" },
  ],
  [
    "the connection breaks behind the final dot",
    { hosts: { "example.test": { ...fine, answers: { message: "drop" } } } },
    { kind: "broken", stage: "final-dot", code: "ECONNRESET" },
  ],
];
for (const [name, options, want] of rows) {
  test(`failure, apart from words: ${name}`, { timeout }, async () => {
    await using lab = await startRelayLab(options);
    await lab.send({ to: ["b@example.test"] });
    await lab.until(() => lab.records().length > 0);
    const failure = lab.records()[0]?.failure;
    assert.ok(failure);
    const told = Object.fromEntries(Object.keys(want).map((key) => [key, failure[key as keyof typeof failure]]));
    assert.deepEqual(told, want, JSON.stringify(failure));
  });
}

test("a header field that a log prints is on record, in and out", { timeout }, async () => {
  const yaml = "logs: {proof: {format: template, file: '{folder}/proof.log', delivery: '%h{X-Job}|%h{Subject}'}}";
  await using lab = await startRelayLab({ hosts: { "example.test": fine }, yaml });
  await lab.send({ to: ["b@example.test"], text: "X-Job: spring\r\nsubject: a\u001b[31m\r\n\r\nx\r\n" });
  await lab.until(() => lab.records().length === 1);
  const headers = { "x-job": "spring", subject: "a\\x1b[31m" };
  assert.deepEqual(lab.records()[0]?.origin.headers, headers);
  const inbound = lab.events.find((event) => event.kind === "inbound");
  assert.deepEqual(inbound?.record.headers, headers);
  assert.match(lab.host("example.test").messages[0]?.body.toString() ?? "", /^X-Job: spring\r$/m);
});
