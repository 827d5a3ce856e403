import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Queue, QueuedMail, Settlement } from "../../src/queue/queue.ts";
import { shardPaths } from "../../src/queue/sqlite/adopt-shards.ts";
import { openSqliteQueue } from "../../src/queue/sqlite/sqlite-queue.ts";
import {
  again,
  dataFolder,
  done,
  HandClock,
  mail,
  mailbox,
  memoryBody,
  minute,
  record,
  shardOptions,
  spoolBody,
  start,
} from "./queue-world.ts";

const everything = { after: undefined, limit: 1000 };

function bodyText({ body }: QueuedMail): string {
  assert.equal(body.kind, "memory");
  return body.kind === "memory" ? Buffer.concat(body.chunks).toString("latin1") : "";
}

async function states(queue: Queue): Promise<Record<string, string>> {
  const entries = await queue.list({}, everything);
  return Object.fromEntries(entries.map(({ messageId, number, state }) => [`${messageId}.${number}`, state]));
}

test("accept: what was stored comes out again the same, after a restart too (SR-15, QU-1)", async (t) => {
  const options = shardOptions(dataFolder(t));
  const sent = mail("m1", ["a@example.com", "b@example.net"]);
  {
    await using queue = await openSqliteQueue(options);
    assert.deepEqual(await queue.accept(sent, "ready"), { kind: "stored" });
  }
  await using queue = await openSqliteQueue(options);
  const [taken, ...more] = await queue.take(start, 10);
  assert.ok(taken);
  assert.equal(more.length, 0);
  assert.equal(bodyText(taken), "Subject: hello\r\n\r\nbody of m1\r\n");
  const { body: _sentBody, recipients, ...rest } = sent;
  const { body: _takenBody, recipients: takenRecipients, ...takenRest } = taken;
  assert.deepEqual(takenRest, rest);
  const untried = {
    attempts: 0,
    firstTriedAt: undefined,
    uncertain: false,
    lastError: undefined,
    delayNotified: false,
  };
  assert.deepEqual(
    takenRecipients,
    recipients.map((recipient, number) => ({ number, recipient, ...untried })),
  );
});

test("accept: null sender, no parameters, bare postmaster, empty body", async (t) => {
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t)));
  const sender = { mailbox: undefined, body: "7bit", smtputf8: false, ret: undefined, envid: undefined } as const;
  const postmaster = { text: "postmaster", localPart: "postmaster", host: undefined };
  const recipients = [{ mailbox: postmaster, notify: undefined, orcpt: undefined }];
  await queue.accept(mail("m1", [], { sender, recipients, body: memoryBody() }), "ready");
  const [taken] = await queue.take(start, 10);
  assert.deepEqual(taken?.sender, sender);
  assert.deepEqual(taken?.recipients[0]?.recipient, recipients[0]);
  assert.deepEqual(taken?.body, { kind: "memory", sizeBytes: 0, chunks: [] });
});

test("accept: callers of one turn share one commit", async (t) => {
  const groups: number[] = [];
  const onCommit = (operations: number): number => groups.push(operations);
  await using queue = await openSqliteQueue({ ...shardOptions(dataFolder(t)), onCommit });
  await Promise.all(Array.from({ length: 100 }, (_, index) => queue.accept(mail(`m${index}`), "trying")));
  assert.deepEqual(groups, [100]);
});

test("accept: one that fails takes none of its group with it", async (t) => {
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t)));
  await queue.accept(mail("twice"), "ready");
  const results = await Promise.allSettled(["m1", "twice", "m2"].map((id) => queue.accept(mail(id), "ready")));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.deepEqual(await states(queue), { "m1.0": "ready", "m2.0": "ready", "twice.0": "ready" });
  assert.equal((await queue.counts()).messages, 3);
});

test("a crash while trying: ready again, marked uncertain, reported (QU-7)", async (t) => {
  const recovered: number[] = [];
  const options = shardOptions(dataFolder(t), { onRecovered: (count) => recovered.push(count) });
  {
    await using queue = await openSqliteQueue(options);
    await queue.accept(mail("m1", ["a@example.com", "b@example.com"]), "trying");
    await queue.settle([done("m1", 0)], []);
    await queue.accept(mail("m2"), "ready");
  }
  await using queue = await openSqliteQueue(options);
  assert.deepEqual(recovered, [1]);
  const taken = await queue.take(start, 10);
  assert.deepEqual(
    taken.flatMap(({ id, recipients }) => recipients.map(({ number, uncertain }) => [id, number, uncertain])),
    [
      ["m1", 1, true],
      ["m2", 0, false],
    ],
  );
});

