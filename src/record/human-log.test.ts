import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { sampleAttempt, sampleRefusal } from "../mail/attempt-sample.ts";
import { sampleInbound, sampleInboundRefusal, sampleInboundTls } from "../mail/inbound-sample.ts";
import { sampleLabel } from "../observe/event-sample.ts";
import type { LetterlockEvent } from "../observe/events.ts";
import { describeEvent, levelOf } from "./human-lines.ts";
import { createHumanLog } from "./human-log.ts";

const rows: readonly [name: string, event: LetterlockEvent, want: string][] = [
  [
    "delivered",
    { kind: "attempt", record: sampleAttempt },
    "delivered id=01KD8W7F3N to=<bob@example.net> from=<alice@example.com> mx=mx.example.net[192.0.2.7]:25 " +
      "tls=verified TLSv1.3 TLS_AES_256_GCM_SHA384 X25519MLKEM768 required=verify rule=letterlock.yaml:14 " +
      'status=2.0.0 reply="250 2.0.0 Ok: queued as 4F2A" attempt=1 binding=default age=0.3s duration=240ms',
  ],
  [
    "deferred by a TLS check",
    { kind: "attempt", record: sampleRefusal },
    "deferred id=01KD8W7F3N to=<bob@example.net> from=<alice@example.com> mx=mx.example.net[192.0.2.7]:25 " +
      "tls=encrypted TLSv1.3 TLS_AES_256_GCM_SHA384 X25519MLKEM768 required=verify rule=letterlock.yaml:14 " +
      'status=4.7.5 error="server certificate of mx.example.net[192.0.2.7] not accepted: certificate not trusted" ' +
      "attempt=1 binding=default age=0.3s duration=240ms",
  ],
  [
    "routing failed",
    {
      kind: "attempt",
      record: { ...sampleRefusal, event: "failed", mx: null, address: null, tls: null, rule: null, error: "null MX" },
    },
    "failed id=01KD8W7F3N to=<bob@example.net> from=<alice@example.com> mx=none tls=none required=undecided " +
      'rule=none status=4.7.5 error="null MX" attempt=1 binding=default age=0.3s duration=240ms',
  ],
  [
    "a default of another mail server, which stands on no line",
    {
      kind: "attempt",
      record: {
        ...sampleRefusal,
        mx: null,
        address: null,
        tls: null,
        rule: { source: "s", file: "/m/a.mc", line: null },
      },
    },
    "deferred id=01KD8W7F3N to=<bob@example.net> from=<alice@example.com> mx=none tls=none required=undecided " +
      'rule=a.mc status=4.7.5 error="server certificate of mx.example.net[192.0.2.7] not accepted: certificate not ' +
      'trusted" attempt=1 binding=default age=0.3s duration=240ms',
  ],
  [
    "accepted from a partner",
    { kind: "inbound", record: sampleInbound },
    "accepted id=01KD8W7F3N from=<bob@example.net> recipients=1 size=5120 client=mail.example.net[192.0.2.7] " +
      "listener=mx binding=default tls=matched TLSv1.3 TLS_AES_256_GCM_SHA384 X25519MLKEM768 required=matching " +
      "rule=letterlock.yaml:21",
  ],
  [
    "accepted from a user, under monitor",
    {
      kind: "inbound",
      record: {
        ...sampleInbound,
        clientName: null,
        user: 'al"ice',
        by: "PLAIN",
        relay: "user",
        rule: null,
        tls: { ...sampleInboundTls, group: null, monitor: "would-fail" },
      },
    },
    "accepted id=01KD8W7F3N from=<bob@example.net> recipients=1 size=5120 client=192.0.2.7 listener=mx " +
      "binding=default tls=matched TLSv1.3 TLS_AES_256_GCM_SHA384 required=matching monitor=would-fail " +
      'user="al\'ice" by=PLAIN relay=user',
  ],
  [
    "a sender refused in clear",
    { kind: "inbound", record: sampleInboundRefusal },
    "refused at mail reason=policy from=<bob@example.net> client=mail.example.net[192.0.2.7] listener=mx tls=none " +
      'required=encrypted rule=letterlock.yaml:21 reply="550 5.7.10 TLS is required for this mail: issue STARTTLS first"',
  ],
  [
    "a recipient refused",
    {
      kind: "inbound",
      record: { ...sampleInboundRefusal, stage: "rcpt", reason: "relay", to: ["a@example.org"], rule: null },
    },
    "refused at rcpt reason=relay from=<bob@example.net> to=<a@example.org> client=mail.example.net[192.0.2.7] " +
      'listener=mx tls=none required=encrypted reply="550 5.7.10 TLS is required for this mail: issue STARTTLS first"',
  ],
  [
    "a log-in, raw text escaped",
    { kind: "log-in", ...sampleLabel, mechanism: "PLAIN", result: "ok", user: 'a\x1b[2J"' },
    'log-in ok client=192.0.2.9 listener=smtp by=PLAIN user="a\\x1b[2J\'"',
  ],
];

for (const [name, event, want] of rows) test(`log line: ${name}`, () => assert.equal(describeEvent(event), want));

