/**
 * The queue against a model of it in plain objects: whatever is done in whatever order, with restarts in between, both
 * hold the same.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { Queue, QueueFilter, RecipientState } from "../../src/queue/queue.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import { again, done, HandClock, mail, minute, shardOptions, start } from "./queue-world.ts";

type ModelRecipient = {
  id: string;
  number: number;
  to: string;
  state: RecipientState;
  nextTryAt: number;
  attempts: number;
  uncertain: boolean;
};

type Step =
  | Readonly<{ kind: "accept"; state: "trying" | "ready"; to: readonly string[] }>
  | Readonly<{ kind: "take"; limit: number }>
  | Readonly<{ kind: "take-matching"; domain: string | undefined; limit: number }>
  | Readonly<{ kind: "settle"; share: number; how: "done" | "again" | "mixed"; notice: boolean }>
  | Readonly<{ kind: "put-back"; share: number }>
  | Readonly<{ kind: "hold" | "release" | "retry" | "remove"; domain: string | undefined }>
  | Readonly<{ kind: "wait"; minutes: number }>
  | Readonly<{ kind: "crash" }>;

const domains = ["one.example", "two.example", "three.example"];
const someDomain = fc.constantFrom(...domains);
const anyDomain = fc.option(someDomain, { nil: undefined });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const to = fc.array(
  someDomain.map((name) => `user@${name}`),
  { minLength: 1, maxLength: 4 },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("accept"), state: fc.constantFrom("trying", "ready"), to }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("take"), limit: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("take-matching"),
      domain: anyDomain,
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("settle"),
      share,
      how: fc.constantFrom("done", "again", "mixed"),
      notice: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("put-back"), share }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("hold", "release", "retry", "remove"), domain: anyDomain }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait"), minutes: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash") }) },
) as fc.Arbitrary<Step>;

class Model {
  readonly clock = new HandClock();
  /** In the order of arrival, which breaks ties. */
  recipients: ModelRecipient[] = [];
  #made = 0;

  add(state: "trying" | "ready", addresses: readonly string[]): { id: string; to: readonly string[] } {
    const id = `m${String(this.#made++).padStart(4, "0")}`;
    const nextTryAt = this.clock.now();
    for (const [number, to] of addresses.entries()) {
      this.recipients.push({ id, number, to, state, nextTryAt, attempts: 0, uncertain: false });
    }
    return { id, to: addresses };
  }

  matching(domain: string | undefined, ...states: readonly RecipientState[]): ModelRecipient[] {
    return this.recipients.filter(
      (one) => states.includes(one.state) && (domain === undefined || one.to.endsWith(`@${domain}`)),
    );
  }

  due(limit: number): ModelRecipient[] {
    const due = this.matching(undefined, "ready").filter(({ nextTryAt }) => nextTryAt <= this.clock.now());
    return due.sort((a, b) => a.nextTryAt - b.nextTryAt).slice(0, limit); // stable: arrival breaks ties
  }

  trying(part: number): ModelRecipient[] {
    const trying = this.matching(undefined, "trying");
    return trying.slice(0, Math.ceil(trying.length * part));
  }

  crash(): void {
    for (const one of this.matching(undefined, "trying")) {
      one.state = "ready";
      one.uncertain = true;
      one.nextTryAt = this.clock.now();
    }
  }

  drop(gone: readonly ModelRecipient[]): void {
    this.recipients = this.recipients.filter((one) => !gone.includes(one));
  }
}

function names(recipients: readonly Readonly<{ id: string; number: number }>[]): string[] {
  return recipients.map(({ id, number }) => `${id}.${number}`).sort();
}

function filterOf(domain: string | undefined): QueueFilter {
  return domain === undefined ? {} : { domain };
}

async function takeBoth(taken: ReturnType<Queue["take"]>, want: readonly ModelRecipient[]): Promise<void> {
  const got = (await taken).flatMap(({ id, recipients }) => recipients.map((one) => ({ id, ...one })));
  assert.deepEqual(names(got), names(want));
  for (const one of want) {
    one.state = "trying";
    const twin = got.find(({ id, number }) => id === one.id && number === one.number);
    assert.deepEqual([twin?.attempts, twin?.uncertain], [one.attempts, one.uncertain]);
  }
}