test("settle: state, record and notice are one; the message goes with its last recipient", async (t) => {
  const clock = new HandClock();
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t), { clock }));
  await queue.accept(mail("m1", ["a@example.com", "b@example.com"]), "trying");
  const later = start + 5 * minute;
  await queue.settle([done("m1", 0), again("m1", 1, later)], [mail("dsn1", ["sender@example.org"])]);
  const shown = await queue.show("m1");
  assert.equal(shown?.header, "Subject: hello\r\n");
  assert.deepEqual(shown?.arrival, mail("m1").arrival);
  assert.deepEqual(shown?.attempts, [done("m1", 0).record, again("m1", 1, later).record]);
  assert.deepEqual(shown?.entries, [
    {
      messageId: "m1",
      number: 1,
      from: "sender@example.org",
      to: "b@example.com",
      state: "ready",
      attempts: 1,
      arrivedAt: start,
      nextTryAt: later,
      expiresAt: start + 7200 * minute,
      sizeBytes: 30,
      binding: "default",
      lastError: "4.4.1 connection refused",
    },
  ]);
  const [notice, ...none] = await queue.take(start, 10);
  assert.equal(notice?.id, "dsn1");
  assert.equal(none.length, 0);
  assert.equal(await queue.nextDueAt(), later);
  await queue.take(later, 10);
  assert.equal(await queue.nextDueAt(), undefined);
  await queue.settle([done("m1", 1, 2), done("dsn1")], []);
  assert.deepEqual(await queue.counts(), { messages: 0, ready: 0, trying: 0, held: 0, bodyBytes: 0 });
  assert.equal(await queue.show("m1"), undefined);
});

test("settle: a recipient that is not being tried keeps its state", async (t) => {
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t)));
  await queue.accept(mail("m1"), "ready");
  await queue.settle([done("m1"), done("gone")], []);
  assert.deepEqual(await states(queue), { "m1.0": "ready" });
});

test("take: oldest due first, by message, no more than asked for, nothing before its time", async (t) => {
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t)));
  for (const id of ["m1", "m2", "m3"]) await queue.accept(mail(id, ["a@example.com", "b@example.com"]), "trying");
  const put = (messageId: string, number: number, at: number) => queue.putBack([{ messageId, number }], at);
  await put("m1", 0, start + 30);
  await put("m2", 0, start + 10);
  await put("m2", 1, start + 20);
  await put("m3", 1, start + 15);
  await put("m3", 0, start + 99);
  const names = (mails: readonly QueuedMail[]) =>
    mails.map(({ id, recipients }) => `${id}: ${recipients.map(({ number }) => number)}`);
  assert.deepEqual(names(await queue.take(start + 9, 10)), []);
  assert.deepEqual(names(await queue.take(start + 30, 3)), ["m2: 0,1", "m3: 1"]);
  assert.deepEqual(names(await queue.take(start + 30, 3)), ["m1: 0"]);
});

test("hold, release, retry, remove: by filter, never what is being tried", async (t) => {
  const clock = new HandClock();
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t), { clock }));
  const from = (text: string) => ({ ...mail("x").sender, mailbox: mailbox(text) });
  await queue.accept(mail("m1", ["a@example.com", "b@example.net"]), "ready");
  await queue.accept(mail("m2", ["c@example.com"], { sender: from("news@bulk.example") }), "ready");
  await queue.accept(mail("m3", ["d@example.com"]), "trying");
  const when = await queue.hold({ domain: "example.com" });
  assert.equal(when, 2);
  assert.deepEqual(await states(queue), { "m1.0": "held", "m1.1": "ready", "m2.0": "held", "m3.0": "trying" });
  assert.equal((await queue.list({ state: "held" }, everything))[0]?.nextTryAt, null);
  assert.equal(await queue.release({ sender: "bulk.example" }), 1);
  assert.equal(await queue.release({ sender: "ulk.example" }), 0);
  assert.equal(await queue.hold({ sender: "news@bulk.example" }), 1);
  await queue.settle([again("m3", 0, start + minute)], []);
  assert.equal(await queue.nextDueAt(), start);
  assert.equal(await queue.retry({ error: "refused" }, start - 1), 1);
  assert.equal(await queue.nextDueAt(), start - 1);
  clock.advance(minute);
  assert.equal(await queue.remove({ olderThanMs: minute }), 0);
  clock.advance(1);
  assert.equal(await queue.remove({ olderThanMs: minute, state: "held" }), 2);
  assert.deepEqual(await states(queue), { "m1.1": "ready", "m3.0": "ready" });
  assert.equal(await queue.remove({ ids: ["m1", "m3"] }), 2);
  assert.deepEqual(await queue.counts(), { messages: 0, ready: 0, trying: 0, held: 0, bodyBytes: 0 });
});

