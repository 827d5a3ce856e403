/**
 * What our client sends our receiver reads back byte for byte, by DATA and by BDAT, whatever the octets and wherever
 * writes, chunks and reads are cut (LN-5 to LN-9, EX-16, TR-6). First the two codecs alone, then real connections.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DotStuffer } from "../../src/smtp/client/transparency.ts";
import { DotReader } from "../../src/smtp/server/dot-reader.ts";
import { message, openTo, summary } from "../client/peer.ts";
import { bodyText, openReceiver } from "../receiver-lab.ts";
import { TestClient } from "../smtp-client.ts";

const timeout = 20_000;

/** Octets that matter to somebody on the way, and any others. */
const piece = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("\r\n", ".", "\r\n.", "..", "\0", "\r\n\0.", "\r\n.\r\n", "a", "MAIL FROM:<x@y>\r\n"),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }).map((octets) => Buffer.from(octets).toString("latin1")) },
);
/** Lines that end in CR LF, with any other octet in them, NUL and 8-bit included. */
const text = fc
  .array(piece, { maxLength: 40, size: "max" })
  .map((pieces) => `${pieces.join("")}\r\n`.replace(/\r(?!\n)|(?<!\r)\n/g, ""));
const cuts = fc.array(fc.nat(), { maxLength: 6 });

/** A message that begins with a blank would go on our Received field: an empty line stands between them. */
function asKept(whole: string): string {
  return /^[ \t]/.test(whole) ? `\r\n${whole}` : whole;
}

function cutAt(whole: string, where: readonly number[]): Buffer[] {
  const ends = [...where.map((cut) => cut % (whole.length + 1)), whole.length].sort((one, two) => one - two);
  return ends.map((end, index) => Buffer.from(whole.slice(ends[index - 1] ?? 0, end), "latin1"));
}

function stuffed(chunks: readonly Buffer[]): string {
  const stuffer = new DotStuffer();
  const parts = chunks.flatMap((chunk) => stuffer.stuff(chunk));
  return Buffer.concat([...parts, stuffer.end()]).toString("latin1");
}

test("the codecs: stuffed and read back, cut anywhere on both sides", () => {
  fc.assert(
    fc.property(text, cuts, cuts, (whole, out, back) => {
      const sent = stuffed(cutAt(whole, out));
      assert.equal(sent, stuffed([Buffer.from(whole, "latin1")]));
      assert.equal(sent.indexOf("\r\n.\r\n"), sent.length - 5);
      const reader = new DotReader();
      let got = "";
      let rest: string | undefined;
      for (const chunk of cutAt(sent, back)) {
        assert.equal(rest ?? "", "");
        const read = reader.read(chunk);
        got += read.text.toString("latin1");
        rest = read.rest?.toString("latin1");
        if (rest !== undefined) break;
      }
      assert.deepEqual([got, rest], [whole, ""]);
    }),
    { numRuns: 3000 },
  );
});

const limits = { maxHeaderBytes: 1_000_000, maxReceivedFields: 1000, maxMemoryBytes: 10_000_000 };

test("client and receiver: DATA, cut where the spool has its chunks", { timeout }, async () => {
  await using lab = await openReceiver({ led: { starttls: "never" }, limits });
  const opened = await openTo({ address: "127.0.0.1", port: lab.receiver.port });
  assert.ok(opened.kind === "open");
  assert.equal(await opened.connection.prepare(), undefined);
  const body = fc.oneof(
    text,
    text.map((whole) => `Subject: x\r\n\r\n${whole.repeat(200)}`),
  );
  await fc.assert(
    fc.asyncProperty(body, cuts, async (whole, where) => {
      const chunks = cutAt(whole, where);
      const outbound = message({
        to: ["b@example.org"],
        body: { kind: "memory", sizeBytes: whole.length, chunks },
        facts: { has8bit: true },
      });
      const [result] = await opened.connection.send(outbound);
      assert.equal(summary(result), "delivered 250");
      assert.deepEqual(lab.mails.splice(0).map(bodyText), [asKept(whole)]);
    }),
    { numRuns: 300 },
  );
  opened.connection.quit();
});

