/**
 * SMTP smuggling, inbound (LN-2, LN-3, LN-6, AT-19): each near miss of the final dot, with a whole second transaction
 * behind it, over a real socket. Whatever becomes of the message, it is one message and no command in it is obeyed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nearMisses } from "./near-misses.ts";
import { bodyText, openReceiver } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

/** ms; a test that hangs says so. */
const timeout = 10_000;

const second = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nsmuggled";
const envelope = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n";

async function greeted(port: number): Promise<TestClient> {
  const client = new TestClient(port);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

for (const [miss, kind] of nearMisses) {
  const name = JSON.stringify(miss);
  for (const policy of ["reject", "normalize"] as const) {
    const taken = kind === "clean" || (kind === "lf" && policy === "normalize");
    test(`${name} in DATA, ${policy}: ${taken ? "one message" : "refused"}`, { timeout }, async () => {
      await using lab = await openReceiver({ bareNewline: policy });
      using client = await greeted(lab.receiver.port);
      await client.send(`${envelope}DATA\r\n`);
      for (let replies = 0; replies < 3; replies++) await client.reply();
      await client.send(`A: b\r\n\r\ntext${miss}${second}\r\n.\r\nQUIT\r\n`);
      assert.match(await client.reply(), taken ? /^250 2\.0\.0 / : /^550 5\.5\.2 /);
      assert.equal(await client.rest(), "221 2.0.0 Bye\r\n");
      assert.equal(lab.mails.length, taken ? 1 : 0);
      for (const mail of lab.mails) {
        assert.match(bodyText(mail), /smuggled\r\n$/);
        assert.doesNotMatch(bodyText(mail), /\r(?!\n)|(?<!\r)\n/);
      }
    });
  }

  test(`${name} in a BDAT chunk: ${kind === "clean" ? "kept as it is" : "refused"}`, { timeout }, async () => {
    await using lab = await openReceiver();
    using client = await greeted(lab.receiver.port);
    const text = `A: b\r\n\r\ntext${miss}${second}\r\n.\r\nend\r\n`;
    await client.send(`${envelope}BDAT ${text.length} LAST\r\n${text}QUIT\r\n`);
    await client.reply();
    await client.reply();
    assert.match(await client.reply(), kind === "clean" ? /^250 2\.0\.0 / : /^550 5\.5\.2 /);
    assert.equal(await client.rest(), "221 2.0.0 Bye\r\n");
    assert.deepEqual(lab.mails.map(bodyText), kind === "clean" ? [text] : []);
  });
}
