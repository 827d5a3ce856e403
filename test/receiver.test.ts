/**
 * The receiver as a whole, where a dialogue cannot tell: memory, disk, shutdown, caps, what it reports.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { test } from "node:test";
import { formatReply, type Reply, reply } from "../src/mail/reply.ts";
import { MessageIntake, SPOOL_BACKLOG_BYTES } from "../src/smtp/server/message-intake.ts";
import { startReceiver } from "../src/smtp/server/start-receiver.ts";
import { bodyText, HandClock, type OpenReceiver, openReceiver } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

/** ms; a test that hangs says so. */
const timeout = 20_000;
const line = `${"0123456789".repeat(7)}\r\n`;

async function greeted({ receiver }: OpenReceiver): Promise<TestClient> {
  const client = new TestClient(receiver.port);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

async function upToData(client: TestClient): Promise<void> {
  await client.send("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
  for (let replies = 0; replies < 3; replies++) await client.reply();
}

/** An `accept` that answers when it is told to. */
function heldAccept(): { accept: () => Promise<Reply>; asked: Promise<void>; answer: (reply: Reply) => void } {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Reply>();
  const accept = (): Promise<Reply> => {
    asked.resolve();
    return answer.promise;
  };
  return { accept, asked: asked.promise, answer: answer.resolve };
}

test("a 50 MB message is a file, octet for octet, and costs bounded memory", { timeout: 60_000 }, async () => {
  const maxMemoryBytes = 262_144;
  await using lab = await openReceiver({ limits: { maxMessageBytes: 0, maxMemoryBytes } });
  using client = await greeted(lab);
  await upToData(client);
  const block = Buffer.from(line.repeat(1000));
  let peakRss = 0;
  const before = process.memoryUsage().rss;
  const blocks = Math.ceil(50_000_000 / block.length);
  for (let sent = 0; sent < blocks; sent++) {
    await client.send(block);
    peakRss = Math.max(peakRss, process.memoryUsage().rss);
  }
  await client.send(".\r\n");
  assert.match(await client.reply(), /^250 /);
  const [mail] = lab.mails;
  assert.equal(mail?.body.kind, "file");
  if (mail?.body.kind !== "file") return;
  assert.equal(statSync(mail.body.path).size, mail.body.sizeBytes);
  let own = 0;
  let at = 0;
  for await (const chunk of createReadStream(mail.body.path) as AsyncIterable<Buffer>) {
    if (at === 0) own = chunk.indexOf("\r\n0123") + 2;
    for (let from = at === 0 ? own : 0; from < chunk.length; ) {
      const phase = (at + from - own) % block.length;
      const size = Math.min(chunk.length - from, block.length - phase);
      assert.ok(chunk.subarray(from, from + size).equals(block.subarray(phase, phase + size)));
      from += size;
    }
    at += chunk.length;
  }
  assert.equal(at, own + blocks * block.length);
  // Node keeps freed read buffers for a while; without a bound the whole message would be here.
  assert.ok(peakRss - before < 40_000_000, `grew by ${peakRss - before}`);
});

test("memory of one message never passes its stated bound, however slow the disk", { timeout }, async () => {
  await using lab = await openReceiver();
  const limits = { maxMessageBytes: 0, maxMemoryBytes: 262_144, maxHeaderBytes: 65536, maxLineBytes: 65536 };
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  const options = {
    limits: { ...limits, maxRecipients: 1, maxReceivedFields: 1, maxConnections: 1, maxConnectionsPerAddress: 1 },
    bareNewline: "reject" as const,
    wanted: new Map(),
    spoolDirectory: lab.spoolDirectory,
  };
  const commandLimits = { maxErrors: 1, maxCommands: 1 };
  const intake = new MessageIntake(
    "m1",
    Buffer.from("Received: x\r\n"),
    { ...options, limits: { ...options.limits, ...commandLimits } },
    () => resolve(),
  );
  let peak = 0;
  // No disk gets a turn in this loop: writing must say stop by itself.
  while (!intake.backlogged) {
    intake.write(Buffer.from(line.repeat(900)));
    peak = Math.max(peak, intake.heldBytes);
  }
  assert.ok(peak <= limits.maxMemoryBytes + SPOOL_BACKLOG_BYTES + limits.maxHeaderBytes + 65536, `held ${peak}`);
  await drained;
  assert.equal(intake.backlogged, false);
  assert.equal((await intake.finish()).kind, "message");
});

test("SR-15, SR-16: the spool file is gone after a refusal, a broken connection and a time-out", {
  timeout,
}, async () => {
  const answers = [reply(451, "4.3.0", "no")];
  await using lab = await openReceiver({
    limits: { maxMemoryBytes: 1000 },
    accept: async (mail) => {
      assert.equal(mail.body.kind === "file" && existsSync(mail.body.path), true);
      return answers.shift() ?? reply(250, "2.0.0", "ok");
    },
  });
  using refused = await greeted(lab);
  await upToData(refused);
  await refused.send(`${line.repeat(100)}.\r\n`);
  assert.match(await refused.reply(), /^451 /);
  using broken = await greeted(lab);
  await upToData(broken);
  await broken.send(line.repeat(100));
  while (readdirSync(lab.spoolDirectory).length === 0) await new Promise(setImmediate);
  broken.socket.destroy();
  using stalled = await greeted(lab);
  await upToData(stalled);
  await stalled.send(line.repeat(100));
  lab.clock.move(181_000);
  assert.match(await stalled.reply(), /^421 4\.4\.2 /);
  while (readdirSync(lab.spoolDirectory).length > 0) await new Promise(setImmediate);
});

test("SR-15: a spool folder that fails is 452, after the true end of data", { timeout }, async () => {
  await using lab = await openReceiver({ limits: { maxMemoryBytes: 1000 }, spoolDirectory: "/nonexistent/spool" });
  using client = await greeted(lab);
  await upToData(client);
  await client.send(`${line.repeat(1000)}.\r\n`);
  assert.match(await client.reply(), /^452 4\.3\.1 /);
  assert.match(await client.say("NOOP"), /^250 /);
});

test("EX-20, SR-15: while a message is committed no later command is obeyed", { timeout }, async () => {
  const held = heldAccept();
  const seen: string[] = [];
  await using lab = await openReceiver({
    accept: held.accept,
    checkSender: (_session, { mailbox }) => {
      seen.push(mailbox?.text ?? "");
      return undefined;
    },
  });
  using client = await greeted(lab);
  await upToData(client);
  await client.send("x\r\n.\r\nMAIL FROM:<next@example.com>\r\n");
  await held.asked;
  await client.send("NOOP\r\n");
  await new Promise(setImmediate);
  assert.deepEqual(seen, ["a@example.com"]);
  held.answer(reply(250, "2.0.0", "done"));
  assert.equal(await client.reply(), "250 2.0.0 done");
  assert.equal(await client.reply(), "250 2.1.0 Sender ok");
  assert.equal(await client.reply(), "250 2.0.0 Ok");
});

test("SR-19: stopping says 421 when idle, and lets a message in its data or its commit end", { timeout }, async () => {
  const held = heldAccept();
  await using lab = await openReceiver({ accept: held.accept });
  using idle = await greeted(lab);
  using reading = await greeted(lab);
  using committing = await greeted(lab);
  await upToData(reading);
  await upToData(committing);
  await committing.send("x\r\n.\r\n");
  await held.asked;
  const stopped = lab.receiver.stop(60_000);
  assert.match(await idle.rest(), /^421 4\.3\.2 [^\n]*\n$/);
  idle.end();
  await reading.send("x\r\n.\r\n");
  held.answer(reply(250, "2.0.0", "done"));
  assert.match(await reading.rest(), /^250 2\.0\.0 done\r\n421 4\.3\.2 /);
  assert.match(await committing.rest(), /^250 2\.0\.0 done\r\n421 4\.3\.2 /);
  reading.end();
  committing.end();
  await stopped;
  assert.equal(lab.receiver.sessions, 0);
});

test("SR-19: what is left after the grace is cut", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = await greeted(lab);
  await upToData(client);
  const stopped = lab.receiver.stop(60_000);
  lab.clock.move(60_001);
  await stopped;
  assert.equal(await client.rest(), "");
  assert.equal(lab.mails.length, 0);
});

test("AT-21, AT-22: one address cannot hold every slot, and a slot that is free again can be taken", {
  timeout,
}, async () => {
  await using lab = await openReceiver({ limits: { maxConnectionsPerAddress: 1 } });
  const first = await greeted(lab);
  using second = new TestClient(lab.receiver.port);
  assert.match(await second.rest(), /^421 4\.7\.0 Too many connections from your address/);
  assert.equal(lab.events.filter(({ kind }) => kind === "connection-refused").length, 1);
  await first.say("QUIT");
  first.end();
  await once(first.socket, "close");
  while (lab.receiver.sessions > 0) await new Promise(setImmediate);
  using third = await greeted(lab);
  assert.match(await third.say("NOOP"), /^250 /);
});

test("AT-21: a client that never closes after our last word is cut off", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = await greeted(lab);
  await client.say("QUIT");
  assert.equal(lab.receiver.sessions, 1);
  lab.clock.move(6000);
  while (lab.receiver.sessions > 0) await new Promise(setImmediate);
});

