import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { Mailbox } from "../mail/address.ts";
import type { AttemptRecord } from "../mail/attempt.ts";
import { sampleAttempt, sampleRefusal } from "../mail/attempt-sample.ts";
import type { Body } from "../mail/body.ts";
import { domain } from "../mail/domain.ts";
import type { EnvelopeSender } from "../mail/envelope.ts";
import { type ComposedNotice, composeNotice } from "./compose.ts";
import type { NoticeInput } from "./notice-input.ts";
import type { NoticeCandidate } from "./notices.ts";

const at = Date.UTC(2026, 10, 21, 12);

function mailbox(text: string): Mailbox {
  return { text, localPart: text.split("@")[0] ?? "", host: { kind: "domain", domain: domain("example.com") } };
}

const bounced: AttemptRecord = {
  ...sampleAttempt,
  event: "failed",
  reply: { code: 550, enhanced: "5.1.1", text: "no such user" },
  status: "5.1.1",
};

function about(record: AttemptRecord, to = "bob@example.net", orcpt?: string): NoticeCandidate {
  const recipient = { mailbox: mailbox(to), notify: undefined, orcpt };
  return { recipient, record, dsnPassedOn: false, delayDue: false };
}

const plainSender: EnvelopeSender = {
  mailbox: mailbox("alice@example.com"),
  body: "7bit",
  smtputf8: false,
  ret: undefined,
  envid: undefined,
};

function memory(text: string): Body {
  const bytes = Buffer.from(text, "latin1");
  return { kind: "memory", sizeBytes: bytes.length, chunks: [bytes.subarray(0, 10), bytes.subarray(10)] };
}

const original = "Received: from client.example.com\r\nSubject: hello\r\n\r\nThe body.\r\n";

type Change = Partial<Omit<NoticeInput, "mail">> & { sender?: Partial<EnvelopeSender>; body?: Body };

function input({ sender, body, ...change }: Change = {}): NoticeInput {
  return {
    plan: { action: "failed", recipients: [about(bounced)] },
    mail: {
      id: "01KD8W7F3N",
      sender: { ...plainSender, ...sender },
      body: body ?? memory(original),
      facts: { has8bit: false, hasUtf8Header: false, receivedCount: 1, endsWithCrlf: true },
      arrivedAt: at - 3_600_000,
      expiresAt: at + 86_400_000,
    },
    hostname: "relay.example.com",
    id: "01KD8W9ZZZ",
    now: at,
    maxReturnedBytes: 10_000,
    ...change,
  };
}

/** A reader of our own, strict where a lenient one would hide a mistake. */
type Part = Readonly<{ header: Map<string, string>; content: string }>;

function readPart(text: string): Part {
  const end = text.indexOf("\r\n\r\n");
  assert.notEqual(end, -1, "a header ends with an empty line");
  return { header: readFields(text.slice(0, end)), content: text.slice(end + 4) };
}

function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.replaceAll(/\r\n[ \t]/g, " ").split("\r\n")) {
    const [, name = "", value = ""] = /^([!-9;-~]+): (.*)$/su.exec(line) ?? assert.fail(`no field: ${line}`);
    assert.ok(!fields.has(name.toLowerCase()), `${name} twice`);
    fields.set(name.toLowerCase(), value);
  }
  return fields;
}