async function settleBoth(queue: Queue, model: Model, { share, how, notice }: Extract<Step, { kind: "settle" }>) {
  const ends = model.trying(share);
  const later = model.clock.now() + 7 * minute;
  const gone = ends.filter((_, index) => how === "done" || (how === "mixed" && index % 2 === 0));
  const settlements = ends.map((one) => {
    const attempt = one.attempts + 1;
    return gone.includes(one) ? done(one.id, one.number, attempt) : again(one.id, one.number, later, attempt);
  });
  const dsn = notice ? model.add("ready", ["sender@one.example"]) : undefined;
  await queue.settle(settlements, dsn === undefined ? [] : [mail(dsn.id, dsn.to)]);
  model.drop(gone);
  for (const one of ends) {
    one.attempts += 1;
    one.state = "ready";
    one.nextTryAt = later;
  }
}

async function changeBoth(queue: Queue, model: Model, kind: "hold" | "release" | "retry" | "remove", domain?: string) {
  const from = { hold: ["ready"], release: ["held"], retry: ["ready"], remove: ["ready", "held"] } as const;
  const changed = model.matching(domain, ...from[kind]);
  const now = model.clock.now();
  const filter = filterOf(domain);
  assert.equal(await (kind === "retry" ? queue.retry(filter, now) : queue[kind](filter)), changed.length);
  if (kind === "remove") model.drop(changed);
  for (const one of changed) {
    one.state = kind === "hold" ? "held" : "ready";
    one.nextTryAt = now;
  }
}

/** One step on both; a crash is left to the caller. */
async function runStep(queue: Queue, model: Model, one: Exclude<Step, { kind: "crash" }>): Promise<void> {
  switch (one.kind) {
    case "accept": {
      const { id, to } = model.add(one.state, one.to);
      assert.equal((await queue.accept(mail(id, to), one.state)).kind, "stored");
      return;
    }
    case "take":
      return takeBoth(queue.take(model.clock.now(), one.limit), model.due(one.limit));
    case "take-matching": {
      const want = model.matching(one.domain, "ready", "held").slice(0, one.limit);
      return takeBoth(queue.takeMatching(filterOf(one.domain), one.limit), want);
    }
    case "settle":
      return settleBoth(queue, model, one);
    case "put-back": {
      const back = model.trying(one.share);
      const nextTryAt = model.clock.now() + 3 * minute;
      await queue.putBack(
        back.map(({ id, number }) => ({ messageId: id, number })),
        nextTryAt,
      );
      for (const recipient of back) Object.assign(recipient, { state: "ready", nextTryAt });
      return;
    }
    case "wait":
      model.clock.advance(one.minutes * minute);
      return;
    default:
      return changeBoth(queue, model, one.kind, one.domain);
  }
}

async function compare(queue: Queue, model: Model): Promise<void> {
  const entries = await queue.list({}, { after: undefined, limit: 10_000 });
  assert.deepEqual(
    entries.map((one) => [one.messageId, one.number, one.to, one.state, one.attempts, one.nextTryAt]),
    model.recipients.map((one) => {
      const nextTryAt = one.state === "ready" ? one.nextTryAt : null;
      return [one.id, one.number, one.to, one.state, one.attempts, nextTryAt];
    }),
  );
  const count = (state: RecipientState) => model.matching(undefined, state).length;
  const ids = [...new Set(model.recipients.map(({ id }) => id))];
  assert.deepEqual(await queue.counts(), {
    messages: ids.length,
    ready: count("ready"),
    trying: count("trying"),
    held: count("held"),
    bodyBytes: ids.reduce((sum, id) => sum + mail(id).body.sizeBytes, 0),
  });
  const ready = model.matching(undefined, "ready").map(({ nextTryAt }) => nextTryAt);
  assert.equal(await queue.nextDueAt(), ready.length === 0 ? undefined : Math.min(...ready));
}

test("any sequence of steps and crashes: the queue and its model hold the same (QU-1, QU-7)", async () => {
  assert.equal(new Model().clock.now(), start);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const directory = mkdtempSync(path.join(os.tmpdir(), "letterlock-model-"));
      const model = new Model();
      const options = shardOptions(directory, { clock: model.clock });
      let queue = await openSqliteQueue(options);
      try {
        for (const one of steps) {
          if (one.kind === "crash") {
            await queue[Symbol.asyncDispose]();
            queue = await openSqliteQueue(options);
            model.crash();
          } else await runStep(queue, model, one);
        }
        await compare(queue, model);
      } finally {
        await queue[Symbol.asyncDispose]();
        rmSync(directory, { recursive: true });
      }
    }),
    { numRuns: 25 },
  );
});
