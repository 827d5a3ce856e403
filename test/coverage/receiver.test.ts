/**
 * Checks of the receiving side that no dialogue can say: sessions side by side, sizes, and TLS that ends too soon.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { readDer, readDerSequence } from "../../src/tls/der.ts";
import { bodyText, openReceiver, rootPem } from "../receiver-lab.ts";
import { TestClient } from "../smtp-client.ts";

/** ms; a test that hangs says so. */
const timeout = 20_000;

async function greeted(port: number): Promise<TestClient> {
  const client = new TestClient(port);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

const envelope = ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>", "DATA"];

async function atData(client: TestClient): Promise<void> {
  for (const line of envelope) assert.match(await client.say(line), /^[23]5/);
}

test("SR-24: sessions do not wait for one another", { timeout }, async () => {
  await using lab = await openReceiver();
  const clients = await Promise.all(Array.from({ length: 20 }, () => greeted(lab.receiver.port)));
  using resources = new DisposableStack();
  for (const client of clients) resources.use(client);
  for (const line of envelope) {
    for (const client of clients) assert.match(await client.say(line), /^[23]5/);
  }
  for (const [number, client] of [...clients.entries()].reverse()) {
    assert.match(await client.say(`text ${number}\r\n.`), /^250 /);
  }
  const texts = lab.mails.map(bodyText).reverse();
  assert.deepEqual(
    texts,
    clients.map((_client, number) => `text ${number}\r\n`),
  );
});

test("LN-10, LN-11, LN-8: lines of 1000 octets, and a stuffing dot does not count", { timeout }, async () => {
  await using lab = await openReceiver({ limits: { maxLineBytes: 1000 } });
  using client = await greeted(lab.receiver.port);
  await atData(client);
  const longest = "x".repeat(998);
  assert.match(await client.say(`${longest}\r\n..${"y".repeat(997)}\r\n.`), /^250 /);
  assert.deepEqual(lab.mails.map(bodyText), [`${longest}\r\n.${"y".repeat(997)}\r\n`]);
  await atData(client);
  assert.match(await client.say(`${longest}x\r\n.`), /^554 5\.6\.0 /);
});

test("SR-21: a path of 256 octets, a local part of 64, a domain of 253, a command line of 512", {
  timeout,
}, async () => {
  await using lab = await openReceiver({ checkRecipient: () => undefined });
  using client = await greeted(lab.receiver.port);
  const label = "d".repeat(63);
  const host = `${label}.${label}.${"d".repeat(61)}`;
  const path = `<${"l".repeat(64)}@${host}>`;
  assert.equal(path.length, 256);
  assert.match(await client.say(`MAIL FROM:${path}`), /^250 /);
  assert.match(await client.say(`RCPT TO:${path}`), /^250 /);
  assert.match(await client.say(`RCPT TO:<l@${label}.${label}.${label}.${"d".repeat(61)}>`), /^250 /);
  assert.match(await client.say(`RCPT TO:<l@${label}.${label}.${label}.${"d".repeat(62)}>`), /^553 /);
  assert.match(await client.say(`NOOP ${"n".repeat(505)}`), /^250 /);
});

test("EX-24: every parameter at its longest is one command line", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = await greeted(lab.receiver.port);
  const xtext = "+41".repeat(32);
  const mail = `MAIL FROM:<a@example.com> SIZE=1 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=${xtext} AUTH=${"u".repeat(490)}`;
  assert.match(await client.say(mail), /^250 /);
  const orcpt = `rfc822;${"o".repeat(490)}`;
  assert.match(await client.say(`RCPT TO:<b@example.org> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=${orcpt}`), /^250 /);
  assert.match(await client.say("DATA"), /^354 /);
  assert.match(await client.say("x\r\n."), /^250 /);
  assert.equal(lab.mails[0]?.envelope.recipients[0]?.orcpt, orcpt);
  assert.equal(lab.mails[0]?.envelope.sender.envid, xtext);
});

test("SR-22, SR-23: a hundred recipients and more than 64 KiB in one transaction", { timeout }, async () => {
  await using lab = await openReceiver({ limits: { maxCommands: 5 } });
  using client = await greeted(lab.receiver.port);
  await client.say("MAIL FROM:<a@example.com>");
  const to = Array.from({ length: 100 }, (_, number) => `r${number}@example.org`);
  await client.send(to.map((text) => `RCPT TO:<${text}>\r\n`).join(""));
  for (const _ of to) assert.match(await client.reply(), /^250 2\.1\.5 /);
  assert.match(await client.say("DATA"), /^354 /);
  const text = `${"x".repeat(70)}\r\n`.repeat(2000);
  assert.match(await client.say(`${text}.`), /^250 /);
  assert.equal(lab.mails.map(bodyText).join(""), text);
  assert.deepEqual(
    lab.mails[0]?.envelope.recipients.map(({ mailbox }) => mailbox.text),
    to,
  );
});

