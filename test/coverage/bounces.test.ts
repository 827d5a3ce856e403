/**
 * From a TLS failure on the wire to what the queue is told and what the sender reads (QU-8, BO-1, BO-2, BO-5, DS-9,
 * AT-31): the real attempt, the real schedule, the real notice; only the queue writes down what it is given.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSettings } from "../../src/config/load.ts";
import type { RecipientOutcome } from "../../src/delivery/attempt-result.ts";
import { createNoticeMaker } from "../../src/delivery/notices.ts";
import { settle } from "../../src/delivery/settle.ts";
import { makeSelfSigned } from "../../src/lab/certificates.ts";
import type { Body } from "../../src/mail/body.ts";
import type { EnvelopeSender } from "../../src/mail/envelope.ts";
import type { NewMail, QueuedMail, Settlement } from "../../src/queue/queue.ts";
import { startAttemptLab } from "../lab/attempt-lab.ts";
import { HandClock, mail, memoryBody, start } from "../queue/queue-world.ts";

const timeout = 20_000;
const { settings } = loadSettings({ path: "letterlock.yaml", text: "hostname: relay.example.com\n" });
assert.ok(settings !== undefined);
const { retry } = settings;

const failures = await failedByPolicy(["user@example.test", "second@example.test"]);

/** What became of mail for a host whose certificate nobody vouches for, at level verify. */
async function failedByPolicy(to: readonly string[]): Promise<readonly RecipientOutcome[]> {
  const certificate = await makeSelfSigned({ dnsNames: ["mx1.example.test"] });
  await using lab = await startAttemptLab({
    hosts: [{ tls: { mode: "starttls", certificate } }],
    yaml: "tls: { level: verify, ca: system }",
  });
  const outcomes = await lab.send({ to });
  return outcomes.map((outcome) => {
    const { recipient } = outcome.recipient;
    return { ...outcome, recipient: { ...outcome.recipient, recipient: { ...recipient, notify: ["failure"] } } };
  });
}

type Change = Readonly<{ sender?: Partial<EnvelopeSender>; body?: Body; ageMs?: number }>;

/** What the queue is told when the attempt ended that long after the mail came. */
async function ended({ sender = {}, body, ageMs = 0 }: Change): Promise<{ told: Settlement[]; notices: NewMail[] }> {
  const plain = mail("ONE", ["user@example.test", "second@example.test"]);
  const clock = new HandClock();
  clock.advance(ageMs);
  const lifetime = sender.mailbox === undefined && "mailbox" in sender ? retry.bounceLifetimeMs : retry.lifetimeMs;
  const queued: QueuedMail = {
    ...plain,
    body: body ?? plain.body,
    sender: { ...plain.sender, ...sender },
    expiresAt: start + lifetime,
    recipients: failures.map(({ recipient }) => recipient),
  };
  const told: Settlement[] = [];
  const notices: NewMail[] = [];
  const queue = {
    settle: async (settlements: readonly Settlement[], more: readonly NewMail[]) => {
      told.push(...settlements);
      notices.push(...more);
    },
  };
  const observe = () => undefined;
  const tools = {
    settings: () => ({ bindings: new Map() }),
    queue: queue as unknown as Parameters<typeof settle>[1]["queue"],
    notices: createNoticeMaker({ settings: () => settings ?? assert.fail(), newId: () => "NOTICE", observe }),
    observe,
    clock,
    random: () => 0.5,
  };
  const end = { mail: queued, nexthop: undefined, outcomes: failures, startedAt: clock.now() };
  await settle(end, tools, retry);
  return { told, notices };
}

function textOf(notice: NewMail | undefined): string {
  assert.ok(notice?.body.kind === "memory");
  return Buffer.concat(notice.body.chunks).toString("utf8");
}

test("QU-8: a TLS failure is temporary as long as the message lives", { timeout }, async () => {
  for (const ageMs of [0, 3_600_000, retry.lifetimeMs - 60_000]) {
    const { told, notices } = await ended({ ageMs });
    assert.deepEqual(
      told.map(({ record, next }) => `${record.event} ${record.status} ${next.kind}`),
      ["deferred 4.7.5 again", "deferred 4.7.5 again"],
    );
    // NOTIFY is FAILURE alone here: no notice of delay.
    assert.deepEqual(notices, []);
  }
});

test("QU-8, BO-1, BO-4, BO-5, DS-6, DS-9: at its end one notice says which rule failed at which step", {
  timeout,
}, async () => {
  const { told, notices } = await ended({ ageMs: retry.lifetimeMs });
  assert.deepEqual(
    told.map(({ record, next }) => `${record.event} ${next.kind}`),
    ["expired done", "expired done"],
  );
  assert.equal(notices.length, 1);
  const [notice] = notices;
  assert.equal(notice?.sender.mailbox, undefined);
  assert.deepEqual(
    notice?.recipients.map(({ mailbox, notify }) => [mailbox.text, notify]),
    [["sender@example.org", "never"]],
  );
  const text = textOf(notice).replaceAll(/\r\n\s+/g, " ");
  assert.match(text, /Content-Type: multipart\/report;[\s\S]*report-type="?delivery-status/);
  assert.match(
    text,
    /Final-Recipient: rfc822; ?user@example\.test[\s\S]*Final-Recipient: rfc822; ?second@example\.test/,
  );
  assert.match(text, /Action: failed/);
  assert.match(text, /level "verify"/);
  assert.match(text, /mx1\.example\.test\[127\.0\.2\.1\]/);
  assert.match(text, /self-signed certificate|SELF_SIGNED/i);
});

test("BO-2: for a null reverse-path there is no notice, however it ends", { timeout }, async () => {
  for (const ageMs of [0, retry.bounceLifetimeMs, retry.lifetimeMs]) {
    const { notices } = await ended({ sender: { mailbox: undefined }, ageMs });
    assert.deepEqual(notices, []);
  }
});

test("AT-31: RET=FULL gives no stranger a large message back", { timeout }, async () => {
  const small = memoryBody("Subject: small\r\n\r\nthe whole body\r\n");
  const large = memoryBody("Subject: large\r\n\r\nthe whole body\r\n", "x".repeat(300_000));
  const sizes: boolean[] = [];
  for (const body of [small, large]) {
    const { notices } = await ended({ sender: { ret: "full" }, body, ageMs: retry.lifetimeMs });
    const text = textOf(notices[0]);
    assert.match(text, /Subject: (?:small|large)\r\n/);
    sizes.push(text.includes("the whole body"));
    assert.ok(text.length < 20_000);
  }
  assert.deepEqual(sizes, [true, false]);
});
