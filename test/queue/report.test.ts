/**
 * The report on attempts against a count by hand: whatever the records, however they came to the shards.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { AttemptRecord, AttemptTls } from "../../src/mail/attempt.ts";
import { sampleAttempt, sampleTls } from "../../src/mail/attempt-sample.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { adoptShards, shardPaths } from "../../src/queue/sqlite/adopt-shards.ts";
import { openForReading } from "../../src/queue/sqlite/reading.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import {
  countNames,
  type Grouping,
  groupings,
  type Report,
  type ReportPart,
  type ReportQuery,
  wholeReport,
} from "../../src/queue/tls-report.ts";
import { countByHand } from "./counted-by-hand.ts";
import { dataFolder, HandClock, minute, record, shardOptions, start } from "./queue-world.ts";

const hour = 60 * minute;
/** Longer than any record here is old. */
const historyMs = 1000 * hour;

const tls: fc.Arbitrary<AttemptTls | null> = fc.option(
  fc
    .record({
      achieved: fc.constantFrom("none", "encrypted", "trusted", "verified"),
      protocol: fc.constantFrom("TLSv1", "TLSv1.2", "TLSv1.3", null),
      cipher: fc.constantFrom("TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES128-SHA", null),
      group: fc.constantFrom("X25519MLKEM768", "prime256v1", null),
      monitor: fc.constantFrom("would-pass", "would-fail", null),
    })
    .map((change) => ({ ...sampleTls, ...change }) as AttemptTls),
);
const failure: fc.Arbitrary<AttemptRecord["failure"]> = fc.option(
  fc
    .record({
      kind: fc.constantFrom(
        "tls",
        "rule",
        "route",
        "unreachable",
        "greeting",
        "refused",
        "unsuitable",
        "broken",
        "local",
      ),
      stage: fc.constantFrom("connect", "greeting", "starttls", "mail", "rcpt", "data", "body", "final-dot", null),
    })
    .map(
      (change) =>
        ({ tls: null, unproven: [], code: null, cause: "so", ...change }) as NonNullable<AttemptRecord["failure"]>,
    ),
);
const host = fc.record({
  mx: fc.constantFrom("mx1.example.com", "mx2.example.com", "=mx\\x1b.example", null),
  address: fc.constantFrom("192.0.2.7", "2001:db8::7", null),
  tls,
  failure,
  rule: fc.constantFrom(
    { source: "letterlock", file: "/etc/letterlock.yaml", line: 14 },
    { source: "postfix", file: "/etc/postfix/policy", line: 3 },
    { source: "built-in", file: null, line: null },
    null,
  ),
});
const sent: fc.Arbitrary<AttemptRecord> = fc
  .record({
    at: fc.integer({ min: 0, max: 5 * hour }),
    to: fc.constantFrom("a@one.example", "b@Two.EXAMPLE", "c@three.example", "d@[192.0.2.1]", "postmaster"),
    event: fc.constantFrom("delivered", "deferred", "failed", "expired"),
    binding: fc.constantFrom("default", "bulk"),
    reasons: fc.subarray(["level-verify", "encrypted", "name-mismatch", "would-fail"]),
    twice: fc.boolean(),
    host,
    earlier: fc.array(host, { maxLength: 2 }),
  })
  .map(({ at, reasons, twice, host: met, earlier, ...rest }) => {
    const codes = twice ? [...reasons, ...reasons] : reasons;
    const change = { ...rest, ...met, reasons: codes.map((code) => ({ code, text: code, rfc: "" })) };
    const hosts = earlier.map((one) => ({ ...sampleAttempt, ...one }));
    return record("m", 0, {
      ...change,
      earlier: hosts,
      time: new Date(start + at).toISOString(),
    } as Partial<AttemptRecord>);
  });