test("takeMatching: ready and held ones that match belong to the caller", async (t) => {
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t)));
  for (const id of ["m1", "m2", "m3"]) await queue.accept(mail(id, ["a@example.com", "b@example.net"]), "ready");
  await queue.hold({ ids: ["m2"] });
  const first = await queue.takeMatching({ domain: "example.com" }, 2);
  assert.deepEqual(
    first.map(({ id }) => id),
    ["m1", "m2"],
  );
  assert.equal((await queue.takeMatching({ domain: "example.com" }, 10)).length, 1);
  assert.deepEqual(await queue.takeMatching({ domain: "example.com" }, 10), []);
  assert.equal((await queue.counts()).trying, 3);
});

test("list: pages go on after the last entry seen, even when it is gone; more messages than one look", async (t) => {
  await using queue = await openSqliteQueue(shardOptions(dataFolder(t)));
  const ids = Array.from({ length: 2500 }, (_, index) => `m${String(index).padStart(4, "0")}`);
  await Promise.all(
    ids.map((id) => queue.accept(mail(id, id.endsWith("7") ? ["x@rare.example"] : undefined), "ready")),
  );
  const seen: string[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await queue.list({ domain: "rare.example" }, { after, limit: 60 });
    const last = page.at(-1);
    if (last === undefined) break;
    seen.push(...page.map(({ messageId }) => messageId));
    after = `${last.messageId}.${last.number}`;
    await queue.remove({ ids: [last.messageId] });
  }
  assert.deepEqual(
    seen,
    ids.filter((id) => id.endsWith("7")),
  );
  assert.equal(await queue.hold({}), 2500 - Math.ceil(250 / 60));
});

test("full file: accept says so and stores nothing; outcomes wait, are tried again and are not lost (AT-37)", async (t) => {
  const clock = new HandClock();
  const troubles: string[] = [];
  const options = shardOptions(dataFolder(t), { clock, maxPages: 60, onTrouble: (error) => troubles.push(error) });
  await using queue = await openSqliteQueue(options);
  const stored: string[] = [];
  for (;;) {
    const id = `m${String(stored.length).padStart(2, "0")}`;
    const result = await queue.accept(mail(id, undefined, { body: memoryBody("x".repeat(9000)) }), "trying");
    if (result.kind === "full") {
      assert.match(result.error, /full/);
      break;
    }
    stored.push(id);
  }
  assert.ok(stored.length > 10);
  assert.deepEqual(
    Object.keys(await states(queue)),
    stored.map((id) => `${id}.0`),
  );

  const [first = "", second = "", third = ""] = stored;
  const large = { ...again(first, 0, start + minute), record: record(first, 0, { error: "y".repeat(40_000) }) };
  let written = false;
  const waiting = queue.settle([large], []).then(() => {
    written = true;
  });
  await queue.counts(); // after the group that holds the settlement
  assert.equal(troubles.length, 1);
  assert.match(troubles.join(), /queue-0\.sqlite: settle: .*full/);
  clock.advance(1000);
  await queue.counts();
  assert.equal(written, false);
  // Outcomes that make room go through meanwhile.
  await queue.settle(
    stored.slice(3).map((id) => done(id)),
    [],
  );
  clock.advance(1000);
  await waiting;
  assert.deepEqual(await states(queue), {
    [`${first}.0`]: "ready",
    [`${second}.0`]: "trying",
    [`${third}.0`]: "trying",
  });
  assert.deepEqual(await queue.accept(mail("n1"), "ready"), { kind: "stored" });
});

