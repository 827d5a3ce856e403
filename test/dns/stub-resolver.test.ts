/**
 * The stub resolver against the lab's DNS server: real sockets on loopback, a clock moved by hand.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { EventEmitter, getEventListeners, once } from "node:events";
import { test } from "node:test";
import type { DnsServer } from "../../src/dns/query.ts";
import type { DnsAnswer } from "../../src/dns/resolver.ts";
import { createStubResolver, type StubResolverOptions } from "../../src/dns/stub-resolver.ts";
import {
  type LabDnsServer,
  type LabName,
  type LabQuestion,
  type LabZone,
  startDnsServer,
} from "../../src/lab/dns-server.ts";
import type { IpAddress } from "../../src/mail/address.ts";
import { domain } from "../../src/mail/domain.ts";
import { HandClock } from "./hand-clock.ts";

const name = domain("host.example");

function serverAt({ address, port }: LabDnsServer, trusted = true): DnsServer {
  return { address: address as IpAddress, port, trusted };
}

/** One lab server, one resolver that asks it, and every question that came. */
async function lab(zone: LabZone, change: Partial<StubResolverOptions> & { trusted?: boolean } = {}) {
  const questions: LabQuestion[] = [];
  const events = new EventEmitter();
  const onQuestion = (question: LabQuestion): void => {
    questions.push(question);
    events.emit("question");
  };
  const server = await startDnsServer(zone, { onQuestion });
  const clock = new HandClock();
  const { trusted = true, ...options } = change;
  const resolver = createStubResolver({
    servers: [serverAt(server, trusted)],
    timeoutMs: 2000,
    overallMs: 20_000,
    clock,
    ...options,
  });
  return {
    server,
    clock,
    resolver,
    questions,
    /** Waits for `count` questions in all. */
    async untilAsked(count: number): Promise<void> {
      while (questions.length < count) await once(events, "question");
    },
    async [Symbol.asyncDispose]() {
      await resolver[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function summary(answer: DnsAnswer<unknown>): string {
  if (answer.kind === "error") return `error: ${answer.error}`.replace(/127\.0\.0\.\d+/g, "SERVER");
  const records =
    answer.kind === "records" ? ` ${answer.records.map((record) => JSON.stringify(record)).join(" ")}` : "";
  return `${answer.kind} ${answer.status}${records}`;
}

test("every type is asked and read", async () => {
  await using world = await lab({
    "host.example": {
      a: ["192.0.2.1", "192.0.2.2"],
      aaaa: ["2001:db8::1"],
      mx: [[10, "mx.example"]],
      txt: [["v=STSv1; ", "id=1;"]],
      ad: true,
    },
  });
  const { resolver } = world;
  const answers = await Promise.all([resolver.a(name), resolver.aaaa(name), resolver.mx(name), resolver.txt(name)]);
  assert.deepEqual(answers.map(summary), [
    'records secure "192.0.2.1" "192.0.2.2"',
    'records secure "2001:db8::1"',
    'records secure {"preference":10,"exchange":"mx.example"}',
    'records secure "v=STSv1; id=1;"',
  ]);
});

test("RS-2: RD, AD and DO are set, CD is not", async () => {
  await using world = await lab({ "host.example": { a: ["192.0.2.1"] } });
  await world.resolver.a(name);
  const [question] = world.questions;
  assert.ok(question);
  assert.deepEqual(
    [question.recursionDesired, question.authenticData, question.checkingDisabled, question.edns],
    [true, true, false, { payloadBytes: 1232, dnssecOk: true }],
  );
});

test("RS-4: each question has a new id and a new source port", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `host${index}.example`);
  await using world = await lab(Object.fromEntries(names.map((one) => [one, { a: ["192.0.2.1"] }])));
  for (const one of names) await world.resolver.a(domain(one));
  assert.ok(new Set(world.questions.map(({ id }) => id)).size > 15);
  assert.ok(new Set(world.questions.map(({ clientPort }) => clientPort)).size > 15);
});

const fine: LabName = { a: ["192.0.2.1"], ad: true };
const truth = 'records secure "192.0.2.1"';
const rows: readonly [name: string, zone: LabZone, want: string, trusted?: boolean][] = [
  ["RS-6: AD and records", { "host.example": fine }, truth],
  ["RS-6: no AD", { "host.example": { a: ["192.0.2.1"] } }, 'records insecure "192.0.2.1"'],
  ["RS-1, AT-18: AD of a server that is not trusted", { "host.example": fine }, 'records insecure "192.0.2.1"', false],
  ["RS-6: secure absence", { "host.example": { ad: true } }, "no-data secure"],
  ["RS-6: secure denial", { ".": { ad: true } }, "no-name secure"],
  ["insecure denial", {}, "no-name insecure"],
  ["SERVFAIL", { "host.example": { misbehave: "servfail" } }, "error: SERVFAIL from DNS server SERVER"],
  ["REFUSED", { "host.example": { misbehave: "refused" } }, "error: REFUSED from DNS server SERVER"],
  ["RS-9: FORMERR to EDNS", { "host.example": { ...fine, misbehave: "formerr-edns" } }, 'records insecure "192.0.2.1"'],
  ["RS-5: TC, whole over TCP", { "host.example": { ...fine, misbehave: "truncate" } }, truth],
  [
    "RS-5, AT-18: TC with AD and without TCP is no denial",
    { "host.example": { ...fine, misbehave: "no-tcp" } },
    "error: connection closed before the answer (DNS server SERVER)",
  ],
  [
    "RS-5: TC over TCP",
    { "host.example": { ...fine, misbehave: "truncate-always" } },
    "error: answer truncated over TCP (DNS server SERVER)",
  ],
  ["RS-3, AT-18: a wrong id is dropped", { "host.example": { ...fine, misbehave: "wrong-id" } }, truth],
  ["RS-3, AT-18: a wrong question is dropped", { "host.example": { ...fine, misbehave: "wrong-question" } }, truth],
  ["RS-3: a query is no answer", { "host.example": { ...fine, misbehave: "not-a-response" } }, truth],
  ["RS-3: garbage is dropped", { "host.example": { ...fine, misbehave: "garbage" } }, truth],
  [
    "RS-6: octets after the end",
    { "host.example": { ...fine, misbehave: "trailing" } },
    "error: malformed answer (DNS server SERVER)",
  ],
  ["RS-7: CNAMEs in the answer", { "host.example": { cname: "b.example", ad: true }, "b.example": fine }, truth],
  [
    "a CNAME the server did not follow",
    { "host.example": { cname: "b.example", ad: true, misbehave: "partial" }, "b.example": fine },
    truth,
  ],
  [
    "DA-2: a chain with an insecure end",
    { "host.example": { cname: "b.example", ad: true, misbehave: "partial" }, "b.example": { a: ["192.0.2.1"] } },
    'records insecure "192.0.2.1"',
  ],
  ["RS-15: NXDOMAIN under a CNAME", { "host.example": { cname: "b.example" } }, "no-name insecure"],
  ["AT-17, AT-32: CNAME to itself", { "host.example": { cname: "host.example" } }, "error: CNAME loop at host.example"],
  [
    "AT-17: a CNAME loop",
    { "host.example": { cname: "b.example" }, "b.example": { cname: "host.example" } },
    "error: CNAME loop at host.example",
  ],
];
for (const [title, zone, want, trusted = true] of rows) {
  test(title, async () => {
    await using world = await lab(zone, { trusted });
    assert.equal(summary(await world.resolver.a(name)), want);
  });
}

test("AT-17: a chain over many answers is bounded", async () => {
  const links = Array.from({ length: 30 }, (_, link) => `c${link}.example`);
  const zone = links.map((link, index): [string, LabName] => [
    link,
    { cname: `c${index + 1}.example`, misbehave: "partial" },
  ]);
  await using world = await lab(Object.fromEntries(zone));
  assert.equal(summary(await world.resolver.a(domain("c0.example"))), "error: more than 8 CNAMEs from c0.example");
  assert.ok(world.questions.length <= 9);
});

test("AT-18: an answer larger than we offered is asked for again over TCP", async () => {
  const txt = Array.from({ length: 10 }, (_, index) => `${index}`.repeat(200));
  await using world = await lab({ "host.example": { txt, misbehave: "oversize" } });
  const answer = await world.resolver.txt(name);
  assert.ok(answer.kind === "records" && answer.records.length === 10);
  assert.deepEqual(
    world.questions.map(({ transport }) => transport),
    ["udp", "tcp"],
  );
});

test("AT-18: a packet from another port is not heard", async () => {
  await using world = await lab({ "host.example": { ...fine, misbehave: "wrong-port" } });
  const asked = world.resolver.a(name);
  await world.untilAsked(1);
  world.clock.advance(20_000);
  assert.equal(summary(await asked), "error: no DNS server answered within 20 s");
});

test("RS-12: the extended error is kept", async () => {
  await using world = await lab({ "host.example": { misbehave: "servfail" } });
  const answer = await world.resolver.a(name);
  assert.ok(answer.kind === "error");
  assert.equal(answer.extended, "6 DNSSEC bogus (no valid signature)");
});

test("RS-10: a silent server is asked again after 2 s, then after 4 s, and given up after 20 s", async () => {
  await using world = await lab({ "host.example": { misbehave: "drop" } });
  const asked = world.resolver.a(name);
  await world.untilAsked(1);
  world.clock.advance(1_999);
  assert.equal(world.questions.length, 1);
  world.clock.advance(1);
  await world.untilAsked(2);
  world.clock.advance(4_000);
  await world.untilAsked(3);
  assert.deepEqual(world.clock.waits, [20_000, 2_000, 4_000, 8_000]);
  world.clock.advance(14_000);
  assert.equal(summary(await asked), "error: no DNS server answered within 20 s");
});

test("RS-10: the other server is asked when the first is silent, and first from then on", async () => {
  const secondQuestions: LabQuestion[] = [];
  await using second = await startDnsServer(
    { "host.example": fine, "b.example": fine },
    { onQuestion: (q) => secondQuestions.push(q) },
  );
  const first = createSocket("udp4");
  first.bind(0, "127.0.0.1");
  await once(first, "listening");
  const silent: DnsServer = { address: "127.0.0.1" as IpAddress, port: first.address().port, trusted: true };
  await using world = await lab({}, { servers: [silent, serverAt(second)] });
  const heard = once(first, "message");
  const asked = world.resolver.a(name);
  await heard;
  world.clock.advance(2_000);
  assert.equal(summary(await asked), truth);
  assert.equal(summary(await world.resolver.a(domain("b.example"))), truth);
  first.close();
});

test("RS-10: a server that is not there, or refuses, costs no wait", async () => {
  const gone = await startDnsServer({});
  await gone[Symbol.asyncDispose]();
  await using refusing = await startDnsServer({ "host.example": { misbehave: "refused" } });
  await using good = await startDnsServer({ "host.example": fine });
  await using world = await lab({}, { servers: [serverAt(gone), serverAt(refusing), serverAt(good)] });
  assert.equal(summary(await world.resolver.a(name)), truth);
});

test("a trusted server's SERVFAIL is not asked away at one that validates nothing", async () => {
  await using bogus = await startDnsServer({ "host.example": { misbehave: "servfail" } });
  await using forwarder = await startDnsServer({ "host.example": { a: ["203.0.113.66"] } });
  await using world = await lab({}, { servers: [serverAt(bogus), serverAt(forwarder, false)] });
  assert.equal(summary(await world.resolver.a(name)), "error: SERVFAIL from DNS server SERVER");
  assert.equal(forwarder.asked("host.example"), 0);
});

test("no servers: an error, not a throw", async () => {
  await using world = await lab({}, { servers: [] });
  assert.equal(summary(await world.resolver.mx(name)), "error: no DNS server is configured");
});

test("RS-11: answers are cached for their TTL, denials for their SOA's, errors for 30 s", async () => {
  await using world = await lab({
    "host.example": { ...fine, ttlSeconds: 100 },
    "none.example": { negativeTtlSeconds: 50 },
    "broken.example": { misbehave: "servfail" },
  });
  const { resolver, clock, server } = world;
  const names = ["host.example", "none.example", "broken.example"];
  const askAll = async (): Promise<number[]> => {
    for (const one of names) await resolver.a(domain(one));
    return names.map((one) => server.asked(one));
  };
  assert.deepEqual(await askAll(), [1, 1, 1]);
  clock.advance(29_000);
  assert.deepEqual(await askAll(), [1, 1, 1]);
  clock.advance(1_000);
  assert.deepEqual(await askAll(), [1, 1, 2]);
  clock.advance(20_000);
  assert.deepEqual(await askAll(), [1, 2, 2]);
  clock.advance(50_000);
  assert.deepEqual(await askAll(), [2, 3, 3]);
});

test("RS-11: the status is part of the cached answer", async () => {
  await using world = await lab({ "host.example": fine });
  const first = await world.resolver.a(name);
  const second = await world.resolver.a(name);
  assert.equal(second, first);
  assert.equal(world.questions.length, 1);
});

test("RS-10: the same question in flight is asked once", async () => {
  await using world = await lab({ "host.example": fine });
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.resolver.a(name)));
  assert.deepEqual(new Set(answers.map(summary)), new Set([truth]));
  assert.equal(world.server.asked("host.example"), 1);
});

