/**
 * Names of clients, asked of the lab's DNS server through the stub resolver: real sockets, a clock moved by hand.
 */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import { createClientNames } from "../../src/dns/client-name.ts";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import { type LabZone, startDnsServer } from "../../src/lab/dns-server.ts";
import type { IpAddress } from "../../src/mail/address.ts";
import type { ClientName } from "../../src/mail/client-name.ts";
import { HandClock } from "./hand-clock.ts";

const client = "192.0.2.7" as IpAddress;
const reverse = "7.2.0.192.in-addr.arpa";
const client6 = "2001:db8::7" as IpAddress;
const reverse6 = `7.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`;

async function lab(zone: LabZone) {
  const questions: string[] = [];
  const events = new EventEmitter();
  const server = await startDnsServer(zone, {
    onQuestion: ({ name, type }) => {
      questions.push(`${type} ${name}`);
      events.emit("question");
    },
  });
  const clock = new HandClock();
  const servers = [{ address: server.address as IpAddress, port: server.port, trusted: true }];
  const resolver = createStubResolver({ servers, timeoutMs: 20_000, overallMs: 60_000, clock });
  return {
    clock,
    questions,
    nameOf: createClientNames({ resolver, timeoutMs: 5_000, clock }),
    async untilAsked(question: string): Promise<void> {
      while (!questions.includes(question)) await once(events, "question");
    },
    async [Symbol.asyncDispose]() {
      await resolver[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function inWords(name: ClientName): string {
  return "name" in name ? `${name.kind} ${name.name}` : name.kind;
}

const mx = { a: ["192.0.2.7"] };
const other = { a: ["192.0.2.8"] };
const manyNames = Array.from({ length: 300 }, (_, number) => `n${100 + number}.${"x".repeat(50)}.example`);
const rows: readonly [name: string, zone: LabZone, want: string, client?: IpAddress][] = [
  ["a name that leads back", { [reverse]: { ptr: ["MX.Example"] }, "mx.example": mx }, "verified mx.example"],
  [
    "IPv6 by nibbles, and AAAA",
    { [reverse6]: { ptr: ["mx.example"] }, "mx.example": { aaaa: ["2001:db8:0::7"] } },
    "verified mx.example",
    client6,
  ],
  [
    "one address of many, behind a CNAME",
    {
      [reverse]: { ptr: ["mx.example"] },
      "mx.example": { cname: "h.example" },
      "h.example": { a: ["192.0.2.8", client] },
    },
    "verified mx.example",
  ],
  ["a name that leads elsewhere", { [reverse]: { ptr: ["mx.example"] }, "mx.example": other }, "forged mx.example"],
  ["a name that does not exist", { [reverse]: { ptr: ["mx.example"] } }, "forged mx.example"],
  [
    "IPv4 and a name with AAAA alone",
    { [reverse]: { ptr: ["mx.example"] }, "mx.example": { aaaa: ["::1"] } },
    "forged mx.example",
  ],
  ["no such name in the reverse zone", {}, "none"],
  ["no PTR at the name", { [reverse]: { txt: ["x"] } }, "none"],
  ["SERVFAIL for PTR", { [reverse]: { misbehave: "servfail" } }, "unknown"],
  ["SERVFAIL for the name", { [reverse]: { ptr: ["mx.example"] }, "mx.example": { misbehave: "servfail" } }, "unknown"],
  [
    "several names: in alphabetical order, the first that leads back",
    {
      [reverse]: { ptr: ["c.example", "b.example", "a.example"] },
      "a.example": other,
      "b.example": mx,
      "c.example": mx,
    },
    "verified b.example",
  ],
  [
    "several names: one that leads back beats one that cannot be asked",
    { [reverse]: { ptr: ["a.example", "b.example"] }, "a.example": { misbehave: "servfail" }, "b.example": mx },
    "verified b.example",
  ],
  [
    "several names: one that cannot be asked might have led back",
    { [reverse]: { ptr: ["a.example", "b.example"] }, "a.example": other, "b.example": { misbehave: "servfail" } },
    "unknown",
  ],
  [
    "AT-28: names that are no host names count for nothing",
    { [reverse]: { ptr: ["mx example", "192.0.2.7", ".", "a\r\nb.example", "mx;rm.example", "mx/1.example"] } },
    "none",
  ],
  [
    "AT-28: a name beside those",
    { [reverse]: { ptr: ["192.0.2.7", "\u001b[2J.example", "mx.example"] }, "mx.example": mx },
    "verified mx.example",
  ],
  [
    "a classless block, RFC 2317 §4: the CNAME's slash",
    {
      [reverse]: { cname: "7.0/25.2.0.192.in-addr.arpa" },
      "7.0/25.2.0.192.in-addr.arpa": { ptr: ["mx.example"] },
      "mx.example": mx,
    },
    "verified mx.example",
  ],
  [
    "a classless block whose CNAME the server does not follow: it is asked about",
    {
      [reverse]: { cname: "7.0/25.2.0.192.in-addr.arpa", misbehave: "partial" },
      "7.0/25.2.0.192.in-addr.arpa": { ptr: ["mx.example"] },
      "mx.example": mx,
    },
    "verified mx.example",
  ],
  ["AT-17: a CNAME loop", { [reverse]: { cname: reverse } }, "unknown"],
  [
    "AT-18: a forger's packet first",
    { [reverse]: { ptr: ["mx.example"], misbehave: "wrong-id" }, "mx.example": { ...mx, misbehave: "wrong-question" } },
    "verified mx.example",
  ],
];
for (const [name, zone, want, from = client] of rows) {
  test(`client name: ${name}`, async () => {
    await using world = await lab(zone);
    assert.equal(inWords(await world.nameOf(from)), want);
  });
}

test("client name: of hundreds of names five are looked at", async () => {
  const last = manyNames.at(-1) ?? "";
  await using world = await lab({ [reverse]: { ptr: manyNames }, [last]: mx });
  assert.equal(inWords(await world.nameOf(client)), `forged ${manyNames[0]}`);
  assert.deepEqual(
    world.questions.filter((question) => question.startsWith("A ")).sort(),
    manyNames.slice(0, 5).map((name) => `A ${name}`),
  );
});

test("client name: everybody who waits for one address shares its questions", async () => {
  await using world = await lab({ [reverse]: { ptr: ["mx.example"] }, "mx.example": mx });
  const names = await Promise.all(Array.from({ length: 50 }, () => world.nameOf(client)));
  assert.deepEqual(new Set(names.map(inWords)), new Set(["verified mx.example"]));
  assert.deepEqual(world.questions, [`PTR ${reverse}`, "A mx.example"]);
});

for (const silent of [reverse, "mx.example"]) {
  test(`client name: unknown in time when ${silent} is never answered`, async () => {
    const zone: LabZone = { [reverse]: { ptr: ["mx.example"] }, "mx.example": mx };
    zone[silent] = { ...zone[silent], misbehave: "drop" };
    await using world = await lab(zone);
    const asked = world.nameOf(client);
    await world.untilAsked(`${silent === reverse ? "PTR" : "A"} ${silent}`);
    world.clock.advance(5_000);
    assert.equal(inWords(await asked), "unknown");
  });
}

test("client name: what is no longer true is asked again", async () => {
  const zone: LabZone = { [reverse]: { ptr: ["mx.example"], ttlSeconds: 60 }, "mx.example": { ...mx, ttlSeconds: 60 } };
  await using world = await lab(zone);
  assert.equal(inWords(await world.nameOf(client)), "verified mx.example");
  zone[reverse] = { ptr: ["new.example"] };
  zone["new.example"] = mx;
  assert.equal(inWords(await world.nameOf(client)), "verified mx.example");
  world.clock.advance(60_000);
  assert.equal(inWords(await world.nameOf(client)), "verified new.example");
});