test("log levels: commits are counted only, failures warn, trouble is an error", () => {
  assert.equal(levelOf({ kind: "commit", operations: 1, seconds: 0.001 }), undefined);
  assert.equal(levelOf({ kind: "attempt", record: sampleAttempt }), "info");
  assert.equal(levelOf({ kind: "attempt", record: { ...sampleAttempt, event: "expired" } }), "warn");
  assert.equal(levelOf({ kind: "trouble", where: "x", error: "y" }), "error");
  const logIn = { kind: "log-in", ...sampleLabel, mechanism: "PLAIN", user: "a" } as const;
  assert.equal(levelOf({ ...logIn, result: "ok" }), "info");
  assert.equal(levelOf({ ...logIn, result: "failed" }), undefined);
});

test("AT-28 log line: one event is one line of printable ASCII", () => {
  const text = fc.string({ unit: "binary", maxLength: 900 });
  fc.assert(
    fc.property(text, text, text, (one, two, three) => {
      const events: LetterlockEvent[] = [
        {
          kind: "session-ended",
          ...sampleLabel,
          commands: {},
          lastCommand: two,
          ehlo: one,
          tls: two,
          messages: 1,
          refusals: 0,
          reason: three,
          durationMs: 5,
        },
        { kind: "log-in", ...sampleLabel, client: one, mechanism: "PLAIN", result: "ok", user: two },
        { kind: "inbound-handshake-failed", ...sampleLabel, client: one, error: two },
        { kind: "session-started", ...sampleLabel, client: one, clientName: two },
        { kind: "connection-refused", listener: "smtp", client: one, reason: two },
        {
          kind: "notice-queued",
          messageId: "M",
          about: "N",
          to: one,
          action: "failed",
          headerId: one,
          sizeBytes: 1,
          binding: one,
        },
        { kind: "configuration-rejected", problems: [one, two] },
        { kind: "outbound-handshake", host: "h", address: "192.0.2.1", protocol: null, error: one, durationMs: 1 },
        { kind: "trouble", where: "here", error: three },
      ];
      for (const event of events) assert.match(describeEvent(event), /^[\x20-\x7e]+$/);
    }),
    { numRuns: 60 },
  );
});

async function logTo(t: TestContext, format: "json" | "pretty", level: "info" | "warn"): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "log-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "log");
  const fd = openSync(file, "a");
  const log = createHumanLog({ level, format, name: "worker 2", fd });
  log.observe({ kind: "attempt", record: sampleAttempt });
  log.observe({ kind: "commit", operations: 3, seconds: 0.001 });
  log.observe({ kind: "trouble", where: "spool", error: "no space" });
  await log.close();
  closeSync(fd);
  return readFile(file, "utf8");
}

test("log: JSON lines carry process, event and the sentence", async (t) => {
  const lines = (await logTo(t, "json", "info")).trimEnd().split("\n");
  assert.equal(lines.length, 2);
  const { level, name, event, msg } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.deepEqual({ level, name, event }, { level: 30, name: "worker 2", event: "attempt" });
  assert.match(String(msg), /^delivered id=01KD8W7F3N to=<bob@example.net>/);
});

test("log: pretty lines are one line each, without colour where no terminal is", async (t) => {
  const lines = (await logTo(t, "pretty", "info")).trimEnd().split("\n");
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO \(worker 2\): delivered id=/);
});

test("log: below the level nothing is written", async (t) => {
  assert.match(await logTo(t, "json", "warn"), /^\{"level":50.*spool: no space"\}\n$/);
});

for (const [format, want] of [
  ["json", /"msg":"stopping: about to crash"\}\n$/],
  ["pretty", /stopping: about to crash\n$/],
] as const) {
  test(`log: no ${format} line is lost when the process crashes`, async () => {
    const program = `
      import { createHumanLog } from ${JSON.stringify(new URL("./human-log.ts", import.meta.url).href)};
      const log = createHumanLog({ level: "info", format: "${format}", name: "test" });
      log.observe({ kind: "stopping", reason: "about to crash" });
      throw new Error("crash");
    `;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [code] = await once(child, "close");
    assert.equal(code, 1);
    assert.match(Buffer.concat(chunks).toString(), want);
  });
}

for (const format of ["json", "pretty"] as const) {
  test(`log: a ${format} log on a full disk does not end the process`, async (t) => {
    const program = `
      import { createHumanLog } from ${JSON.stringify(new URL("./human-log.ts", import.meta.url).href)};
      const log = createHumanLog({ level: "info", format: "${format}", name: "test" });
      for (let number = 0; number < 200; number += 1) {
        log.observe({ kind: "stopping", reason: "x".repeat(400) });
        await new Promise((resolve) => setImmediate(resolve));
      }
      await log.close();
      log.observe({ kind: "stopping", reason: "still here" });
      process.stderr.write("alive");
    `;
    const full = openSync("/dev/full", "w");
    t.after(() => closeSync(full));
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      stdio: ["ignore", full, "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [code] = await once(child, "close");
    assert.equal(Buffer.concat(chunks).toString(), "alive");
    assert.equal(code, 0);
  });
}