test("RS-10: questions in flight are bounded, the others wait their turn", async () => {
  const names = Array.from({ length: 10 }, (_, index) => `host${index}.example`);
  const zone: LabZone = Object.fromEntries(names.map((one) => [one, { misbehave: "drop" }]));
  await using world = await lab(zone, { maxInFlight: 3 });
  const answers = names.map((one) => world.resolver.a(domain(one)));
  await world.untilAsked(3);
  for (const one of names) zone[one] = fine;
  world.clock.advance(2_000);
  assert.deepEqual(new Set((await Promise.all(answers)).map(summary)), new Set([truth]));
  assert.deepEqual(world.questions.map(({ name: asked }) => asked).slice(0, 3), names.slice(0, 3));
});

test("a question that waits for its turn too long is an error as well", async () => {
  await using world = await lab({ "host.example": { misbehave: "drop" } }, { maxInFlight: 1 });
  const answers = [world.resolver.a(name), world.resolver.a(domain("b.example"))];
  await world.untilAsked(1);
  world.clock.advance(20_000);
  const want = "error: no DNS server answered within 20 s";
  assert.deepEqual((await Promise.all(answers)).map(summary), [want, want]);
  assert.equal(world.server.asked("b.example"), 0);
});

test("one asker may give up; the other still gets the answer", async () => {
  const zone: LabZone = { "host.example": { misbehave: "drop" } };
  await using world = await lab(zone);
  const leaving = new AbortController();
  const [left, stayed] = [world.resolver.a(name, leaving.signal), world.resolver.a(name, new AbortController().signal)];
  await world.untilAsked(1);
  leaving.abort();
  assert.equal(summary(await left), "error: given up while waiting for DNS");
  zone["host.example"] = fine;
  world.clock.advance(2_000);
  assert.equal(summary(await stayed), truth);
});

