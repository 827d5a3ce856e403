/**
 * All logs of a process at once: what all files have, what a reload changes, what fails alone.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink, unlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { type Logs, openLogs } from "../../src/logs/open-logs.ts";
import { replayRecords } from "../../src/logs/replay-records.ts";
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import { sampleAttempt } from "../../src/mail/attempt-sample.ts";
import { systemClock } from "../../src/mail/clock.ts";
import { sampleInbound } from "../../src/mail/inbound-sample.ts";
import type { LogDefinition, LogFormat, LogTarget } from "../../src/mail/log-definition.ts";
import type { LetterlockEvent } from "../../src/observe/events.ts";
import { eventually, sampleFolder, toldIn } from "./sink-lab.ts";

const file = (at: string): LogTarget => ({ kind: "file", path: at, mode: 0o640, maxBytes: 0, keepFiles: 1 });
const format = { kind: "json", of: "deliveries" } as const;
const postfix = { kind: "postfix", name: "postfix", tlsField: true, outboundTlsLevel: 1, inboundTlsLevel: 1 } as const;

function log(name: string, target: LogTarget, change: Partial<LogDefinition> = {}): LogDefinition {
  return { name, from: "letterlock.yaml:1", format, headers: [], ...change, target };
}

function accounting(columns: readonly string[]): Extract<LogFormat, Readonly<{ kind: "accounting" }>> {
  return {
    kind: "accounting",
    types: ["d"],
    columns,
    fields: { d: new Set(columns) },
    mapped: {},
    isoTimes: true,
    userString: "",
    queueDomain: ({ domain }) => domain,
    wants: () => true,
    showRecipient: (address) => address,
    bounceCategory: () => "other",
    formulaCells: "keep",
  };
}

async function lab(t: TestContext) {
  const folder = await sampleFolder(t);
  const events: LetterlockEvent[] = [];
  const done: string[] = [];
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead, after: systemClock.after };
  const open = async (...definitions: readonly LogDefinition[]): Promise<Logs> => {
    const logs = await openLogs(definitions, {
      worker: 0,
      workers: 1,
      dataDirectory: path.join(folder, "data"),
      hostname: "mail.example.com",
      clock,
      observe: (event) => events.push(event),
      onDone: (ids) => done.push(...ids),
    });
    t.after(() => logs[Symbol.asyncDispose]());
    return logs;
  };
  const at = (name: string): string => path.join(folder, name);
  const idsIn = async (name: string): Promise<string[]> =>
    (await readFile(at(name), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as AttemptRecord).id);
  const pass = (ms: number): void => {
    ahead += ms;
  };
  return { at, events, done, open, idsIn, pass };
}

function attempt(id: string): LetterlockEvent {
  return { kind: "attempt", record: { ...sampleAttempt, id } };
}

test("logs: records of deliveries and of what came in, each into its file; the store is told what is there", async (t) => {
  const { at, open, done, idsIn, events } = await lab(t);
  const logs = await open(
    log("records.file", file(at("deliveries.jsonl"))),
    log("records.inbound-file", file(at("inbound.jsonl")), { format: { kind: "json", of: "inbound" } }),
  );
  logs.observe(attempt("a"));
  logs.observe({ kind: "inbound", record: sampleInbound });
  logs.observe({ kind: "stopping", reason: "SIGTERM" });
  assert.deepEqual(done, []);
  assert.equal(await logs.flush(), 0);
  assert.deepEqual(done, ["a"]);
  assert.deepEqual([await idsIn("deliveries.jsonl"), await idsIn("inbound.jsonl")], [["a"], [sampleInbound.id]]);
  assert.deepEqual(
    [...logs.counts()],
    [
      ["records.file", 1],
      ["records.inbound-file", 1],
    ],
  );
  assert.deepEqual(events, []);
});

test("logs: the store's mark waits for the slowest file, and for no program or server", async (t) => {
  const { at, open, done } = await lab(t);
  await symlink("/dev/full", at("full.log"));
  const logs = await open(
    log("records.file", file(at("deliveries.jsonl"))),
    log("logs.full", file(at("full.log")), { format: postfix }),
    log("logs.away", {
      kind: "syslog",
      to: { kind: "tcp", host: "127.0.0.1", port: 1 },
      protocol: "rfc5424",
      facility: "mail",
    }),
    log("logs.gone", { kind: "program", command: "exit 1", retryMs: 60_000, writeTimeoutMs: 1_000 }),
  );
  logs.observe(attempt("a"));
  assert.ok((await logs.flush()) > 0);
  assert.deepEqual(done, []);
  await unlink(at("full.log"));
  await logs.reopen();
  assert.deepEqual(done, ["a"]);
  assert.match(
    await readFile(at("full.log"), "utf8"),
    /^\w{3} [ \d]\d \d\d:\d\d:\d\d mail\.example\.com postfix\/smtp\[\d+\]: /,
  );
});

test("logs: a file that cannot be written for ten minutes holds the mark no longer, or each start would print all others again; the records do", async (t) => {
  const { at, open, done, pass } = await lab(t);
  for (const name of ["full.log", "full.jsonl"]) await symlink("/dev/full", at(name));
  const broken = log("logs.full", file(at("full.log")), { format: postfix });
  const logs = await open(log("records.file", file(at("deliveries.jsonl")), { from: "records" }), broken);
  logs.observe(attempt("a"));
  await logs.flush();
  pass(590_000);
  logs.observe(attempt("b"));
  await logs.flush();
  assert.deepEqual(done, []);
  pass(10_000);
  logs.observe(attempt("c"));
  await logs.flush();
  assert.deepEqual(done, ["a", "b", "c"]);

  const held = await open(log("records.file", file(at("full.jsonl")), { from: "records" }), broken);
  held.observe(attempt("d"));
  await held.flush();
  pass(3_600_000);
  held.observe(attempt("e"));
  await held.flush();
  assert.equal(done.length, 3);
});

test("logs: what a crash swallowed is printed again, past a file that cannot be written; not where none can", async (t) => {
  const { at, open, idsIn } = await lab(t);
  const ids = Array.from({ length: 2_500 }, (_, number) => `r${number}`);
  const store = () => {
    const left = ids.map((id) => ({ ...sampleAttempt, id }));
    return { left, unprojected: async (limit: number) => left.splice(0, limit) };
  };
  await symlink("/dev/full", at("full.log"));
  const full = log("acct-file", file(at("full.log")), { format: postfix });
  const some = store();
  await replayRecords(some, await open(log("records.file", file(at("deliveries.jsonl"))), full));
  assert.deepEqual(await idsIn("deliveries.jsonl"), ids);
  const none = store();
  await replayRecords(none, await open(full));
  assert.equal(none.left.length, 1_500);
});

test("logs: without any file nothing is kept for the store", async (t) => {
  const { open, done } = await lab(t);
  const logs = await open(
    log("logs.gone", { kind: "program", command: "cat > /dev/null", retryMs: 1, writeTimeoutMs: 1_000 }),
  );
  logs.observe(attempt("a"));
  assert.deepEqual(done, ["a"]);
});

test("logs: JSON records that cannot be written keep the relay from starting; other logs do not", async (t) => {
  const { at, open, events } = await lab(t);
  await writeFile(at("in-the-way"), "");
  const nowhere = file(at("in-the-way/a.log"));
  await assert.rejects(open(log("records.file", nowhere, { from: "records" })), /ENOTDIR|EEXIST/);
  events.length = 0;
  const records = log("records.file", file(at("deliveries.jsonl")), { from: "records" });
  const logs = await open(records, log("logs.maillog", nowhere, { format: postfix }), log("logs.json", nowhere));
  await logs.flush();
  assert.match(toldIn(events).join("; "), /^trouble: (ENOTDIR|EEXIST)[^;]*; trouble: (ENOTDIR|EEXIST)/);
});

test("logs: a collector that answers nothing does not hold up the start", async (t) => {
  const silent = createServer((socket) => void t.after(() => socket.destroy())).listen(0, "127.0.0.1");
  t.after(() => silent.close());
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const { at, open } = await lab(t);
  const to = { kind: "tls", host: "127.0.0.1", port, authorities: undefined } as const;
  const started = performance.now();
  await open(
    log("records.file", file(at("deliveries.jsonl")), { from: "records" }),
    log("logs.away", { kind: "syslog", to, protocol: "rfc5424", facility: "mail" }),
  );
  assert.ok(performance.now() - started < 2_000, "TLS is given ten seconds");
});

test("logs: a bug in a renderer costs its lines, told once and counted, and nothing else", async (t) => {
  const { at, open, events, idsIn } = await lab(t);
  const wants = (): boolean => {
    throw new Error("a bug");
  };
  const logs = await open(
    log("acct-file", file(at("acct.csv")), { format: { ...accounting(["rcpt"]), wants } }),
    log("records.file", file(at("deliveries.jsonl"))),
  );
  for (const id of ["a", "b", "c"]) logs.observe(attempt(id));
  await logs.flush();
  assert.deepEqual(await idsIn("deliveries.jsonl"), ["a", "b", "c"]);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["log-lines-lost", "trouble"],
  );
  assert.match(toldIn(events)[1] ?? "", /a bug/);
});

test("logs: a reload keeps what stays, ends what goes, begins what is new, and loses no record", async (t) => {
  const { at, open, done, idsIn, events } = await lab(t);
  const records = log("records.file", file(at("deliveries.jsonl")));
  const logs = await open(records, log("logs.old", file(at("old.jsonl"))));
  logs.observe(attempt("a"));
  const replaced = logs.replace([records, log("logs.new", file(at("new.jsonl")))]);
  logs.observe(attempt("b"));
  await replaced;
  assert.equal(await logs.flush(), 0);
  assert.deepEqual(
    [await idsIn("deliveries.jsonl"), await idsIn("old.jsonl"), await idsIn("new.jsonl")],
    [["a", "b"], ["a"], ["b"]],
  );
  assert.deepEqual(done, ["a", "b"]);
  assert.deepEqual(
    [...logs.counts()],
    [
      ["logs.old", 1],
      ["records.file", 2],
      ["logs.new", 1],
    ],
  );
  assert.deepEqual(events, []);
});

test("logs: a reload that changes an accounting file's columns begins a new one; one that changes where it is moved goes on", async (t) => {
  const { at, open } = await lab(t);
  await mkdir(at("pmta"));
  const numbered = (moveTo: string | undefined): LogTarget => ({
    kind: "numbered-files",
    path: at("pmta/acct.csv"),
    moveTo,
    intervalMs: undefined,
    maxBytes: 1e9,
    deleteAfterMs: undefined,
    worldReadable: false,
    countMoved: false,
    sync: false,
  });
  const define = (columns: readonly string[], moveTo?: string): LogDefinition =>
    log("acct-file", numbered(moveTo), { format: accounting(columns) });
  const logs = await open(define(["rcpt"]));
  logs.observe(attempt("a"));
  await logs.replace([define(["rcpt"])]); // other functions, the same file
  logs.observe(attempt("b"));
  await logs.replace([define(["rcpt"], at("pmta/done"))]);
  logs.observe(attempt("c"));
  await logs.flush();
  await logs.replace([define(["rcpt", "orig"], at("pmta/done"))]);
  logs.observe(attempt("d"));
  await logs.flush();
  const texts = async (folder: string): Promise<string[]> => {
    const names = (await readdir(at(folder))).filter((name) => name.endsWith(".csv")).sort();
    return Promise.all(names.map((name) => readFile(at(`${folder}/${name}`), "utf8")));
  };
  const row = "d,bob@example.net\r\n";
  assert.deepEqual(await texts("pmta/done"), [`type,rcpt\r\n${row.repeat(3)}`]);
  assert.deepEqual(await texts("pmta"), ["type,rcpt,orig\r\nd,bob@example.net,alice@example.com\r\n"]);
  await eventually(() => logs.counts().get("acct-file") === 4, "four rows");
});
