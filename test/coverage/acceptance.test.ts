/**
 * Between the final dot and its reply nothing is waited for but the queue (SR-17), and what the queue refuses is never
 * tried (SR-16).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSettings } from "../../src/config/load.ts";
import { type AcceptTools, acceptMail } from "../../src/delivery/accept-mail.ts";
import { Conductor, type ConductorTools } from "../../src/delivery/conductor.ts";
import type { DeliveryJob } from "../../src/delivery/delivery-job.ts";
import { createPolicy } from "../../src/policy/policy.ts";
import type { AcceptResult } from "../../src/queue/queue.ts";
import { createTransportTable } from "../../src/route/transport.ts";
import type { ReceivedMail } from "../../src/smtp/server/receiver.ts";
import { sampleSession } from "../../src/smtp/server/session-sample.ts";
import { HandClock, mail } from "../queue/queue-world.ts";

const { settings } = loadSettings({ path: "letterlock.yaml", text: "hostname: relay.example.com\n" });
assert.ok(settings !== undefined);
const known = settings;

function received(): ReceivedMail {
  const { id, sender, recipients, body, facts, arrival } = mail("ONE", ["user@example.com", "two@example.net"]);
  const session = sampleSession({ listener: "main", ehlo: "c" });
  const envelope = { sender, recipients };
  return { id, session, receivedAt: arrival.at, envelope, body, facts, headers: new Map() };
}

/** A relay whose every delivery hangs for ever, and whose queue answers as it is told. */
function hangingRelay(accept: () => Promise<AcceptResult>): {
  tools: AcceptTools;
  jobs: DeliveryJob[];
  told: string[];
} {
  const jobs: DeliveryJob[] = [];
  const clock = new HandClock();
  const observe = () => undefined;
  const queue = {
    accept,
    take: async () => [],
    nextDueAt: async () => undefined,
  } as unknown as ConductorTools["queue"];
  const conductor = new Conductor({
    queue,
    settings: () => known,
    transport: () => createTransportTable([]),
    policy: () => createPolicy([]),
    attempt: (job) => {
      jobs.push(job);
      return new Promise(() => undefined);
    },
    notices: () => new Promise(() => undefined),
    observe,
    clock,
    random: () => 0.5,
  });
  const told: string[] = [];
  const accepted: AcceptTools["accepted"] = ({ id }, { binding }, reply) => told.push(`${id} ${binding} ${reply.code}`);
  return {
    tools: {
      queue,
      conductor,
      settings: () => known,
      observe,
      clock,
      turns: new Map(),
      accepted,
      printedHeaders: () => new Set(),
    },
    jobs,
    told,
  };
}

test("SR-17: the reply does not wait for any delivery, route or notice", { timeout: 5000 }, async () => {
  const { tools, jobs } = hangingRelay(async () => ({ kind: "stored" }));
  assert.equal((await acceptMail(received(), tools)).code, 250);
  assert.equal(jobs.length, 2);
});

test("SR-15: no 250 and no delivery before the queue says that it is stored", { timeout: 5000 }, async () => {
  const stored = Promise.withResolvers<AcceptResult>();
  const { tools, jobs, told } = hangingRelay(() => stored.promise);
  let replied = false;
  const reply = acceptMail(received(), tools).finally(() => {
    replied = true;
  });
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  assert.deepEqual([replied, jobs.length, told], [false, 0, []]);
  stored.resolve({ kind: "stored" });
  assert.equal((await reply).code, 250);
  assert.equal(jobs.length, 2);
  assert.deepEqual(told, [`${received().id} default 250`]);
});

const refusals: readonly [name: string, accept: () => Promise<AcceptResult>][] = [
  ["full", async () => ({ kind: "full", error: "no space left" })],
  ["broken", () => Promise.reject(new Error("disk I/O error"))],
];
for (const [name, accept] of refusals) {
  test(`SR-16: a queue that is ${name}: 451, and nothing is tried`, { timeout: 5000 }, async () => {
    const { tools, jobs, told } = hangingRelay(accept);
    assert.equal((await acceptMail(received(), tools)).code, 451);
    assert.deepEqual(told, []);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.equal(jobs.length, 0);
  });
}
