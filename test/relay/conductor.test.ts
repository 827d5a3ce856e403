/**
 * The conductor with a queue in memory, a clock moved by hand and attempts that end when the test says so: nothing that
 * was taken stays behind, whatever breaks.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSettings } from "../../src/config/load.ts";
import type { Settings } from "../../src/config/settings.ts";
import { asTaken } from "../../src/delivery/accept-mail.ts";
import type { RecipientOutcome } from "../../src/delivery/attempt-result.ts";
import { Conductor } from "../../src/delivery/conductor.ts";
import type { DeliveryJob } from "../../src/delivery/delivery-job.ts";
import { createNoticeMaker } from "../../src/delivery/notices.ts";
import type { NoticeMaker } from "../../src/delivery/settle.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import type { LetterlockEvent } from "../../src/observe/events.ts";
import { createPolicy } from "../../src/policy/policy.ts";
import type { NewMail } from "../../src/queue/queue.ts";
import { createTransportTable } from "../../src/route/transport.ts";
import { HandClock, mail, minute, start } from "../queue/queue-world.ts";
import { MemoryQueue } from "./memory-queue.ts";

const delivered: Outcome = { kind: "delivered", status: "2.0.0", text: "250 ok" };
const refused: Outcome = { kind: "failed", status: "5.1.1", text: "550 no such user" };
const unreachable: Outcome = { kind: "deferred", status: "4.4.1", text: "connection refused" };

/** The same end for every recipient, as if no host was met. */
function ends(job: DeliveryJob, outcome: Outcome): readonly RecipientOutcome[] {
  return job.recipients.map((recipient) => ({
    recipient,
    outcome,
    contact: undefined,
    reply: undefined,
    uncertain: false,
    dsnPassedOn: false,
    failure:
      outcome.kind === "delivered"
        ? undefined
        : { ...outcome, kind: "unreachable", permanent: outcome.kind === "failed" },
    earlier: [],
  }));
}

/** A few turns of the event loop: everything that waits on settled promises, or composes a notice, has run. */
async function turn(): Promise<void> {
  for (let step = 0; step < 10; step += 1) await new Promise(setImmediate);
}

/** Lets the event loop turn until it holds. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!holds() && performance.now() < deadline) await new Promise(setImmediate);
  assert.ok(holds(), String(holds));
}

type Change = Readonly<{
  limits?: Partial<Settings["limits"]>;
  yaml?: string;
  attempt?: (job: DeliveryJob) => Promise<readonly RecipientOutcome[]>;
  notices?: NoticeMaker;
}>;

function world({ limits = {}, yaml = "", attempt, notices }: Change = {}) {
  const { settings: loaded, problems } = loadSettings({ text: `hostname: relay.test\nretry: {jitter: 0}\n${yaml}` });
  assert.ok(loaded, JSON.stringify(problems));
  const settings: Settings = { ...loaded, limits: { ...loaded.limits, ...limits } };
  const clock = new HandClock();
  const queue = new MemoryQueue();
  const events: LetterlockEvent[] = [];
  const observe = (event: LetterlockEvent): void => void events.push(event);
  const attempts: DeliveryJob[] = [];
  let id = 0;
  const newId = (): string => {
    id += 1;
    return `N${id}`;
  };
  const conductor = new Conductor({
    queue,
    settings: () => settings,
    transport: () => createTransportTable(settings.transports),
    policy: () => createPolicy(settings.policySources),
    attempt: async (job) => {
      attempts.push(job);
      return attempt === undefined ? ends(job, delivered) : await attempt(job);
    },
    notices: notices ?? createNoticeMaker({ settings: () => settings, newId, observe }),
    observe,
    clock,
    random: () => 0.5,
  });
  /** As `acceptMail` does it with room in memory. */
  const submit = async (one: NewMail): Promise<void> => {
    await queue.accept(one, "trying");
    conductor.submit(asTaken(one));
  };
  return { settings, clock, queue, events, attempts, conductor, submit };
}

/** Attempts that end when `finish` is called, oldest first. */
function held() {
  const open: ((outcome: Outcome) => void)[] = [];
  return {
    attempt: (job: DeliveryJob): Promise<readonly RecipientOutcome[]> =>
      new Promise((resolve) => open.push((outcome) => resolve(ends(job, outcome)))),
    get count(): number {
      return open.length;
    },
    finish: (outcome: Outcome = delivered): void => open.shift()?.(outcome),
  };
}

test("fresh mail is delivered from memory and leaves the queue", async () => {
  const { submit, queue, conductor } = world();
  await submit(mail("A", ["a@one.test", "b@two.test"]));
  await turn();
  assert.deepEqual([queue.states, queue.records.length, conductor.activeMessages], [[], 2, 0]);
});