test("client and receiver: BDAT, for a body that ends within a line", { timeout }, async () => {
  await using lab = await openReceiver({ led: { starttls: "never" }, limits });
  const opened = await openTo({ address: "127.0.0.1", port: lab.receiver.port });
  assert.ok(opened.kind === "open");
  assert.equal(await opened.connection.prepare(), undefined);
  await fc.assert(
    fc.asyncProperty(text, cuts, async (start, where) => {
      const whole = `${start}no line end`;
      const outbound = message({
        to: ["b@example.org"],
        body: { kind: "memory", sizeBytes: whole.length, chunks: cutAt(whole, where) },
        facts: { has8bit: true, endsWithCrlf: false },
      });
      const [result] = await opened.connection.send(outbound);
      assert.equal(summary(result), "delivered 250");
      assert.deepEqual(lab.mails.splice(0).map(bodyText), [asKept(whole)]);
    }),
    { numRuns: 200 },
  );
  opened.connection.quit();
});

test("receiver: BDAT in any number of chunks is the same message", { timeout }, async () => {
  await using lab = await openReceiver({ led: { starttls: "never" }, limits });
  using client = new TestClient(lab.receiver.port);
  await client.reply();
  await client.say("EHLO client.example");
  await fc.assert(
    fc.asyncProperty(text, cuts, async (whole, where) => {
      const chunks = cutAt(whole, where);
      const commands = chunks.map((chunk, index) => {
        const last = index === chunks.length - 1 ? " LAST" : "";
        return Buffer.concat([Buffer.from(`BDAT ${chunk.length}${last}\r\n`), chunk]);
      });
      const envelope = Buffer.from("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n");
      await client.send(Buffer.concat([envelope, ...commands]));
      for (let replies = 0; replies < 2 + chunks.length; replies++) assert.match(await client.reply(), /^250 /);
      assert.deepEqual(lab.mails.splice(0).map(bodyText), [asKept(whole)]);
    }),
    { numRuns: 300 },
  );
});

test("receiver: any octets in any reads: it answers in SMTP, takes nothing by mistake, and ends", {
  timeout,
}, async () => {
  await using lab = await openReceiver({ limits: { maxErrors: 1000, maxCommands: 1000 } });
  const commands = [
    "EHLO c\r\n",
    "MAIL FROM:<a@example.com>\r\n",
    "RCPT TO:<b@example.org>\r\n",
    "BDAT 5\r\n",
    "BDAT 3 LAST\r\n",
    "RSET\r\n",
    "STARTTLS\r\n",
    "DATA\r\n",
    "QUIT\r\n",
  ];
  const octets = fc.array(fc.oneof(fc.constantFrom(...commands), piece), { maxLength: 12, size: "max" });
  const begun = fc.tuple(fc.nat(3), octets).map(([state, more]) => [...commands.slice(0, state), ...more]);
  await fc.assert(
    fc.asyncProperty(begun, cuts, async (pieces, where) => {
      using client = new TestClient(lab.receiver.port);
      assert.match(await client.reply(), /^220 /);
      for (const chunk of cutAt(pieces.join(""), where)) {
        await client.send(chunk);
        await new Promise(setImmediate);
      }
      client.end();
      const heard = await client.rest();
      // Behind the 220 to STARTTLS there is TLS, or an end.
      const inClear = heard.replace(/(220 2\.0\.0 Ready to start TLS\r\n)[\s\S]*$/, "$1");
      assert.match(inClear, /^(?:[2-5]\d\d[ -][ -~]*\r\n)*$/);
      for (const mail of lab.mails.splice(0)) {
        assert.doesNotMatch(bodyText(mail), /\r(?!\n)|(?<!\r)\n/);
        assert.ok(pieces.includes("RCPT TO:<b@example.org>\r\n"));
      }
    }),
    { numRuns: 300 },
  );
});
