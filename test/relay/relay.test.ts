/**
 * What a relay does with mail from end to end: notices, loops, bindings, transports, limits, the queue's commands.
 * The outcomes of TLS rules are in test/outcomes.test.ts.
 */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { PartnerHost } from "../../src/lab/partner-host.ts";
import { usualKeywords } from "../../src/lab/partner-script.ts";
import { systemClock } from "../../src/mail/clock.ts";
import type { QueueCounts, QueueEntry } from "../../src/queue/queue.ts";
import { assertFree } from "../../src/server/free-port.ts";
import { startRelay } from "../../src/server/relay.ts";
import { TestClient } from "../smtp-client.ts";
import { type RelayLab, type RelayLabOptions, startRelayLab } from "./relay-lab.ts";

const plain = { tls: { mode: "none" } } as const;
const withoutDsn = { ...plain, keywords: usualKeywords.filter((keyword) => keyword !== "DSN") };
const refusing = { ...plain, answers: { RCPT: "550 5.1.1 no such user" } };
const busy = { ...plain, answers: { RCPT: "451 4.7.1 try later" } };

function text(host: PartnerHost): string {
  return host.messages.map(({ body }) => body.toString("latin1")).join("");
}

async function counts(lab: RelayLab): Promise<QueueCounts> {
  return (await lab.call("queue.counts")) as QueueCounts;
}

async function list(lab: RelayLab): Promise<readonly QueueEntry[]> {
  return (await lab.call("queue.list")) as readonly QueueEntry[];
}

async function empty(lab: RelayLab): Promise<void> {
  await lab.until(async () => (await counts(lab)).messages === 0 && lab.relay.state().active === 0);
}

type NoticeRow = readonly [
  name: string,
  host: typeof plain,
  rcptParameters: string,
  from: string,
  notice: RegExp | undefined,
];

const noticeRows: readonly NoticeRow[] = [
  ["BO-1 refused: the sender is told", refusing, "", "me@sender.test", /^Action: failed\r$/m],
  ["NOTIFY=NEVER: nobody is told", refusing, " NOTIFY=NEVER", "me@sender.test", undefined],
  ["NOTIFY=DELAY and refused: nobody is told", refusing, " NOTIFY=DELAY", "me@sender.test", undefined],
  ["BO-2 a null sender is never told", refusing, "", "", undefined],
  ["delivered: nobody is told", withoutDsn, "", "me@sender.test", undefined],
  [
    "DS-3 NOTIFY=SUCCESS, the host knows no DSN: relayed",
    withoutDsn,
    " NOTIFY=SUCCESS",
    "me@sender.test",
    /^Action: relayed\r$/m,
  ],
  ["DS-2 NOTIFY=SUCCESS, the host knows DSN: passed on", plain, " NOTIFY=SUCCESS", "me@sender.test", undefined],
];

for (const [name, host, rcptParameters, from, notice] of noticeRows) {
  test(`notices: ${name}`, async () => {
    await using lab = await startRelayLab({ hosts: { "example.test": host, "sender.test": plain } });
    assert.match(await lab.send({ from, to: ["one@example.test"], rcptParameters }), /^250/);
    await lab.until(() => lab.records().some(({ to }) => to === "one@example.test"));
    await empty(lab);
    const told = lab.host("sender.test").messages;
    assert.equal(told.length, notice === undefined ? 0 : 1);
    if (notice === undefined) return;
    assert.equal(told[0]?.mail.startsWith("MAIL FROM:<>"), true);
    assert.match(text(lab.host("sender.test")), notice);
  });
}

test("BO-4 all recipients that failed together are in one notice, those of another nexthop in another", async () => {
  const hosts = { "one.test": refusing, "two.test": refusing, "sender.test": plain };
  await using lab = await startRelayLab({ hosts });
  await lab.send({ to: ["a@one.test", "b@one.test", "c@two.test"] });
  await lab.until(() => lab.host("sender.test").messages.length === 2);
  await empty(lab);
  const recipients = text(lab.host("sender.test")).match(/^Final-Recipient: .*$/gm);
  assert.equal(recipients?.length, 3);
});