test("QU-1 deferred mail is tried again when it is due, not before", async () => {
  const outcomes = [unreachable, delivered];
  const { submit, queue, clock, attempts } = world({
    attempt: async (job) => ends(job, outcomes.shift() ?? delivered),
  });
  await submit(mail("A"));
  await turn();
  assert.equal(queue.rows[0]?.nextTryAt, start + 5 * minute);
  clock.advance(5 * minute - 1);
  await turn();
  assert.equal(attempts.length, 1);
  clock.advance(50);
  await turn();
  assert.deepEqual([attempts.length, queue.states], [2, []]);
});

test("QU-4 the last try is at expiry, and its failure goes back to the sender", async () => {
  const { submit, queue, clock, attempts } = world({ attempt: async (job) => ends(job, unreachable) });
  await submit(mail("A", ["user@example.com"], { expiresAt: start + 7 * minute }));
  await turn();
  clock.advance(5 * minute);
  await turn();
  assert.equal(queue.rows[0]?.nextTryAt, start + 7 * minute);
  clock.advance(2 * minute);
  await until(() => queue.records.length === 3);
  assert.equal(attempts.length, 3);
  assert.deepEqual(
    queue.records.map(({ event }) => event),
    ["deferred", "deferred", "expired"],
  );
  assert.deepEqual(queue.states, ["N1.0 ready"], "a notice to the sender");
});

test("a bug in an attempt defers the mail and is reported", async () => {
  const { submit, queue, events } = world({
    attempt: async () => {
      throw new Error("bug");
    },
  });
  await submit(mail("A"));
  await turn();
  assert.deepEqual(queue.states, ["A.0 ready"]);
  assert.equal(queue.records[0]?.status, "4.3.0");
  assert.ok(events.some((event) => event.kind === "trouble" && event.error.includes("bug")));
});

test("a bug while a notice is made leaves no recipient behind: what was delivered stays delivered", async () => {
  const { submit, queue, conductor, clock } = world({
    attempt: async (job) => [...ends(job, delivered).slice(0, 1), ...ends(job, refused).slice(1)],
    notices: async () => {
      throw new Error("cannot compose");
    },
  });
  await submit(mail("A", ["a@one.test", "b@one.test"]));
  await turn();
  assert.deepEqual(queue.states, ["A.1 ready"]);
  assert.equal(queue.rows[0]?.nextTryAt, clock.now() + 10 * minute);
  assert.equal(conductor.activeMessages, 0);
});

test("a settle that the store rejects puts the recipient back", async () => {
  const { submit, queue, conductor } = world({ attempt: async (job) => ends(job, unreachable) });
  queue.before = (method) => {
    if (method === "settle") throw new Error("a mistake of ours");
  };
  await submit(mail("A"));
  await turn();
  assert.deepEqual([queue.states, conductor.activeMessages], [["A.0 ready"], 0]);
});

test("a bug in routing puts the whole message back", async () => {
  const { queue, conductor, clock } = world();
  const one = mail("A", ["a@one.test"]);
  await queue.accept(one, "trying");
  const broken = asTaken({ ...one, recipients: one.recipients });
  Object.defineProperty(broken.recipients[0], "recipient", {
    get() {
      throw new Error("bug");
    },
  });
  conductor.submit(broken);
  await turn();
  assert.deepEqual([queue.states, queue.rows[0]?.nextTryAt], [["A.0 ready"], clock.now() + 10 * minute]);
});

test("a wake that comes while due mail is being looked for is not lost", async () => {
  const { queue, conductor, attempts } = world();
  const looking = Promise.withResolvers<void>();
  let first = true;
  queue.before = async (method) => {
    if (method !== "nextDueAt" || !first) return;
    first = false;
    looking.resolve();
    await turn();
  };
  conductor.wake();
  await looking.promise;
  queue.before = () => undefined;
  await queue.accept(mail("A"), "ready");
  conductor.wake();
  await turn();
  await turn();
  assert.equal(attempts.length, 1);
});

test("queue trouble while taking: looked again a little later", async () => {
  const { queue, conductor, clock, attempts } = world();
  await queue.accept(mail("A"), "ready");
  queue.before = () => {
    throw new Error("disk");
  };
  conductor.wake();
  await turn();
  queue.before = () => undefined;
  clock.advance(5000);
  await turn();
  assert.equal(attempts.length, 1);
});

