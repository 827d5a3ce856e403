/**
 * AT-21: clients that hold a session in each of its states, silent or at one octet per second. Each is ended by that
 * state's deadline, not before it, and not put off by octets that come in.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex, PassThrough } from "node:stream";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { type OpenReceiver, openReceiver, type ReceiverChange } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

const timeout = 20_000;
/** As the lab's receiver has them. */
const commandMs = 300_000;
const handshakeMs = 30_000;
const blockMs = 180_000;
const messageMs = 600_000;
const sessionMs = 3_600_000;
/** Deadlines are looked at so often. */
const sweepMs = 1000;
const said421 = "421 4.4.2 Timeout, closing connection\r\n";

type Row = Readonly<{
  name: string;
  change?: ReceiverChange;
  /** Brings the session to where the clock of its deadline begins. */
  reach: (client: TestClient) => Promise<unknown>;
  /** One per second; nothing: silence. */
  octets?: (second: number) => string;
  deadlineMs: number;
  /** The server's last words. */
  hears: string;
}>;

/** What a client says first in TLS. */
async function clientHello(): Promise<string> {
  const sent = new PassThrough();
  const tls = connectTls({
    socket: Duplex.from({ readable: new PassThrough(), writable: sent }),
    servername: "mx.example.org",
  });
  tls.on("error", () => undefined);
  const [hello] = (await once(sent, "data")) as [Buffer];
  tls.destroy();
  return hello.toString("latin1");
}

const hello = await clientHello();
const halfHello = hello.slice(0, hello.length / 2);

async function greeted(client: TestClient): Promise<void> {
  assert.match(await client.reply(), /^220 /);
  assert.match(await client.say("EHLO client.example"), /^250-/);
}

async function toHandshake(client: TestClient): Promise<void> {
  await greeted(client);
  assert.match(await client.say("STARTTLS"), /^220 /);
}

async function insideTls(client: TestClient): Promise<void> {
  await toHandshake(client);
  await client.startTls();
  assert.match(await client.say("EHLO client.example"), /^250-/);
}

async function withRecipient(client: TestClient): Promise<void> {
  assert.match(await client.say("MAIL FROM:<a@example.com>"), /^250 /);
  assert.match(await client.say("RCPT TO:<b@example.org>"), /^250 /);
}

async function inData(client: TestClient): Promise<void> {
  await withRecipient(client);
  assert.match(await client.say("DATA"), /^354 /);
}

const withAuth: ReceiverChange = {
  led: { mechanisms: ["PLAIN"] },
  startSasl: () => ({
    step: (response) =>
      response === undefined ? { kind: "challenge", data: Buffer.alloc(0) } : { kind: "failed", why: "credentials" },
  }),
};

const line = "One octet per second, and there is always more to come.\r\n";
const endless = (second: number): string => line.charAt(second % line.length);
const neverALine = (second: number): string => (second < 4 ? "NOOP".charAt(second) : " ");