test("MX-9, AT-32 a domain whose MX host is this relay goes back as a loop", async () => {
  const zone = { "loop.test": { mx: [[10, "relay.test"] as const] }, "relay.test": { a: ["127.0.0.1"] } };
  await using lab = await startRelayLab({ hosts: { "sender.test": plain }, zone });
  await lab.send({ to: ["someone@loop.test"] });
  await lab.until(() => lab.host("sender.test").messages.length === 1);
  assert.equal(lab.records().find(({ to }) => to === "someone@loop.test")?.status, "5.4.6");
});

test("LP-1 too many Received fields", async () => {
  await using lab = await startRelayLab();
  const received = "Received: from a.test by b.test; Sun, 1 Nov 2026 00:00:00 +0000\r\n".repeat(101);
  assert.match(await lab.send({ to: ["one@example.test"], text: `${received}\r\nbody\r\n` }), /^554 5\.4\.6/);
});

test("SR-2 mail for our postmaster goes to the mailbox that is named, from strangers too", async () => {
  await using lab = await startRelayLab({ yaml: "postmaster: admin@example.test\nrelay-networks: []" });
  assert.match(await lab.send({ to: ["PostMaster@relay.test"] }), /^250/);
  await lab.until(() => lab.host("example.test").messages.length === 1);
  assert.deepEqual(
    lab.host("example.test").messages[0]?.rcpt.map((line) => line.split(" ").slice(0, 2).join(" ")),
    ["RCPT TO:<admin@example.test>"],
  );
});

test("SR-14 strangers cannot relay", async () => {
  await using lab = await startRelayLab({ yaml: "relay-networks: []" });
  assert.match(await lab.send({ to: ["one@example.test"] }), /^550 5\.7\.1/);
});

const bindings = `
bindings:
  bulk: { ehlo: bulk.test, source-address: 127.0.4.1 }
  vip: { ehlo: vip.test }
  plain: { ehlo: plain.test }
default-binding: plain
binding-header: X-Binding
binding-rules:
  - { listener: bulk-in, binding: bulk }
  - { sender-domain: vip.example, binding: vip }
  - { clients: 192.0.2.0/24, binding: bulk }
`;
const bindingRows: readonly [name: string, mail: Parameters<RelayLab["send"]>[0], ehlo: string][] = [
  ["the default", { to: ["a@example.test"] }, "plain.test"],
  ["by listener", { to: ["a@example.test"], listener: "bulk-in" }, "bulk.test"],
  ["by sender domain", { to: ["a@example.test"], from: "x@vip.example" }, "vip.test"],
  ["by header", { to: ["a@example.test"], text: "X-Binding: vip\r\nSubject: x\r\n\r\nx\r\n" }, "vip.test"],
  [
    "an unknown header value is no reason to refuse",
    { to: ["a@example.test"], text: "X-Binding: none\r\n\r\nx\r\n" },
    "plain.test",
  ],
];
test("bindings: chosen by listener, sender, header, else the default; the header does not go on", async () => {
  await using lab = await startRelayLab({
    yaml: bindings,
    listeners: '[{name: in, address: "127.0.0.1:0", tls: none}, {name: bulk-in, address: "127.0.0.1:0", tls: none}]',
  });
  for (const [name, mail, ehlo] of bindingRows) {
    const before = lab.records().length;
    assert.match(await lab.send(mail), /^250/, name);
    await lab.until(() => lab.records().length > before);
    assert.equal(lab.records().at(-1)?.binding, `${ehlo.split(".")[0]}`, name);
  }
  assert.doesNotMatch(text(lab.host("example.test")), /^X-Binding/im);
  await lab.relay.stop(5000);
  await lab.host("example.test").settled();
  const greetings = lab.host("example.test").connections.map(({ clear }) => /^EHLO (\S+)/.exec(clear.toString())?.[1]);
  assert.deepEqual(greetings.toSorted(), ["bulk.test", "plain.test", "vip.test"]);
});