test("AT-21: a client that does not read its replies is not read either", { timeout }, async () => {
  await using lab = await openReceiver({ limits: { maxCommands: 1e9 } });
  using client = await greeted(lab);
  client.socket.pause();
  const flood = Buffer.from("NOOP\r\n".repeat(10_000));
  let written = 0;
  while (client.socket.write(flood) || client.socket.writableLength < 8_000_000) {
    written += flood.length;
    await new Promise(setImmediate);
    assert.ok(written < 200_000_000, "the server reads without end");
  }
});

const sampleLabel = { session: "", listener: "lab", client: "127.0.0.1", clientPort: 0, clientName: null };

test("what a session said is counted with what it came to: DATA only when the message is taken", {
  timeout,
}, async () => {
  let taken = 0;
  const accept = async () => (++taken === 1 ? reply(451, "4.3.0", "later") : reply(250, "2.0.0", "Ok"));
  await using lab = await openReceiver({ accept });
  using client = await greeted(lab);
  for (const _ of [1, 2]) {
    await client.say("MAIL FROM:<a@example.com>");
    await client.say("RCPT TO:<b@example.org>");
    await client.say("DATA");
    await client.say("Subject: x\r\n\r\n.");
  }
  await client.say("nonsense");
  client.end();
  while (lab.receiver.sessions > 0) await new Promise(setImmediate);
  const ended = lab.events.find((event) => event.kind === "session-ended");
  assert.deepEqual(ended?.commands.data, { said: 2, good: 1 });
  assert.deepEqual(ended?.commands.unknown, { said: 1, good: 0 });
});

