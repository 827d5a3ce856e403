/**
 * Checks of the sending side that the tests beside its files do not name: who speaks first, what a peer may make us
 * keep, what is remembered from one message to the next.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type PartnerHost, startPartnerHost } from "../../src/lab/partner-host.ts";
import { type PartnerOptions, usualKeywords } from "../../src/lab/partner-script.ts";
import { certificate, inMemory, mailbox, message, openTo, readyAt, summary } from "../client/peer.ts";

const tls = { mode: "starttls", certificate } as const;
const timeout = 20_000;

async function hostFor(context: TestContext, options: Partial<PartnerOptions>): Promise<PartnerHost> {
  const host = await startPartnerHost({ tls, ...options });
  context.after(() => host[Symbol.asyncDispose]());
  return host;
}

/** A host of which the test itself is the voice. */
async function silentHost(context: TestContext): Promise<{ address: string; port: number; arrival: Promise<Socket> }> {
  const server = createServer();
  const arrival = once(server, "connection").then(([socket]: Socket[]) => {
    assert.ok(socket !== undefined);
    context.after(() => socket.destroy());
    return socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return { address: "127.0.0.1", port: (server.address() as AddressInfo).port, arrival };
}

test("CL-1: nothing is said before the whole greeting has come", { timeout }, async (context) => {
  const host = await silentHost(context);
  const stop = new AbortController();
  const opening = openTo(host, { signal: stop.signal });
  const socket = await host.arrival;
  let heard = "";
  socket.on("data", (bytes: Buffer) => {
    heard += bytes.toString("latin1");
  });
  for (const part of ["220-mx.exa", "mple.net\r\n", "220-more\r\n220", " ready"]) {
    await new Promise<void>((resolve) => socket.write(part, () => resolve()));
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    assert.equal(heard, "");
  }
  socket.write("\r\n");
  await once(socket, "data");
  assert.equal(heard, "EHLO relay.example.com\r\n");
  stop.abort();
  await opening;
});

test("CL-9: a 5yz to MAIL is forgotten with its message", { timeout }, async (context) => {
  let times = 0;
  const host = await hostFor(context, { answers: { MAIL: () => (times++ === 0 ? "550 5.7.1 not you" : undefined) } });
  const connection = await readyAt(host);
  const results: string[] = [];
  for (let round = 0; round < 2; round++) results.push(...(await connection.send(message())).map(summary));
  assert.deepEqual(results, ["refused mail 550", "delivered 250"]);
  connection.quit();
});

/** Speaks SMTP in clear up to `354`, then reads no further. */
async function stopReadingAtData(socket: Socket): Promise<void> {
  socket.write("220 a\r\n");
  for (const answer of ["250 a", "250 a", "250 a", "354 a"]) {
    await once(socket, "data");
    socket.write(`${answer}\r\n`);
  }
  socket.pause();
}

test("AT-20: replies without end from a peer that reads nothing fill no memory", { timeout }, async (context) => {
  const host = await silentHost(context);
  const opening = openTo(host);
  const socket = await host.arrival;
  const spoken = stopReadingAtData(socket);
  const opened = await opening;
  assert.ok(opened.kind === "open");
  const line = `${"x".repeat(998)}\r\n`;
  const body = inMemory(...Array.from({ length: 400 }, () => line.repeat(50)));
  const sending = opened.connection.send(message({ body }));
  await spoken;
  socket.write("250 more\r\n".repeat(1000));
  const [result] = await sending;
  assert.equal(summary(result), "broken body 4.5.0");
});

const utf8Orcpt = { mailbox: mailbox("bob@example.net"), notify: undefined, orcpt: "utf-8;dömi@bücher.example" };
const orcpts: readonly [keywords: readonly string[], mail: RegExp, rcpt: string][] = [
  [usualKeywords, / SMTPUTF8$/, "RCPT TO:<bob@example.net> ORCPT=utf-8;dömi@bücher.example"],
  [["DSN"], /^MAIL FROM:<alice@example.com>$/, "RCPT TO:<bob@example.net> ORCPT=utf-8;d\\x{F6}mi@b\\x{FC}cher.example"],
  [["SMTPUTF8"], /^MAIL FROM:<alice@example.com>$/, "RCPT TO:<bob@example.net>"],
];
for (const [keywords, mail, rcpt] of orcpts) {
  const offers = keywords.includes("SIZE 52428800") ? "everything" : keywords.join();
  test(`DS-2, EX-12, RFC 6533 §3: a UTF-8 ORCPT for a host that offers ${offers}`, { timeout }, async (context) => {
    const host = await hostFor(context, { keywords });
    const connection = await readyAt(host);
    const results = await connection.send(message({ from: { smtputf8: true }, to: [utf8Orcpt] }));
    assert.deepEqual(results.map(summary), ["delivered 250"]);
    connection.quit();
    assert.match(host.messages[0]?.mail ?? "", mail);
    assert.deepEqual(host.messages[0]?.rcpt, [rcpt]);
  });
}

/** The ClientHello that stands behind the STARTTLS line. RFC 8446 §4.1.2 */
async function clientHello(context: TestContext): Promise<{ compression: number[]; extensions: number[] }> {
  const host = await hostFor(context, { tls: { ...tls, handshake: { kind: "drop" } } });
  await openTo(host);
  await host.settled();
  const clear = host.connections[0]?.clear ?? Buffer.alloc(0);
  const hello = clear.subarray(clear.indexOf("STARTTLS\r\n") + 10);
  let at = 5 + 4 + 2 + 32; // record, handshake header, version, random
  at += 1 + hello.readUInt8(at); // session id
  at += 2 + hello.readUInt16BE(at); // cipher suites
  const compression = [...hello.subarray(at + 1, at + 1 + hello.readUInt8(at))];
  at += 1 + compression.length;
  const end = at + 2 + hello.readUInt16BE(at);
  const extensions: number[] = [];
  for (at += 2; at < end; at += 4 + hello.readUInt16BE(at + 2)) extensions.push(hello.readUInt16BE(at));
  return { compression, extensions };
}

test("TL-5, TL-7, TL-15: no compression, no early data and no old session is offered", { timeout }, async (context) => {
  const { compression, extensions } = await clientHello(context);
  assert.deepEqual(compression, [0]);
  assert.ok(extensions.includes(43), "supported_versions");
  assert.ok(!extensions.includes(42), "early_data");
  assert.ok(!extensions.includes(41), "pre_shared_key");
  assert.ok(!extensions.includes(35), "session_ticket");
});