function decodePart({ header, content }: Part): string {
  const encoding = header.get("content-transfer-encoding");
  if (encoding === "base64") return Buffer.from(content, "base64").toString("latin1");
  if (encoding !== "quoted-printable") return content;
  return content
    .replaceAll("=\r\n", "")
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

type Report = Readonly<{ top: Part; parts: readonly Part[]; fields: readonly Map<string, string>[]; text: string }>;

function readReport(notice: ComposedNotice): Report {
  const bytes = Buffer.concat(notice.body.chunks);
  assert.equal(bytes.length, notice.body.sizeBytes);
  const raw = bytes.toString("latin1");
  assert.doesNotMatch(raw, /[^\r]\n|\r[^\n]/, "every line ends in CR LF");
  for (const line of raw.split("\r\n")) assert.ok(line.length <= 998, "no line over 998 octets");
  const top = readPart(raw);
  const [, boundary = ""] = /boundary="([^"]+)"/.exec(top.header.get("content-type") ?? "") ?? [];
  const [preamble, ...rest] = top.content.split(`--${boundary}`);
  assert.equal(preamble, "");
  assert.equal(rest.pop()?.trim(), "--");
  const parts = rest.map((text) => readPart(text.replace(/^\r\n/, "").replace(/\r\n$/, "")));
  assert.equal(parts.length, 3);
  const [human, status] = parts;
  assert.ok(human !== undefined && status !== undefined);
  const groups = decodePart(status)
    .replace(/(?:\r\n)+$/, "")
    .split("\r\n\r\n");
  return { top, parts, fields: groups.map(readFields), text: decodePart(human) };
}

async function report(change?: Change): Promise<Report> {
  return readReport(await composeNotice(input(change)));
}

test("DS-6 notice: null reverse-path, NOTIFY=NEVER, no RET, to the sender", async () => {
  const { sender, recipients, facts } = await composeNotice(input());
  assert.deepEqual(sender, { mailbox: undefined, body: "7bit", smtputf8: false, ret: undefined, envid: undefined });
  assert.equal(recipients.length, 1);
  assert.equal(recipients[0].mailbox.text, "alice@example.com");
  assert.equal(recipients[0].notify, "never");
  assert.equal(facts.has8bit, false);
});

test("DS-7 notice: multipart/report of text, delivery-status and headers", async () => {
  const { top, parts } = await report();
  assert.match(top.header.get("content-type") ?? "", /^multipart\/report; report-type=delivery-status;/);
  assert.equal(top.header.get("from"), "Mail Delivery System <MAILER-DAEMON@relay.example.com>");
  assert.equal(top.header.get("to"), "alice@example.com");
  assert.equal(top.header.get("message-id"), "<01KD8W9ZZZ@relay.example.com>");
  assert.equal(top.header.get("date"), "Sat, 21 Nov 2026 12:00:00 +0000");
  assert.equal(top.header.get("auto-submitted"), "auto-replied");
  assert.equal(top.header.get("mime-version"), "1.0");
  assert.equal(top.header.size, 8, [...top.header.keys()].join());
  assert.deepEqual(
    parts.map(({ header }) => header.get("content-type")),
    ["text/plain; charset=utf-8", "message/delivery-status", "text/rfc822-headers"],
  );
  assert.equal(parts[2]?.content, "Received: from client.example.com\r\nSubject: hello\r\n");
});

test("DS-8 notice: the fields of message and recipients", async () => {
  const { fields } = await report({
    sender: { envid: "QQ+2B1" },
    plan: {
      action: "failed",
      recipients: [about(bounced, "bob@example.net", "rfc822;b+2Bob@example.org"), about(bounced)],
    },
  });
  assert.equal(fields.length, 3);
  assert.deepEqual(Object.fromEntries(fields[0] ?? []), {
    "reporting-mta": "dns; relay.example.com",
    "original-envelope-id": "QQ+1",
    "arrival-date": "Sat, 21 Nov 2026 11:00:00 +0000",
  });
  assert.deepEqual(Object.fromEntries(fields[1] ?? []), {
    "original-recipient": "rfc822;b+ob@example.org",
    "final-recipient": "rfc822;bob@example.net",
    action: "failed",
    status: "5.1.1",
    "remote-mta": "dns; mx.example.net",
    "diagnostic-code": "smtp; 550 5.1.1 no such user",
    "last-attempt-date": "Sat, 21 Nov 2026 12:00:00 +0000",
  });
  assert.ok(!fields[2]?.has("original-recipient"));
});