test("accept: limits for stored bytes and free disk answer full (AT-37)", async (t) => {
  const directory = dataFolder(t);
  {
    await using queue = await openSqliteQueue(shardOptions(directory, { maxBodyBytes: 70 }));
    assert.equal((await queue.accept(mail("m1"), "ready")).kind, "stored");
    assert.equal((await queue.accept(mail("m2"), "ready")).kind, "stored");
    assert.equal((await queue.accept(mail("m3"), "ready")).kind, "full");
    await queue.remove({ ids: ["m1"] });
    assert.equal((await queue.accept(mail("m3"), "ready")).kind, "stored");
  }
  await using queue = await openSqliteQueue(shardOptions(directory, { minFreeDiskBytes: Number.MAX_SAFE_INTEGER }));
  const result = await queue.accept(mail("m4"), "ready");
  assert.match(result.kind === "full" ? result.error : "", /the disk has less than/);
});

test("spool files: kept with their message, gone with it, strays removed at start (AT-37)", async (t) => {
  const directory = dataFolder(t);
  const options = shardOptions(directory);
  const names = () => readdirSync(options.spoolDirectory);
  {
    await using queue = await openSqliteQueue(options);
    for (const id of ["m1", "m2"]) {
      const body = spoolBody(directory, `${id}.eml`, `Subject: large ${id}\r\n\r\n${"x".repeat(70_000)}`);
      await queue.accept(mail(id, undefined, { body }), "ready");
    }
    await queue.take(start, 1);
    await queue.settle([done("m1")], []);
    assert.deepEqual(names(), ["m2.eml"]);
  }
  spoolBody(directory, "half.eml", "cut off bef");
  await using queue = await openSqliteQueue(options);
  assert.deepEqual(names(), ["m2.eml"]);
  assert.equal((await queue.show("m2"))?.header, "Subject: large m2\r\n");
  const [taken] = await queue.take(start, 1);
  assert.deepEqual(taken?.body, {
    kind: "file",
    sizeBytes: 70_021,
    path: path.join(options.spoolDirectory, "m2.eml"),
  });
});