for (const how of ["FIN without close_notify", "close_notify"]) {
  test(`ST-19, AT-8: ${how} in the middle of the data: nothing is taken`, { timeout }, async () => {
    await using lab = await openReceiver();
    using client = await greeted(lab.receiver.port);
    const { socket: plain } = client;
    await client.say("STARTTLS");
    const secure = await client.startTls();
    await client.say("EHLO client.example");
    await atData(client);
    await client.send("Subject: half\r\n\r\nall but the end\r\n");
    (how === "close_notify" ? secure : plain).end();
    await client.rest();
    assert.deepEqual(lab.mails, []);
  });
}

test("AT-35, TL-17: a client certificate, whatever it is, is not asked for and never seen", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = await greeted(lab.receiver.port);
  let signer = await makeAuthority("far away");
  for (let depth = 0; depth < 20; depth++) signer = await signer.intermediate(`link ${depth}`);
  const { chainPem, privateKeyPem } = await signer.issue({ notAfter: Date.now() - 1000, notBefore: 0 });
  await client.say("STARTTLS");
  const secure = await client.startTls({ cert: chainPem, key: privateKeyPem });
  assert.deepEqual(secure.getSharedSigalgs(), []);
  await client.say("EHLO client.example");
  await atData(client);
  assert.match(await client.say("x\r\n."), /^250 /);
});

test("TL-7: a session that may be resumed allows no early data", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  const { port } = lab.receiver;
  const socket = connectTls({ host: "127.0.0.1", port, ca: [rootPem], servername: "mx.example.org" });
  const [session] = await once(socket, "session");
  socket.destroy();
  // Node puts the host's name before OpenSSL's own form.
  const der = session.subarray(session.indexOf("mx.example.org") + "mx.example.org".length);
  const fields = readDerSequence(readDer(der, 0)?.content ?? Buffer.alloc(0));
  assert.ok(fields !== undefined && fields.length > 5);
  // OpenSSL writes max_early_data under [15], and only when it is not 0.
  assert.ok(!fields.some(({ tag }) => tag === 0xaf));
});

/** A ClientHello of TLS 1.2 that would like to compress. RFC 5246 §7.4.1.2 */
function compressingHello(): Buffer {
  const extension = (type: number, body: number[]): number[] => [0, type, 0, body.length, ...body];
  const extensions = [
    ...extension(10, [0, 4, 0, 29, 0, 23]),
    ...extension(11, [1, 0]),
    ...extension(13, [0, 4, 4, 3, 8, 4]),
  ];
  const body = [
    ...[3, 3],
    ...Array.from({ length: 32 }, (_, at) => at),
    0,
    ...[0, 4, 0xc0, 0x2b, 0xc0, 0x2c],
    ...[2, 1, 0],
    ...[0, extensions.length, ...extensions],
  ];
  return Buffer.from([22, 3, 1, 0, body.length + 4, 1, 0, 0, body.length, ...body]);
}

test("TL-5: compression is not taken up", { timeout }, async () => {
  await using lab = await openReceiver({ implicitTls: true });
  using client = new TestClient(lab.receiver.port);
  client.socket.removeAllListeners("data");
  await client.send(compressingHello());
  const [answer] = (await once(client.socket, "data")) as [Buffer];
  assert.deepEqual([...answer.subarray(0, 1), answer[5]], [22, 2], "a ServerHello");
  const sessionId = answer.readUInt8(43);
  assert.equal(answer.readUInt8(43 + 1 + sessionId + 2), 0);
});

const hugeHeaders: readonly [name: string, text: string][] = [
  ["10 MB of header in one line", `X: ${"y".repeat(10_000_000)}\r\n`],
  ["a million header lines", "X: y\r\n".repeat(1_000_000)],
  ["10 MB of one folded field", `X:\r\n${" y\r\n".repeat(2_500_000)}`],
  ["10 MB in a line that is no field", `${"y".repeat(10_000_000)}\r\n`],
  ["a million lines of dots", "..\r\n".repeat(1_000_000)],
];
for (const [name, text] of hugeHeaders) {
  for (const large of [true, false]) {
    const sizes = large ? 20_000_000 : 65_536;
    test(`AT-23: ${name}, limits of ${sizes}: work in proportion`, { timeout }, async () => {
      const limits = { maxHeaderBytes: sizes, maxLineBytes: sizes, maxMessageBytes: 20_000_000 };
      await using lab = await openReceiver({ limits });
      using client = await greeted(lab.receiver.port);
      await atData(client);
      const started = performance.now();
      await client.send(`${text}\r\n.\r\n`);
      const answer = await client.reply();
      assert.ok(performance.now() - started < 5000);
      assert.match(answer, large || /dots/.test(name) ? /^250 / : /^55[24] /);
      assert.equal(await client.say("NOOP"), "250 2.0.0 Ok");
    });
  }
}