test("transports: [host]:port with TLS from the first octet, a domain, and the rest by MX", async () => {
  const authority = await makeAuthority();
  const certificate = await authority.issue({ dnsNames: ["mx.smart.test"] });
  await using lab = await startRelayLab({
    hosts: { "smart.test": { tls: { mode: "implicit", certificate } }, "example.test": plain },
    yaml: `transports:
  first.test: { to: "[mx.smart.test]:{port}", tls: implicit }
  .below.test: example.test
tls: { level: may, domains: { first.test: { level: verify, ca: "{folder}/ca.pem" } } }`,
    files: { "ca.pem": authority.certificatePem },
  });
  await lab.send({ to: ["a@first.test", "b@host.below.test", "c@example.test"] });
  await lab.until(() => lab.records().length === 3);
  assert.deepEqual(
    lab
      .records()
      .map(({ to, nexthop, event, tls }) => `${to} ${nexthop?.replace(/:\d+$/, "")} ${event} ${tls?.achieved}`)
      .toSorted(),
    [
      "a@first.test [mx.smart.test] delivered verified",
      "b@host.below.test example.test delivered none",
      "c@example.test example.test delivered none",
    ],
  );
});

const fullRows: readonly [name: string, yaml: string, want: RegExp][] = [
  ["the disk has too little room", "limits: {free-disk: 1000 TB}", /^451 4\.3\.1/],
  ["the queue is full", "limits: {queue-size: 1 MB}", /^451 4\.3\.1/],
];
for (const [name, yaml, want] of fullRows) {
  test(`SR-15 451 when ${name}, and nothing is kept`, async () => {
    await using lab = await startRelayLab({ yaml });
    assert.match(
      await lab.send({ to: ["a@example.test"], text: `\r\n${`${"x".repeat(70)}\r\n`.repeat(20_000)}` }),
      want,
    );
    assert.equal((await counts(lab)).messages, 0);
  });
}

const eightBitHost = { ...plain, keywords: usualKeywords.filter((keyword) => keyword !== "8BITMIME") };
for (const [setting, want] of [
  ["bounce", "failed 5.6.3"],
  ["send", "delivered 2.0.0"],
] as const) {
  test(`EX-8 8-bit content for a host without 8BITMIME, eight-bit-without-extension: ${setting}`, async () => {
    await using lab = await startRelayLab({
      hosts: { "example.test": eightBitHost },
      yaml: `outbound: {port: {port}, allow-addresses: [127.0.0.0/8], ipv6: false, eight-bit-without-extension: ${setting}}`,
    });
    const body = Buffer.from("Subject: x\r\n\r\nGr\u00fc\u00dfe\r\n", "latin1").toString("latin1");
    await lab.send({ from: "", to: ["a@example.test"], mailParameters: " BODY=8BITMIME", text: body });
    await lab.until(() => lab.records().length === 1);
    const [record] = lab.records();
    assert.equal(`${record?.event} ${record?.status}`, want);
    assert.equal(text(lab.host("example.test")).includes("Gr\u00fc\u00dfe"), setting === "send");
  });
}

test("one outbound connection for all: whoever waits for it gets it as soon as it is idle", async () => {
  const domains = ["a.test", "b.test", "c.test"];
  await using lab = await startRelayLab({
    hosts: Object.fromEntries(domains.map((domain) => [domain, plain])),
    yaml: "outbound: {port: {port}, allow-addresses: [127.0.0.0/8], ipv6: false, connections: 1, idle-connection: 5m}",
  });
  await lab.send({ to: domains.map((domain) => `someone@${domain}`) });
  await lab.until(() => lab.records().length === 3);
  assert.ok(lab.records().every(({ event }) => event === "delivered"));
});

test("connection caps hold over all listeners together", async () => {
  await using lab = await startRelayLab({
    yaml: "limits: {connections-per-address: 1}",
    listeners: '[{name: one, address: "127.0.0.1:0", tls: none}, {name: two, address: "127.0.0.1:0", tls: none}]',
  });
  using _first = await lab.client("one");
  await assert.rejects(lab.client("two"));
  assert.ok(lab.events.some(({ kind }) => kind === "connection-refused"));
});

const waiting: RelayLabOptions = { hosts: { "example.test": busy, "sender.test": plain } };

async function defer(lab: RelayLab, ...to: string[]): Promise<void> {
  await lab.send({ to });
  await lab.until(async () => (await counts(lab)).ready === to.length);
}

test("queue hold, release and retry on a running relay", async () => {
  await using lab = await startRelayLab(waiting);
  await defer(lab, "a@example.test", "b@example.test");
  assert.equal(await lab.call("queue.hold", { filter: { domain: "example.test" } }), 2);
  assert.equal((await counts(lab)).held, 2);
  assert.equal(await lab.call("queue.retry"), 0, "held mail is not due");
  const before = lab.records().length;
  assert.equal(await lab.call("queue.release"), 2);
  await lab.until(() => lab.records().length === before + 2);
  await lab.until(async () => (await counts(lab)).ready === 2);
  assert.equal(await lab.call("queue.retry", { filter: { domain: "else.test" } }), 0);
  assert.equal(await lab.call("queue.retry"), 2);
  await lab.until(() => lab.records().length === before + 4);
});