test("DS-8 notice: a delay says until when it is tried", async () => {
  const deferred = { ...sampleRefusal, error: "connection timed out", tls: null, reasons: [], status: "4.4.1" };
  const { fields, text, top } = await report({ plan: { action: "delayed", recipients: [about(deferred)] } });
  assert.equal(fields[1]?.get("action"), "delayed");
  assert.equal(fields[1]?.get("will-retry-until"), "Sun, 22 Nov 2026 12:00:00 +0000");
  assert.equal(fields[1]?.get("diagnostic-code"), "x-letterlock; connection timed out");
  assert.match(text, /Attempts go on until Sun, 22 Nov 2026 12:00:00 \+0000/);
  assert.match(top.header.get("subject") ?? "", /delayed/);
});

test("DS-3 notice: relayed", async () => {
  const { fields, text } = await report({ plan: { action: "relayed", recipients: [about(sampleAttempt)] } });
  assert.equal(fields[1]?.get("action"), "relayed");
  assert.equal(fields[1]?.get("status"), "2.0.0");
  assert.match(text, /passed on to mx\.example\.net\[192\.0\.2\.7\]/);
});

test("DS-9 notice: a TLS policy failure names level, rule, host, step and since when", async () => {
  const { text } = await report({
    plan: { action: "failed", recipients: [about({ ...sampleRefusal, event: "expired" })] },
  });
  const flat = text.replaceAll(/\r\n */g, " ");
  assert.match(flat, /The connection to mx\.example\.net\[192\.0\.2\.7\] was not secure enough/);
  assert.match(flat, /Required: TLS level "verify" \(local policy, rule letterlock\.yaml:14\)/);
  assert.match(flat, /Failed: the certificate chain is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT/);
  assert.match(flat, /Tried since Sat, 21 Nov 2026 11:00:00 \+0000/);
  assert.doesNotMatch(flat, /\/etc\//);
});

test("DS-9 notice: an untrusted certificate at level may is not why mail failed", async () => {
  const tls = sampleRefusal.tls === null ? null : { ...sampleRefusal.tls, required: "may" };
  const lost: AttemptRecord = { ...sampleRefusal, tls, event: "expired", error: "lost connection", status: "4.4.2" };
  const { text } = await report({ plan: { action: "failed", recipients: [about(lost)] } });
  assert.match(text, /lost connection/);
  assert.doesNotMatch(text, /not secure enough/);
});

test("DS-7 notice: RET=FULL returns every byte, up to the limit", async () => {
  const full = await report({ sender: { ret: "full" } });
  assert.equal(full.parts[2]?.header.get("content-type"), "message/rfc822");
  assert.equal(full.parts[2]?.content, original);
  const cut = await report({ sender: { ret: "full" }, maxReturnedBytes: 20 });
  assert.equal(cut.parts[2]?.header.get("content-type"), "text/rfc822-headers");
  assert.doesNotMatch(cut.parts[2]?.content ?? "", /The body/);
});

test("notice: 8-bit content is labelled 8bit in full, encoded in headers", async () => {
  const body = memory("Subject: caf\u00e9\r\n\r\n\u00fc\r\n");
  const full = await composeNotice(input({ sender: { ret: "full" }, body }));
  assert.equal(full.facts.has8bit, true);
  assert.equal(full.sender.body, "8bitmime");
  const headers = await composeNotice(input({ body }));
  assert.equal(headers.facts.has8bit, false);
  const [, , part] = readReport(headers).parts;
  assert.ok(part !== undefined);
  assert.equal(part.header.get("content-transfer-encoding"), "quoted-printable");
  assert.equal(decodePart(part), "Subject: caf\u00e9\r\n");
});

test("notice: the header section is read from a spool file, cut at 64 KiB on a line's end", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "dsn-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "body");
  const line = `X-Long: ${"y".repeat(90)}\r\n`;
  const text = line.repeat(2000);
  await writeFile(file, text);
  const { parts } = await report({ body: { kind: "file", sizeBytes: text.length, path: file } });
  const returned = `${parts[2]?.content}`;
  assert.ok(returned.length > 60_000 && returned.length <= 65_536, String(returned.length));
  assert.ok(
    returned
      .split("\r\n")
      .slice(0, -1)
      .every((one) => `${one}\r\n` === line),
  );
});

