/**
 * SMTP smuggling both ways (AT-19, LN-2 to LN-6): each near miss of the final dot in chunks (BDAT), cut where a chunk may
 * end, under both settings for bare newlines; and on its way out, whatever the spool holds and however it is cut, seen
 * as raw octets by a host that would fall for it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { startPartnerHost } from "../../src/lab/partner-host.ts";
import type { OutboundMessage } from "../../src/smtp/client/sender.ts";
import { inMemory, message, readyAt, summary } from "../client/peer.ts";
import { type NearMiss, nearMisses } from "../near-misses.ts";
import { bodyText, openReceiver } from "../receiver-lab.ts";
import { TestClient } from "../smtp-client.ts";

/** ms; a test that hangs says so. */
const timeout = 20_000;

/** And the end itself, which a chunk may hold as plain text. */
const sequences: readonly NearMiss[] = [...nearMisses, ["\r\n.\r\n", "clean"]];

const command = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nsmuggled";
const envelope = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n";

/** Sends one message in two chunks; the replies that follow the envelope's. */
async function sendChunks(client: TestClient, text: string, cut: number): Promise<string[]> {
  const [first, second] = [text.slice(0, cut), text.slice(cut)];
  await client.send(
    `${envelope}BDAT ${first.length}\r\n${first}BDAT ${second.length} LAST\r\n${second}RSET\r\nNOOP\r\n`,
  );
  const replies: string[] = [];
  for (let number = 0; number < 6; number++) replies.push(await client.reply());
  return replies.slice(2);
}

for (const [miss, kind] of sequences) {
  for (const bareNewline of ["reject", "normalize"] as const) {
    const taken = kind === "clean" || (kind === "lf" && bareNewline === "normalize");
    const name = `${JSON.stringify(miss)} across chunks, ${bareNewline}: ${taken ? "one message" : "refused"}`;
    test(`AT-19, LN-3, LN-6, EX-17: ${name}`, { timeout }, async () => {
      await using lab = await openReceiver({ bareNewline, limits: { maxErrors: 1000 } });
      using client = new TestClient(lab.receiver.port);
      await client.reply();
      await client.say("EHLO client.example");
      const text = `A: b\r\n\r\ntext${miss}${command}\r\n.\r\nend\r\n`;
      const start = text.indexOf(miss);
      for (let cut = start; cut <= start + miss.length; cut++) {
        const replies = (await sendChunks(client, text, cut)).map((reply) => reply.slice(0, 9));
        assert.deepEqual(replies.slice(2), ["250 2.0.0", "250 2.0.0"], "RSET and NOOP");
        if (taken) assert.deepEqual(replies.slice(0, 2), ["250 2.0.0", "250 2.0.0"]);
        else assert.ok(replies.slice(0, 2).includes("550 5.5.2"), replies.join());
      }
      assert.equal(lab.mails.length, taken ? miss.length + 1 : 0);
      for (const mail of lab.mails) assert.equal(bodyText(mail), text.replace(/\r?\n/g, "\r\n"));
    });
  }
}

/** What some reader takes for the end of data, as far as it differs from CR LF `.` CR LF. */
const weakEnds = sequences.map(([octets]) => octets);

function assertOneEnd(sent: string, name: string): void {
  assert.ok(sent.endsWith("\r\n.\r\n"), name);
  const inside = sent.slice(0, -".\r\n".length);
  for (const seen of [inside, inside.replaceAll("\0", "")]) {
    for (const end of weakEnds) assert.ok(!seen.includes(end), `${name}: ${JSON.stringify(end)} is in it`);
    assert.doesNotMatch(seen, /\r(?!\n)|(?<!\r)\n/, name);
    assert.doesNotMatch(seen, /^\0*\.\0*\r?$/m, name);
  }
}

type Spooled = readonly [name: string, body: OutboundMessage["body"]];

test("AT-19, LN-5, LN-6, LN-7: nothing leaves that a weaker reader could take for the end", { timeout }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-smuggling-"));
  using resources = new DisposableStack();
  resources.defer(() => rmSync(folder, { recursive: true }));
  await using host = await startPartnerHost({ tls: { mode: "none" } });
  const connection = await readyAt(host);
  const names: string[] = [];
  for (const [number, [miss]] of sequences.entries()) {
    const text = `A: b\r\n\r\ntext${miss}${command}${miss}`;
    const file = path.join(folder, `${number}.body`);
    const large = `${"x".repeat(65_536 - "text".length - 1)}${text}`; // the near miss lies across the blocks that are read
    writeFileSync(file, large, "latin1");
    const spooled: Spooled[] = [["a file", { kind: "file", sizeBytes: large.length, path: file }]];
    const start = text.indexOf(miss);
    for (let cut = start; cut <= start + miss.length; cut++)
      spooled.push([`cut at ${cut - start}`, inMemory(text.slice(0, cut), text.slice(cut))]);
    spooled.push(["octet by octet", inMemory(...text)]);
    for (const [where, body] of spooled) {
      const [result] = await connection.send(message({ body }));
      assert.equal(summary(result), "delivered 250");
      names.push(`${JSON.stringify(miss)}, ${where}`);
    }
  }
  connection.quit();
  await host.settled();
  const clear = host.connections[0]?.clear.toString("latin1") ?? "";
  const sent = clear.split(/MAIL FROM:<alice@example.com>[^\r]*\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n/).slice(1);
  assert.equal(sent.length, names.length);
  for (const [at, octets] of sent.entries()) assertOneEnd(octets.replace(/QUIT\r\n$/, ""), names[at] ?? "");
  assert.equal(host.messages.length, names.length);
});