test("one event per session and refusal, peer text raw in it", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = await greeted(lab);
  await client.say("MAIL FROM:<a@example.com>");
  await client.say("RCPT TO:<b@elsewhere.example>");
  await client.say("QUIT");
  client.end();
  while (lab.receiver.sessions > 0) await new Promise(setImmediate);
  const [refusal, ...more] = lab.refusals;
  assert.deepEqual(more, []);
  assert.equal(refusal?.stage, "rcpt");
  assert.equal(refusal.sender?.mailbox?.text, "a@example.com");
  assert.deepEqual(
    refusal.recipients.map(({ text }) => text),
    ["b@elsewhere.example"],
  );
  assert.equal(formatReply(refusal.reply), "550 5.7.1 Relaying denied");
  const [started, ended, ...others] = lab.events;
  assert.deepEqual(others, []);
  assert.ok(started?.kind === "session-started" && ended?.kind === "session-ended");
  const { kind: _, ...label } = started;
  assert.ok(label.clientPort > 0 && label.session !== "");
  assert.deepEqual({ ...label, clientPort: 0, session: "" }, sampleLabel);
  assert.deepEqual(ended, {
    kind: "session-ended",
    ...label,
    ehlo: "client.example",
    tls: null,
    messages: 0,
    refusals: 1,
    reason: "quit",
    durationMs: 0,
    commands: {
      ehlo: { said: 1, good: 1 },
      mail: { said: 1, good: 1 },
      rcpt: { said: 1, good: 0 },
      quit: { said: 1, good: 1 },
    },
    lastCommand: "quit",
  });
});

test("facts of a message: 8-bit, UTF-8 header, its envelope as received", { timeout }, async () => {
  await using lab = await openReceiver();
  using client = await greeted(lab);
  await client.say("MAIL FROM:<a@example.com> BODY=8BITMIME RET=HDRS ENVID=x+2By");
  await client.say("RCPT TO:<b@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@example.org");
  await client.say("DATA");
  await client.say("Received: x\r\nSubject: ä\r\n\r\nö\r\n.");
  const [mail] = lab.mails;
  assert.ok(mail);
  assert.deepEqual(mail.facts, { has8bit: true, hasUtf8Header: true, receivedCount: 1, endsWithCrlf: true });
  assert.equal(mail.envelope.sender.body, "8bitmime");
  assert.equal(mail.envelope.sender.ret, "hdrs");
  assert.equal(mail.envelope.sender.envid, "x+2By");
  assert.deepEqual(mail.envelope.recipients[0]?.notify, ["success", "delay"]);
  assert.equal(mail.envelope.recipients[0]?.orcpt, "rfc822;b+2Bc@example.org");
  assert.equal(
    mail.body.sizeBytes - bodyText(mail).length,
    mail.body.kind === "memory" ? mail.body.chunks[0]?.length : 0,
  );
});

test("a port that is taken is a rejection, not a crash", { timeout }, async () => {
  await using lab = await openReceiver();
  const { port } = lab.receiver;
  const tools = { observe: () => undefined, clock: new HandClock() };
  const options = { address: "127.0.0.1", port, reusePort: false, listener: "two", timeouts: { commandMs: 1000 } };
  await assert.rejects(startReceiver(options as never, tools), { code: "EADDRINUSE" });
});