test("notice: a spool file that is gone does not stop the notice", async () => {
  const body: Body = { kind: "file", sizeBytes: 100, path: "/nonexistent/letterlock/body" };
  for (const ret of ["full", "hdrs"] as const) {
    const { parts, text } = await report({ body, sender: { ret } });
    assert.equal(parts[2]?.content, "");
    assert.match(text, /no such user/);
  }
});

test("notice: a message without any header returns nothing of its body", async () => {
  const { parts } = await report({ body: memory("\r\nonly a body\r\n") });
  assert.equal(parts[2]?.content, "");
});

test("EX-15 notice: SMTPUTF8 gives utf-8 addresses, and needs SMTPUTF8 only for a UTF-8 sender", async () => {
  const utf8 = { sender: { smtputf8: true, mailbox: mailbox("d\u00f6rte@example.com") } };
  const recipients = [about(bounced, "j\u00f6rg@example.net", "utf-8;j\\x{F6}rg@example.net")];
  const notice = await composeNotice(input({ ...utf8, plan: { action: "failed", recipients } }));
  assert.equal(notice.sender.smtputf8, true);
  const { parts, fields, top } = readReport(notice);
  assert.equal(Buffer.from(top.header.get("to") ?? "", "latin1").toString("utf8"), "d\u00f6rte@example.com");
  assert.deepEqual(
    parts.slice(1).map(({ header }) => header.get("content-type")),
    ["message/global-delivery-status", "message/global-headers"],
  );
  const utf8Of = (name: string) => Buffer.from(fields[1]?.get(name) ?? "", "latin1").toString("utf8");
  assert.equal(utf8Of("final-recipient"), "utf-8;j\u00f6rg@example.net");
  assert.equal(utf8Of("original-recipient"), "utf-8;j\u00f6rg@example.net");

  const ascii = await composeNotice(input({ sender: { smtputf8: true }, plan: { action: "failed", recipients } }));
  assert.equal(ascii.sender.smtputf8, false);
  assert.equal(ascii.facts.has8bit, false);
  assert.match(Buffer.concat(ascii.body.chunks).toString("latin1"), /^\p{ASCII}*$/u);
});

test("notice: about a null sender is a bug", async () => {
  await assert.rejects(composeNotice(input({ sender: { mailbox: undefined } })), /has no sender/);
});

test("AT-28 DS-10 notice: hostile text makes no field, part or line of its own", async () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary", maxLength: 2000 }),
    fc.constant('x\r\nBcc: eve@example.com\r\n\r\n----_NmP\r\nContent-Type: text/html\x1b[2J\0"'),
  );
  const localPart = fc.string({ minLength: 1, maxLength: 64 }).filter((text) => /^[!-~ ]+$/.test(text));
  await fc.assert(
    fc.asyncProperty(hostile, hostile, localPart, async (one, two, local) => {
      const quoted = `"${local.replaceAll(/["\\]/g, "\\$&")}"@example.com`;
      const evil: AttemptRecord = {
        ...sampleRefusal,
        event: "failed",
        error: one,
        reasons: [{ code: "chain-untrusted", text: two, rfc: "" }],
      };
      const replied: AttemptRecord = { ...bounced, reply: { code: 550, enhanced: null, text: one }, mx: two };
      const recipients = [about(evil, quoted, one), about(replied, "bob@example.net", `rfc822;${two}`)];
      const { top, fields, text } = await report({
        sender: { envid: two, mailbox: mailbox(quoted) },
        plan: { action: "failed", recipients },
      });
      assert.equal(top.header.size, 8);
      assert.equal(fields.length, 3);
      assert.match(text, /^[\x20-\x7e\r\n]*$/);
      const known =
        /^(?:original-recipient|final-recipient|action|status|remote-mta|diagnostic-code|last-attempt-date)$/;
      for (const group of fields.slice(1)) for (const name of group.keys()) assert.match(name, known);
      for (const line of text.split("\r\n")) assert.ok(line.length <= 640, line);
    }),
    { numRuns: 60 },
  );
});
