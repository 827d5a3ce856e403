/** `letterlock report tls` as an operator runs it: beside a running relay and over the files of a stopped one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleAttempt, sampleRefusal } from "../../src/mail/attempt-sample.ts";
import { systemClock } from "../../src/mail/clock.ts";
import type { Queue } from "../../src/queue/queue.ts";
import { shardPaths } from "../../src/queue/sqlite/adopt-shards.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import type { ReportQuery } from "../../src/queue/tls-report.ts";
import { controlPath, serveControl } from "../../src/server/control-socket.ts";
import { folderFor, run } from "./command.ts";

function open(folder: string, shard: number): Promise<Queue> {
  return openSqliteQueue({
    ...shardPaths(folder, shard),
    clock: systemClock,
    historyMs: 30 * 86_400_000,
    reserveBytes: 0,
  });
}

/** In each of two shards: two good attempts, one refused by policy; one from ten days ago. */
async function fill(queue: Queue, shard: number): Promise<void> {
  const at = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000 - 1000).toISOString();
  const records = [
    { ...sampleAttempt, to: "a@example.com", time: at(1) },
    { ...sampleAttempt, to: "b@example.com", time: at(2) },
    { ...sampleRefusal, to: "c@partner.example", time: at(3) },
    { ...sampleAttempt, to: "d@long-ago.example", time: at(10) },
  ];
  await queue.settle(
    records.map((record, number) => {
      const messageId = `m${shard}${number}`;
      return { messageId, number: 0, record: { ...record, id: `${messageId}.0.1` }, next: { kind: "done" } } as const;
    }),
    [],
  );
}

type Json = Readonly<{ rows: readonly Readonly<{ key: string; attempts: number; failed: number }>[] }>;

test("report tls: the same of a running relay and of a stopped one, what needs attention first", async (t) => {
  const folder = folderFor(t);
  const report = (...argv: string[]) => run(["report", "tls", "--data", folder, ...argv]);
  {
    await using first = await open(folder, 0);
    await using second = await open(folder, 1);
    const queues = [first, second];
    for (const [shard, queue] of queues.entries()) await fill(queue, shard);
    await using _control = await serveControl(controlPath(folder), {
      workers: () => queues.map((_, worker) => ({ worker })),
      one: (params) => {
        const { worker, method, params: query } = params as { worker: number; method: string; params: ReportQuery };
        assert.equal(method, "queue.report");
        return queues[worker]?.report(query);
      },
    });
    const { code, stdout, stderr } = await report("--json");
    assert.deepEqual([code, stderr], [0, ""]);
    const counted = (JSON.parse(stdout) as Json).rows.map(({ key, attempts, failed }) => [key, attempts, failed]);
    assert.deepEqual(counted, [
      ["partner.example", 2, 2],
      ["example.com", 4, 0],
    ]);
  }
  const { code, stdout } = await report();
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.match(lines[0] ?? "", /^6 attempts from \d{4}-\d\d-\d\d \d\d:\d\d to .* UTC$/);
  assert.match(lines[2] ?? "", /^DOMAIN +ATTEMPTS +ENCRYPTED/);
  assert.deepEqual(
    lines.slice(3).map((line) => line.split(/ +/).slice(0, 2).join(" ")),
    ["partner.example 2", "example.com 4", "total 6", ""],
  );
  const csv = await report("--csv", "--by", "rule", "--since", "11d", "--until", "9d", "--limit", "1");
  assert.deepEqual(csv.stdout.split("\n").slice(1), [
    "row,/etc/letterlock/letterlock.yaml:14,2,2,2,2,0,0,0,0,2,0,0,TLSv1.3",
    "total,,2,2,2,2,0,0,0,0,2,0,0,TLSv1.3",
    "",
  ]);
  assert.match((await report("--by", "reason")).stdout, /chain-untrusted .* the certificate chain is not trusted\n/);
  assert.deepEqual(await report("--since", "2020-01-01", "--until", "2020-02-01T12:00"), {
    code: 1,
    stdout: "No attempts in that time.\n",
    stderr: "",
  });
});

const nowhere = ["--data", "/nonexistent/letterlock"];
const wrong: readonly [argv: readonly string[], code: number, stderr: RegExp][] = [
  [[], 1, /no relay is running with the data folder \/nonexistent\/letterlock, and it holds no records/],
  [["--since", "soon"], 2, /--since soon: an age such as 7d, or a date such as 2026-03-01/],
  [["--until", "2026-13-01"], 2, /--until 2026-13-01: an age/],
  [["--since", "1d", "--until", "2d"], 2, /--until must be later than --since/],
  [["--limit", "0"], 2, /--limit takes a number from 1 to 5000/],
  [["--by", "sender"], 2, /Allowed choices are domain, mx, binding, protocol, cipher, group, rule, reason/],
  [["--json", "--csv"], 2, /'--json' cannot be used with option '--csv'/],
];

for (const [argv, code, stderr] of wrong) {
  test(`report tls ${argv.join(" ")}: exit ${code}`, async () => {
    const ran = await run(["report", "tls", ...nowhere, ...argv]);
    assert.equal(ran.code, code);
    assert.match(ran.stderr, stderr);
  });
}