/** Written one after the other, `twice` once more later on. */
type Written = Readonly<{ record: AttemptRecord; shard: number; twice: boolean; restart: boolean }>;
const writings = fc
  .array(
    fc.record({
      record: sent,
      shard: fc.nat({ max: 1 }),
      twice: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
      restart: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((all): Written[] =>
    all.map((one, index) => ({ ...one, record: { ...one.record, id: `m${index}.0.1`, messageId: `m${index}` } })),
  );

function settlement(attempt: AttemptRecord) {
  return { messageId: attempt.messageId, number: 0, record: attempt, next: { kind: "done" } } as const;
}

/** Runs with a folder of its own. */
async function inFolder(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(os.tmpdir(), "letterlock-report-"));
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string, shard: number): Promise<Queue> {
  return openSqliteQueue(shardOptions(directory, { ...shardPaths(directory, shard), historyMs }));
}

async function write(directory: string, written: readonly Written[]): Promise<void> {
  const queues = await Promise.all([open(directory, 0), open(directory, 1)]);
  try {
    for (const { record: attempt, shard, twice, restart } of written) {
      await queues[shard]?.settle([settlement(attempt)], []);
      if (twice) await queues[shard]?.settle([settlement(attempt), settlement(attempt)], []);
      if (!restart) continue;
      await queues[shard]?.[Symbol.asyncDispose]();
      queues[shard] = await open(directory, shard);
    }
  } finally {
    for (const queue of queues) await queue[Symbol.asyncDispose]();
  }
}

function askFiles(directory: string, shards: readonly number[]) {
  return async (query: ReportQuery): Promise<readonly ReportPart[]> =>
    shards.map((shard) => {
      const { file, spoolDirectory } = shardPaths(directory, shard);
      using reading = openForReading(file, spoolDirectory, start);
      return reading.report(query);
    });
}

/** Rows, what is left over, and the total are those counted by hand. */
function assertCounted(report: Report, records: readonly AttemptRecord[], query: ReportQuery): void {
  const byHand = countByHand(records, query.by, query.since, query.until);
  assert.deepEqual(report.total, byHand.total);
  const { rows, others } = report;
  if (others.exact) assert.deepEqual(rows, byHand.rows.slice(0, query.limit));
  const of = new Map(byHand.rows.map((row) => [row.key, row]));
  assert.deepEqual(
    rows,
    rows.map(({ key }) => of.get(key)),
  );
  const shown = new Set(rows.map(({ key }) => key));
  const left = byHand.rows.filter(({ key }) => !shown.has(key));
  assert.ok(others.exact ? others.keys === left.length : others.keys >= left.length);
  for (const [place, name] of countNames.entries()) {
    const sum = left.reduce((all, { figures }) => all + (figures[place] ?? 0), 0);
    assert.equal(others.figures[place], sum, name);
  }
}

const question = fc.record({
  by: fc.constantFrom(...groupings),
  since: fc.integer({ min: start - hour, max: start + 5 * hour }),
  span: fc.integer({ min: 1, max: 6 * hour }),
  limit: fc.constantFrom(1, 2, 100),
});

test("report: counts as by hand over shards, restarts, replays and merged shards, for any window", async () => {
  await fc.assert(
    fc.asyncProperty(writings, fc.array(question, { minLength: 1, maxLength: 8 }), (written, questions) =>
      inFolder(async (directory) => {
        await write(directory, written);
        const records = written.map((one) => one.record);
        const check = async (shards: readonly number[]) => {
          for (const { by, since, span, limit } of questions) {
            const query = { by, since, until: since + span, limit };
            assertCounted(await wholeReport(query, askFiles(directory, shards)), records, query);
          }
        };
        await check([0, 1]);
        assert.deepEqual(adoptShards(directory, 1, new HandClock()), [1]);
        await check([0]);
      }),
    ),
    { numRuns: 10, endOnFailure: true },
  );
});

const all = { since: 0, until: start + historyMs, limit: 100 } as const;

test("report: a window begins and ends to the millisecond, also within the hour and where records come late", async (t) => {
  const directory = dataFolder(t);
  const times = [hour - 1, hour, hour + 1, 3 * hour, 2 * hour - 1, 30 * hour, 29 * hour, 10 * hour];
  await write(
    directory,
    times.map((at, index) => ({
      record: record(`m${index}`, 0, { time: new Date(start + at).toISOString() }),
      shard: 0,
      twice: false,
      restart: false,
    })),
  );
  const ask = askFiles(directory, [0]);
  for (const since of times) {
    for (const until of times.filter((time) => time > since)) {
      const query = { ...all, by: "domain", since: start + since, until: start + until } as const;
      const { total } = await wholeReport(query, ask);
      assert.equal(total[0], times.filter((time) => time >= since && time < until).length, `${since} to ${until}`);
    }
  }
});

test("report: what was pruned is counted no more, what is left is counted whole", async (t) => {
  const clock = new HandClock();
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t), { clock, historyMs: 10 * hour }));
  const records = Array.from({ length: 900 }, (_, index) =>
    record(`m${index}`, 0, {
      time: new Date(start + (index * 20 * hour) / 900).toISOString(),
      to: `user@d${index % 7}.example`,
    }),
  );
  await queue.settle(records.map(settlement), []);
  const report = () => queue.report({ ...all, by: "domain" });
  assert.equal((await report()).total[0], 900);
  clock.advance(20 * hour);
  let seen = await report();
  for (let slices = 0; slices < 200 && (seen.total[0] ?? 0) > 450; slices += 1) {
    clock.advance(10);
    const left = await queue.unprojected(1); // takes its turn behind a slice
    assert.deepEqual(left, []);
    seen = await report();
  }
  const kept = records.filter(({ time }) => Date.parse(time) >= start + 10 * hour);
  assert.deepEqual(seen.total, countByHand(kept, "domain", 0, all.until).total);
  assert.deepEqual(
    new Map(seen.rows.map(({ key, figures }) => [key, figures])),
    new Map(countByHand(kept, "domain", 0, all.until).rows.map(({ key, figures }) => [key, figures])),
  );
});