const rows: readonly Row[] = [
  {
    name: "connects and waits",
    reach: (client) => client.reply(),
    deadlineMs: commandMs,
    hears: said421,
  },
  {
    name: "connects and waits where TLS begins with the first octet",
    change: { implicitTls: true },
    reach: async () => undefined,
    deadlineMs: handshakeMs,
    hears: "",
  },
  { name: "says EHLO and waits", reach: greeted, deadlineMs: commandMs, hears: said421 },
  { name: "waits inside TLS", reach: insideTls, deadlineMs: commandMs, hears: said421 },
  {
    name: "sends a command an octet at a time",
    reach: greeted,
    octets: neverALine,
    deadlineMs: commandMs,
    hears: said421,
  },
  {
    name: "sends a command inside TLS an octet at a time",
    reach: insideTls,
    octets: neverALine,
    deadlineMs: commandMs,
    hears: said421,
  },
  {
    name: "sends whole commands without end, an octet at a time",
    change: { limits: { maxCommands: 1e9 } },
    reach: greeted,
    octets: (second) => "NOOP\r\n".charAt(second % 6),
    deadlineMs: sessionMs,
    hears: said421,
  },
  {
    name: "sends half a ClientHello",
    reach: async (client) => {
      await toHandshake(client);
      await client.send(halfHello);
    },
    deadlineMs: handshakeMs,
    hears: "",
  },
  {
    name: "sends half a ClientHello where TLS begins with the first octet",
    change: { implicitTls: true },
    reach: (client) => client.send(halfHello),
    deadlineMs: handshakeMs,
    hears: "",
  },
  {
    name: "sends a ClientHello an octet at a time",
    reach: toHandshake,
    octets: (second) => hello.charAt(second),
    deadlineMs: handshakeMs,
    hears: "",
  },
  { name: "stops in the middle of DATA", reach: afterGreeting(inData), deadlineMs: blockMs, hears: said421 },
  {
    name: "sends DATA an octet at a time",
    reach: afterGreeting(inData),
    octets: endless,
    deadlineMs: messageMs,
    hears: said421,
  },
  {
    name: "sends DATA inside TLS an octet at a time",
    reach: async (client) => {
      await insideTls(client);
      await inData(client);
    },
    octets: endless,
    deadlineMs: messageMs,
    hears: said421,
  },
  {
    name: "sends a BDAT chunk an octet at a time",
    reach: afterGreeting(async (client) => {
      await withRecipient(client);
      await client.send("BDAT 1000000 LAST\r\n");
    }),
    octets: endless,
    deadlineMs: messageMs,
    hears: said421,
  },
  {
    name: "sends a BDAT chunk that was refused before it came, an octet at a time",
    reach: afterGreeting((client) => client.send("BDAT 1000000 LAST\r\n")),
    octets: endless,
    deadlineMs: sessionMs,
    hears: said421,
  },
  {
    name: "stops in the middle of AUTH",
    change: withAuth,
    reach: afterGreeting(async (client) => assert.match(await client.say("AUTH PLAIN"), /^334/)),
    deadlineMs: commandMs,
    hears: said421,
  },
  {
    name: "sends its response to AUTH an octet at a time",
    change: withAuth,
    reach: afterGreeting(async (client) => assert.match(await client.say("AUTH PLAIN"), /^334/)),
    octets: () => "A",
    deadlineMs: commandMs,
    hears: said421,
  },
];

function afterGreeting(reach: (client: TestClient) => Promise<unknown>): Row["reach"] {
  return async (client) => {
    await greeted(client);
    await reach(client);
  };
}

/** The event loop has looked at its sockets. */
async function readByNow(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** `ms` go by, and with each second an octet. */
async function pass({ clock }: OpenReceiver, client: TestClient, ms: number, octets: Row["octets"]): Promise<void> {
  if (octets === undefined) {
    await readByNow();
    clock.move(ms);
    return;
  }
  for (let second = 0; second * 1000 < ms; second += 1) {
    const octet = octets(second);
    if (octet !== "") await client.send(octet);
    await readByNow();
    clock.move(Math.min(1000, ms - second * 1000));
  }
}

for (const { name, change, reach, octets, deadlineMs, hears } of rows) {
  test(`AT-21: a client that ${name}`, { timeout }, async () => {
    await using lab = await openReceiver(change);
    using client = new TestClient(lab.receiver.port);
    while (lab.receiver.sessions === 0) await new Promise(setImmediate);
    await reach(client);
    await pass(lab, client, deadlineMs - 1, octets);
    assert.equal(lab.receiver.sessions, 1);
    assert.equal(lab.events.filter(({ kind }) => kind === "session-ended").length, 0);
    lab.clock.move(1 + sweepMs);
    const replies = (await client.rest()).split(/(?<=\r\n)/);
    assert.equal(replies.filter((text) => !/^250 2\.0\.0 /.test(text)).join(""), hears);
    client.end();
    while (lab.receiver.sessions > 0) await new Promise(setImmediate);
    assert.equal(lab.mails.length, 0);
  });
}

test("AT-21: a message in whole chunks, one a minute, ends with its own time", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = new TestClient(lab.receiver.port);
  await greeted(client);
  await withRecipient(client);
  for (let minutes = 0; minutes < 9; minutes++) {
    await client.send("BDAT 1\r\nx");
    assert.match(await client.reply(), /^250 /);
    lab.clock.move(60_000);
  }
  await client.send("BDAT 1\r\nx");
  assert.match(await client.reply(), /^250 /);
  lab.clock.move(60_000 + sweepMs);
  assert.equal(await client.rest(), said421);
});
