/**
 * Letterlock delivers to real mail servers: the level that the configuration states for each partner is what the
 * connection gets, the record says so, and ten kinds of message arrive byte for byte.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { InjectJob } from "./lab/inject.ts";
import { type Sample, samples, withoutTrace } from "./lab/messages.ts";
import { domainOf, manyDomains, situations } from "./lab/partners.ts";
import type { Peer } from "./lab/peer.ts";
import { missing } from "./lab/programs.ts";
import { World } from "./lab/world.ts";

const skip = missing();
const peerNames = ["postfix", "exim", "opensmtpd", "sendmail"] as const;
const [plain] = samples;
assert.ok(plain);

/** What a peer will not take, by its own rules; the sender must get it back. */
const returned: Readonly<Record<string, string>> = {
  "OpenSMTPD no-header": "5.7.1", // "Message is not RFC 2822 compliant"
  "OpenSMTPD utf8-address": "5.6.7", // offers no SMTPUTF8
  "Sendmail utf8-address": "5.6.7",
};

function job(sample: Sample, from: string, to: readonly string[]): InjectJob {
  const { mailParameters, by, content } = sample;
  return { from, mailParameters, to, by, content: content.toString("latin1") };
}

describe("delivery to real mail servers", () => {
  let world: World;

  before(async () => {
    if (skip === false) world = await World.start();
  });
  afterEach((context) => {
    if (skip === false && "passed" in context && !context.passed) context.diagnostic(world.logs());
  });
  after(async () => {
    if (skip === false) await world[Symbol.asyncDispose]();
  });

  /** @param to as they stand in RCPT, with their parameters */
  async function send(sample: Sample, from: string, ...to: readonly string[]): Promise<void> {
    const [replies] = await world.inject([job(sample, from, to)]);
    assert.match(replies?.at(-1) ?? "", /^250/, replies?.join("\n"));
  }

  async function arrivesAt(peer: Peer, recipient: string, sample: Sample): Promise<void> {
    const [stored, ...more] = await peer.arrivals.wait(recipient);
    assert.ok(stored && more.length === 0);
    // Not assert.equal: the difference of two large texts is nothing to print.
    assert.ok(withoutTrace(stored, sample) === sample.content.toString("latin1"), `${sample.kind} at ${peer.name}`);
  }

  for (const name of peerNames) {
    for (const situation of situations) {
      const { event, required, achieved } = situation.want;
      test(`${name}, ${situation.name}: ${event}, required ${required}, achieved ${achieved}`, { skip }, async () => {
        const peer = world.peers[name];
        const recipient = `level@${domainOf(situation.name, peer)}`;
        await send(plain, "sender@home.test", `<${recipient}>`);
        const record = await world.letterlock.delivery(recipient);
        assert.deepEqual(
          { event: record.event, required: record.tls?.required, achieved: record.tls?.achieved },
          situation.want,
          JSON.stringify(record),
        );
        assert.equal(record.mx, situation.alias ? `alias.${peer.host}` : peer.host);
        assert.equal(record.tls?.protocol, "TLSv1.3");
        if (event === "delivered") await arrivesAt(peer, recipient, plain);
        else assert.deepEqual(peer.arrivals.of(recipient), []);
      });
    }

    test(`${name}: ten kinds of message arrive byte for byte`, { skip }, async () => {
      const peer = world.peers[name];
      const domain = domainOf("verify", peer);
      const jobs = samples.map((sample) => {
        const receipt = sample.kind === "dsn" ? ` NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;dsn@${domain}` : "";
        return job(sample, `${sample.kind}-${name}@home.test`, [`<${sample.localPart}@${domain}>${receipt}`]);
      });
      for (const replies of await world.inject(jobs)) assert.match(replies.at(-1) ?? "", /^250/, replies.join("\n"));
      for (const sample of samples) {
        const recipient = `${sample.localPart}@${domain}`;
        const record = await world.letterlock.delivery(recipient);
        const status = returned[`${peer.name} ${sample.kind}`];
        if (status === undefined) {
          assert.equal(record.event, "delivered", JSON.stringify(record));
          assert.equal(record.tls?.achieved, "verified");
          await arrivesAt(peer, recipient, sample);
        } else {
          assert.deepEqual([record.event, record.status], ["failed", status], JSON.stringify(record));
          const [notice] = await world.peers.postfix.arrivals.wait(`${sample.kind}-${name}@home.test`);
          assert.match(String(notice), /report-type=delivery-status/);
          assert.match(String(notice), new RegExp(`^ *Status: ${status}$`, "m"));
          assert.deepEqual(peer.arrivals.of(recipient), []);
        }
      }
    });

    test(`${name}: a receipt that was asked for comes, DS-2, DS-3`, { skip }, async () => {
      const peer = world.peers[name];
      const from = `receipt-${name}@home.test`;
      const to = `<receipt@${domainOf("verify", peer)}> NOTIFY=SUCCESS ORCPT=rfc822;receipt@${name}.test`;
      await send({ ...plain, mailParameters: " RET=HDRS ENVID=interop+2B1" }, from, to);
      // A host with DSN writes the receipt itself, here to its own store; for one without, Letterlock does.
      const writer = peer.dsn ? peer : world.peers.postfix;
      const [notice] = await writer.arrivals.wait(from);
      assert.match(String(notice), peer.dsn ? /^Action: (?:delivered|relayed)/m : /^Action: relayed$/m);
      if (name === "opensmtpd") return; // repeats neither ENVID nor ORCPT in its reports (7.6)
      assert.match(String(notice), /^Original-Envelope-Id: ?interop\+1$/m);
      assert.match(String(notice), new RegExp(`^Original-Recipient: ?rfc822; ?receipt@${name}.test$`, "m"));
    });

    test(`${name}: a recipient that it refuses comes back to the sender`, { skip }, async () => {
      const peer = world.peers[name];
      const [bad, good] = ["refused", "taken"].map((local) => `${local}@${domainOf("encrypt", peer)}`);
      assert.ok(bad && good);
      await send(plain, `refused-${name}@home.test`, `<${bad}>`, `<${good}>`);
      assert.equal((await world.letterlock.delivery(bad)).event, "failed");
      await arrivesAt(peer, good, plain);
      const [notice] = await world.peers.postfix.arrivals.wait(`refused-${name}@home.test`);
      const failed = [...String(notice).matchAll(/^Final-Recipient: rfc822; ?(.*)$/gm)].map(([, address]) => address);
      assert.deepEqual(failed, [bad]);
    });
  }

  test("no STARTTLS there: may goes in clear text, encrypt waits", { skip }, async () => {
    for (const level of ["may", "encrypt"]) {
      const recipient = `level@${level}.plain.test`;
      await send(plain, "sender@home.test", `<${recipient}>`);
      const record = await world.letterlock.delivery(recipient);
      assert.equal(record.tls?.offered, false);
      assert.deepEqual([record.tls?.required, record.tls?.achieved], [level, "none"]);
      assert.equal(record.event, level === "may" ? "delivered" : "deferred", JSON.stringify(record));
    }
  });

  test("a message to 100 recipients in 30 domains reaches each once", { skip }, async () => {
    const recipients = Array.from(
      { length: 100 },
      (_, index) => `many${index}@${manyDomains[index % manyDomains.length]}`,
    );
    await send(plain, "sender@home.test", ...recipients.map((recipient) => `<${recipient}>`));
    for (const recipient of recipients) {
      assert.equal((await world.letterlock.delivery(recipient)).event, "delivered");
      const domain = manyDomains.indexOf(recipient.split("@")[1] ?? "");
      const peer = world.allPeers[domain % world.allPeers.length];
      assert.ok(peer);
      await arrivesAt(peer, recipient, plain);
    }
  });
});