test("mail that waits for room is taken as room comes, older mail not kept out by fresh", async () => {
  const attempts = held();
  const { queue, conductor, submit } = world({ limits: { maxActiveMessages: 8 }, attempt: attempts.attempt });
  for (let number = 0; number < 8; number += 1) await submit(mail(`A${number}`, [`a@d${number}.test`]));
  assert.equal(conductor.hasRoom(0), false);
  await queue.accept(mail("OLD", ["a@old.test"]), "ready");
  conductor.wake();
  await turn();
  assert.equal(queue.states.includes("OLD.0 ready"), true);
  // One place comes free at a time, and fresh mail is there for each.
  for (let number = 0; number < 3; number += 1) {
    attempts.finish();
    await turn();
    if (conductor.hasRoom(0)) await submit(mail(`F${number}`, [`f@f${number}.test`]));
  }
  assert.equal(queue.states.includes("OLD.0 trying"), true);
});

test("bodies in memory are bounded too, and a message that does not fit comes later", async () => {
  const attempts = held();
  const { conductor, submit } = world({ limits: { maxActiveBytes: 100 }, attempt: attempts.attempt });
  await submit(mail("A"));
  assert.deepEqual([conductor.hasRoom(50), conductor.hasRoom(90)], [true, false]);
  attempts.finish();
  await turn();
  assert.equal(conductor.hasRoom(90), true);
});

test("no more connections to one destination than allowed; others are not held up", async () => {
  const attempts = held();
  const { submit, attempts: begun } = world({
    yaml: "outbound: {connections-per-destination: 2}",
    attempt: attempts.attempt,
  });
  for (const id of ["A", "B", "C"]) await submit(mail(id, ["user@slow.test"]));
  await submit(mail("D", ["user@other.test"]));
  assert.deepEqual(
    begun.map((job) => job.mail.id),
    ["A", "B", "D"],
  );
  attempts.finish();
  await turn();
  assert.equal(begun.at(-1)?.mail.id, "C");
});

test("QU-6 a backlog for one slow destination is not taken out again and again", async () => {
  const attempts = held();
  const { queue, conductor, clock } = world({
    limits: { maxActiveMessages: 400 },
    yaml: "outbound: {connections-per-destination: 1}",
    attempt: attempts.attempt,
  });
  for (let number = 0; number < 1000; number += 1) await queue.accept(mail(`M${number}`, ["user@slow.test"]), "ready");
  conductor.wake();
  for (let step = 0; step < 6; step += 1) await turn();
  assert.ok(conductor.activeMessages <= 101, `${conductor.activeMessages} in memory`);
  const first = queue.taken;
  for (let second = 0; second < 60; second += 1) {
    clock.advance(1000);
    attempts.finish();
    await turn();
  }
  // One a second leaves; it may come out a few times too often, not all 900 every ten seconds.
  assert.ok(queue.taken - first <= 60 * 4, `${queue.taken - first} taken in a minute in which 60 were delivered`);
  assert.equal(queue.count("trying") + queue.count("ready"), 1000 - 60);
});

test("QU-5 a destination that fails three times is left alone for a while; retry forgets it", async () => {
  const { submit, attempts, queue, conductor, clock } = world({ attempt: async (job) => ends(job, unreachable) });
  for (const id of ["A", "B", "C", "D"]) {
    await submit(mail(id, ["user@dead.test"]));
    await turn();
  }
  assert.equal(attempts.length, 3);
  assert.match(queue.records.at(-1)?.error ?? "", /^delivery temporarily suspended until .*: connection refused$/);
  conductor.forgetSuspensions();
  await submit(mail("E", ["user@dead.test"]));
  await turn();
  assert.equal(attempts.length, 4);
  assert.ok(queue.rows.every(({ nextTryAt }) => nextTryAt > clock.now()));
});

test("a suspended destination ends thousands of waiting jobs at once", async () => {
  const attempts = held();
  const { submit, queue, conductor } = world({
    limits: { maxActiveMessages: 20_000 },
    yaml: "outbound: {connections-per-destination: 3}",
    attempt: attempts.attempt,
  });
  for (let number = 0; number < 4000; number += 1) await submit(mail(`M${number}`, ["user@dead.test"]));
  for (; attempts.count > 0; await turn()) attempts.finish(unreachable);
  assert.deepEqual([queue.count("ready"), conductor.activeMessages], [4000, 0]);
});