test("when the last asker gives up the question ends, is not cached, and can be asked anew", async () => {
  const zone: LabZone = { "host.example": { misbehave: "drop" } };
  await using world = await lab(zone);
  const leaving = new AbortController();
  const left = world.resolver.a(name, leaving.signal);
  await world.untilAsked(1);
  zone["host.example"] = fine;
  leaving.abort();
  const anew = world.resolver.a(name, new AbortController().signal);
  assert.equal(summary(await left), "error: given up while waiting for DNS");
  assert.equal(summary(await anew), truth);
});

test("disposing ends every question", async () => {
  await using world = await lab({ "host.example": { misbehave: "drop" } });
  const asked = [world.resolver.a(name), world.resolver.mx(name)];
  await world.untilAsked(2);
  await world.resolver[Symbol.asyncDispose]();
  const want = "error: given up while waiting for DNS";
  assert.deepEqual((await Promise.all(asked)).map(summary), [want, want]);
});

test("hundreds of questions under one signal leave no listener and no warning", async () => {
  const names = Array.from({ length: 300 }, (_, index) => domain(`host${index}.example`));
  await using world = await lab(Object.fromEntries(names.map((one) => [one, fine])));
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  const { signal } = new AbortController();
  await Promise.all(names.map((one) => world.resolver.a(one, signal)));
  await new Promise(setImmediate);
  process.off("warning", onWarning);
  assert.deepEqual(warnings, []);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