test("queue bounce: the sender is told and nothing stays; held mail too", async () => {
  await using lab = await startRelayLab(waiting);
  await defer(lab, "a@example.test", "b@example.test");
  await lab.call("queue.hold");
  assert.equal(await lab.call("queue.bounce"), 2);
  await lab.until(() => lab.host("sender.test").messages.length === 1);
  await empty(lab);
  assert.match(text(lab.host("sender.test")), /returned to sender by the postmaster/);
});

test("queue remove: gone, and nobody is told", async () => {
  await using lab = await startRelayLab(waiting);
  await defer(lab, "a@example.test");
  const [entry] = await list(lab);
  assert.equal(entry?.lastError?.includes("451"), true);
  assert.equal(await lab.call("queue.remove", { filter: { ids: [entry?.messageId] } }), 1);
  await empty(lab);
  assert.equal(lab.host("sender.test").messages.length, 0);
});

test("QU-5 mail for a host that is suspended waits in the store like any other", async () => {
  await using lab = await startRelayLab({
    zone: { "dead.test": { mx: [[10, "mx.dead.test"]] }, "mx.dead.test": { a: ["127.0.3.200"] } },
  });
  for (let number = 1; number <= 4; number += 1) {
    await lab.send({ to: [`u${number}@dead.test`] });
    await lab.until(async () => (await counts(lab)).ready === number);
  }
  assert.match(lab.records().at(-1)?.error ?? "", /^delivery temporarily suspended/);
  assert.deepEqual(
    lab.events.filter(({ kind }) => kind.endsWith("trouble")),
    [],
  );
});

test("each recipient's deferral says what the host said of that one", async () => {
  const RCPT = (line: string): string => (line.includes("full@") ? "452 4.2.2 mailbox full" : "451 4.7.1 greylisted");
  await using lab = await startRelayLab({ hosts: { "example.test": { ...plain, answers: { RCPT } } } });
  await defer(lab, "grey@example.test", "full@example.test");
  const errors = new Map(lab.records().map(({ to, status, reply }) => [to, `${status} ${reply?.code}`]));
  assert.deepEqual(Object.fromEntries(errors), { "grey@example.test": "4.7.1 451", "full@example.test": "4.2.2 452" });
});

test("SR-19 stop says 421 to open sessions and waits for the message under way", async () => {
  await using lab = await startRelayLab();
  using idle = await lab.client();
  using sending = await lab.client();
  await sending.say("MAIL FROM:<a@sender.test>");
  await sending.say("RCPT TO:<b@example.test>");
  await sending.say("DATA");
  const stopped = lab.relay.stop(10_000);
  assert.match(await idle.reply(), /^421/);
  idle.end();
  await sending.send("Subject: x\r\n\r\nx\r\n");
  assert.match(await sending.say("."), /^250/);
  sending.end();
  await stopped;
});

test("a message accepted before a stop is in the queue of the next relay, and delivered by it", async () => {
  await using lab = await startRelayLab({ hosts: { "example.test": busy } });
  assert.match(await lab.send({ to: ["a@example.test"] }), /^250/);
  await lab.relay.stop(10_000);
  await using again = await startRelay({
    settings: lab.settings(""),
    worker: 0,
    observe: () => undefined,
    clock: systemClock,
    random: Math.random,
  });
  const { messages, ready, trying } = await again.queue.counts();
  assert.deepEqual([messages, ready, trying], [1, 1, 0]);
});

test("a listener on every IPv6 address takes no IPv4 connection: 0.0.0.0 beside it has the port", async (t) => {
  const ipv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === "IPv6"));
  if (!ipv6) return t.skip("no IPv6 here");
  await using lab = await startRelayLab({ listeners: '[{name: six, address: "[::]:0", tls: none}]' });
  const port = lab.relay.listeners[0]?.port ?? 0;
  using client = new TestClient(port);
  assert.equal(await client.line(), undefined);
  await assertFree({ listener: "four", isTheirs: false, address: "0.0.0.0", port });
});