test("a rule that one recipient domain fails does not suspend the smarthost for another", async () => {
  const { submit, attempts } = world({
    yaml: 'transports: {"*": "[smart.test]"}',
    attempt: async (job) =>
      ends(job, job.lead.recipient.mailbox.text.endsWith("@strict.test") ? unreachable : delivered).map((end) =>
        end.outcome.kind === "delivered" ? end : { ...end, contact: refusedByRule },
      ),
  });
  for (const id of ["A", "B", "C"]) {
    await submit(mail(id, ["user@strict.test"]));
    await turn();
  }
  await submit(mail("D", ["user@strict.test"]));
  await submit(mail("E", ["user@plain.test"]));
  await turn();
  assert.deepEqual(
    attempts.map((job) => job.mail.id),
    ["A", "B", "C", "E"],
  );
});

const refusedByRule = {
  nexthop: { kind: "host", host: "192.0.2.1" as never, isIp: true, port: 25, implicitTls: false },
  host: undefined,
  address: "192.0.2.1" as never,
  port: 25,
  decision: { kind: "refuse" } as never,
} satisfies NonNullable<RecipientOutcome["contact"]>;

test("queue bounce spares its own notices, and they leave at once", async () => {
  const { queue, conductor, clock, attempts } = world();
  await queue.accept(mail("A", ["user@example.com"], {}), "ready");
  for (const row of queue.rows) row.nextTryAt = start + 60 * minute;
  clock.advance(1000);
  assert.equal(await conductor.bounce({}, "returned by the postmaster"), 1);
  assert.deepEqual(queue.states, ["N1.0 ready"]);
  clock.advance(50);
  await turn();
  assert.equal(attempts[0]?.mail.id, "N1");
});

test("queue bounce counts what it took, and a mistake on the way puts it back", async () => {
  const { queue, conductor, clock } = world({
    notices: async () => {
      throw new Error("cannot compose");
    },
  });
  await queue.accept(mail("A", ["a@one.test", "b@two.test"]), "ready");
  clock.advance(1000);
  let left = 1;
  queue.before = (method) => {
    if (method === "takeMatching" && left-- <= 0) throw new Error("once is enough");
  };
  await assert.rejects(conductor.bounce({}, "no"), /once is enough/);
  assert.equal(queue.count("ready"), 2);
});

test("stop: what waits goes back at once, what runs is let end", async () => {
  const attempts = held();
  const { submit, queue, conductor } = world({
    yaml: "outbound: {connections-per-destination: 1}",
    attempt: attempts.attempt,
  });
  for (const id of ["A", "B"]) await submit(mail(id));
  const stopped = conductor.stop(60_000);
  await turn();
  assert.deepEqual(queue.states, ["A.0 trying", "B.0 ready"]);
  attempts.finish();
  await stopped;
  assert.deepEqual(queue.states, ["B.0 ready"]);
});

test("stop: mail that is being taken or accepted meanwhile goes back untried", async () => {
  const { submit, queue, conductor, attempts } = world();
  await queue.accept(mail("A"), "ready");
  queue.before = (method) => (method === "take" ? turn() : undefined);
  conductor.wake();
  await conductor.stop(60_000);
  await submit(mail("B"));
  await turn();
  assert.deepEqual([queue.states, attempts.length], [["A.0 ready", "B.0 ready"], 0]);
  assert.equal(conductor.hasRoom(0), false);
});

test("stop: ends after its grace although an attempt goes on", async () => {
  const { submit, conductor, queue } = world({ attempt: () => new Promise(() => undefined) });
  await submit(mail("A"));
  await conductor.stop(5);
  assert.deepEqual(queue.states, ["A.0 trying"]);
});

test("a recipient without a route goes back to the sender, the others are delivered", async () => {
  const { submit, queue, attempts } = world();
  const one = mail("A", ["a@one.test", "b@two.test"]);
  const [first, second] = one.recipients;
  assert.ok(first && second);
  const literal = { ...second.mailbox, host: { kind: "literal", ip: "192.0.2.1" } } as typeof second.mailbox;
  await submit({ ...one, recipients: [first, { ...second, mailbox: literal }] });
  await until(() => queue.records.length === 2);
  assert.deepEqual([attempts.length, queue.states], [1, ["N1.0 ready"]]);
});

test("DS-4 one delay notice, once", async () => {
  const { submit, queue, clock } = world({
    yaml: "",
    attempt: async (job) => ends(job, job.mail.sender.mailbox === undefined ? delivered : unreachable),
  });
  const recipient = mail("A").recipients.map((one) => ({ ...one, notify: undefined }));
  await submit({ ...mail("A"), recipients: recipient });
  for (let hour = 0; hour < 12; hour += 1) {
    clock.advance(60 * minute);
    await turn();
  }
  const notices = queue.records.filter(({ from }) => from === "");
  assert.equal(notices.length, 1, JSON.stringify(notices.map(({ time }) => time)));
  assert.equal(notices[0]?.to, "sender@example.org");
});