test("report: a transaction that fails leaves nothing of its attempts, one that succeeds later all of them", async (t) => {
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t)));
  const of = (from: number) => Array.from({ length: 150 }, (_, index) => record(`m${from + index}`, 0));
  await queue.settle(of(0).map(settlement), []);
  const wrong = { ...record("bad", 0, { to: "user@bad.example" }), time: "no time" };
  await assert.rejects(queue.settle([...of(500), wrong].map(settlement), []), /settle/);
  const rows = async () =>
    (await queue.report({ ...all, by: "domain" })).rows.map(({ key, figures }) => [key, figures[0]]);
  assert.deepEqual(await rows(), [["example.com", 150]]);
  await queue.settle([...of(150), record("good", 0, { to: "user@bad.example" })].map(settlement), []);
  assert.deepEqual(
    new Map((await rows()) as [string, number][]),
    new Map([
      ["example.com", 300],
      ["bad.example", 1],
    ]),
  );
});

test("report: more values than are shown are counted as others, exactly, also where every shard cuts its list", async (t) => {
  const directory = dataFolder(t);
  const written = Array.from({ length: 400 }, (_, index) => ({
    record: record(`m${index}`, 0, { to: `user@d${index % 90}.example`, time: new Date(start + index).toISOString() }),
    shard: index % 2,
    twice: false,
    restart: false,
  }));
  await write(directory, written);
  for (const by of ["domain", "mx", "rule"] as readonly Grouping[]) {
    const query = { ...all, by, limit: 5 };
    const report = await wholeReport(query, askFiles(directory, [0, 1]));
    assert.equal(report.rows.length, by === "domain" ? 5 : 1);
    assertCounted(
      report,
      written.map((one) => one.record),
      query,
    );
  }
});