test("spool files: one that is short or absent is not accepted; one elsewhere is a mistake (AT-37)", async (t) => {
  const directory = dataFolder(t);
  await using queue = await openSqliteQueue(shardOptions(directory));
  const body = spoolBody(directory, "m1.eml", "half");
  await assert.rejects(queue.accept(mail("m1", undefined, { body: { ...body, sizeBytes: 8 } }), "ready"), /4 octets/);
  const absent = {
    kind: "file",
    sizeBytes: 4,
    path: path.join(shardPaths(directory, 0).spoolDirectory, "no.eml"),
  } as const;
  assert.equal((await queue.accept(mail("m2", undefined, { body: absent }), "ready")).kind, "full");
  const elsewhere = { kind: "file", sizeBytes: 4, path: "/var/tmp/m3.eml" } as const;
  await assert.rejects(queue.accept(mail("m3", undefined, { body: elsewhere }), "ready"), /not in this queue's folder/);
  assert.equal((await queue.counts()).messages, 0);
});

test("spool files without any database are kept and reported: it may have been moved (AT-37)", async (t) => {
  const directory = dataFolder(t);
  const troubles: string[] = [];
  const options = shardOptions(directory, { onTrouble: (error) => troubles.push(error) });
  spoolBody(directory, "m1.eml", "someone's mail");
  await using _queue = await openSqliteQueue(options);
  assert.ok(existsSync(path.join(options.spoolDirectory, "m1.eml")));
  assert.match(troubles.join(), /1 files of another one: they are kept/);
});

test("open: a shard in use is refused, and says by whom", async (t) => {
  const options = shardOptions(dataFolder(t));
  await using _queue = await openSqliteQueue(options);
  await assert.rejects(openSqliteQueue(options), (error: Error) => {
    assert.match(error.message, new RegExp(`queue-0\\.sqlite is in use by process ${process.pid} on `));
    return true;
  });
});

test("settle: when a recipient was first tried stays with it, through later attempts, takes and a restart", async (t) => {
  const clock = new HandClock();
  const options = shardOptions(dataFolder(t), { clock });
  const firstTriedAt = new Date(start + 1234).toISOString();
  const deferred = (attempt: number): Settlement => ({
    ...again("m1", 0, start + attempt * minute, attempt),
    record: record("m1", 0, { attempt, firstTriedAt }),
  });
  {
    await using queue = await openSqliteQueue(options);
    await queue.accept(mail("m1"), "trying");
    await queue.settle([deferred(1)], []);
    const [taken] = await queue.take(start + minute, 1);
    assert.equal(taken?.recipients[0]?.firstTriedAt, start + 1234);
    await queue.settle([deferred(2)], []);
  }
  await using queue = await openSqliteQueue(options);
  const [taken] = await queue.takeMatching({}, 1);
  assert.equal(taken?.recipients[0]?.firstTriedAt, start + 1234);
});

const wrongFiles: readonly [name: string, make: (file: string) => void, message: RegExp][] = [
  ["garbage", (file) => writeFileSync(file, "no database ".repeat(500)), /queue-0\.sqlite is damaged .* \.recover/],
  ["another program's", (file) => runSql(file, "CREATE TABLE notes (text)"), /of another program: move it away/],
  [
    "a newer Letterlock's",
    (file) => runSql(file, "CREATE TABLE m (t); PRAGMA application_id = 0x4c544c4b; PRAGMA user_version = 99"),
    /newer Letterlock \(queue format 99/,
  ],
  [
    "an older Letterlock's",
    (file) => runSql(file, "CREATE TABLE m (t); PRAGMA application_id = 0x4c544c4b; PRAGMA user_version = 1"),
    /older Letterlock \(queue format 1, this one knows 2\): let that version deliver what is in it/,
  ],
  ["in a folder that is not there", () => {}, /cannot be opened .* check the folder/],
];

for (const [name, make, message] of wrongFiles) {
  test(`open: a file that is ${name} is named with its remedy`, async (t) => {
    const directory = dataFolder(t);
    const file = path.join(directory, name.includes("folder") ? "none" : "", "queue-0.sqlite");
    make(file);
    await assert.rejects(openSqliteQueue(shardOptions(directory, { file })), message);
  });
}

function runSql(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

test("records: given out again after a crash until they were projected", async (t) => {
  const clock = new HandClock();
  const options = shardOptions(dataFolder(t), { clock });
  const ids = ["m1", "m2", "m3", "m4"];
  {
    await using queue = await openSqliteQueue(options);
    await Promise.all(ids.map((id) => queue.accept(mail(id), "trying")));
    for (const id of ids) await queue.settle([done(id)], []);
    assert.deepEqual(await queue.unprojected(10), []); // only what a crash left
    queue.markProjected(["m1.0.1", "m3.0.1"]);
  }
  const leftOver = async (limit: number, mark: boolean) => {
    await using queue = await openSqliteQueue(options);
    const pages: string[] = [];
    for (;;) {
      const page = (await queue.unprojected(limit)).map(({ id }) => id);
      if (page.length === 0) break;
      pages.push(page.join(" "));
      if (mark) queue.markProjected(page);
    }
    return pages;
  };
  assert.deepEqual(await leftOver(2, false), ["m2.0.1 m3.0.1", "m4.0.1"]);
  assert.deepEqual(await leftOver(2, true), ["m2.0.1 m3.0.1", "m4.0.1"]);
  assert.deepEqual(await leftOver(2, true), []);
});

test("records: older than the history are pruned within the hour, a slice at a time", async (t) => {
  const clock = new HandClock();
  const options = shardOptions(dataFolder(t), { clock });
  await using queue = await openSqliteQueue(options);
  await queue.accept(mail("m1"), "trying");
  const at = (time: number, attempt: number): Settlement => ({
    ...again("m1", 0, start, attempt),
    record: record("m1", 0, { attempt, time: new Date(time).toISOString() }),
  });
  const kept = async () => (await queue.show("m1"))?.attempts.map(({ attempt }) => attempt) ?? [];
  await queue.settle(
    Array.from({ length: 1500 }, (_, index) => at(start, index + 1)),
    [],
  );
  await queue.settle([at(start + 60 * minute, 9000)], []);
  clock.advance(119 * minute);
  for (let looks = 0; looks < 20; looks += 1) assert.equal((await kept()).length, 1501);
  clock.advance(minute);
  let left = await kept();
  for (let slices = 0; slices < 200 && left.length > 1; slices += 1) {
    clock.advance(10);
    left = await kept();
  }
  assert.deepEqual(left, [9000]);
});

test("close: what was asked for before is written; afterwards everything is refused", async (t) => {
  const options = shardOptions(dataFolder(t));
  const queue = await openSqliteQueue(options);
  const stored = queue.accept(mail("m1"), "ready");
  await queue[Symbol.asyncDispose]();
  assert.deepEqual(await stored, { kind: "stored" });
  await assert.rejects(queue.accept(mail("m2"), "ready"), /closed/);
  await using reopened = await openSqliteQueue(options);
  assert.deepEqual(await states(reopened), { "m1.0": "ready" });
});
