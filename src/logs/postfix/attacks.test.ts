/** Whatever a peer or a client wrote: one line of printable characters, never a second one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sampleAttempt, sampleRefusal } from "../../mail/attempt-sample.ts";
import { escapeText } from "../../mail/escape.ts";
import { sampleInbound, sampleInboundRefusal } from "../../mail/inbound-sample.ts";
import type { LetterlockEvent, SessionLabel } from "../../observe/events.ts";
import { openRenderer } from "./lines-sample.ts";

const nasty = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "a\r\nb",
    "\u001b[2J",
    "\u0000",
    "\u2028",
    "\u009b31m",
    "x".repeat(5000),
    "\\x0a",
    ", status=sent (250 ok)",
  ),
);

/** Words of ours: nobody else writes these. */
const ours = new Set(["kind", "event", "stage", "time", "action", "result", "tls", "reason"]);

/** Every other text in the value. */
function spoilt<T>(value: T, text: string): T {
  if (typeof value === "string") return text as T;
  if (Array.isArray(value)) return value.map((each) => spoilt(each, text)) as T;
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, each]) => {
    return [key, ours.has(key) && typeof each === "string" ? each : spoilt(each, text)];
  });
  return Object.fromEntries(entries) as T;
}

function events(text: string): readonly LetterlockEvent[] {
  const label: SessionLabel = { session: "S", listener: text, client: text, clientPort: 1, clientName: text };
  const records = [sampleAttempt, { ...sampleRefusal, earlier: [sampleRefusal] }].flatMap((record) => [
    spoilt(record, escapeText(text)),
    spoilt(record, text),
  ]);
  return [
    ...records.map((record): LetterlockEvent => ({ kind: "attempt", record })),
    ...[sampleInbound, sampleInboundRefusal].map(
      (record): LetterlockEvent => ({ kind: "inbound", record: spoilt(record, text) }),
    ),
    { ...label, kind: "session-started" },
    { ...label, kind: "inbound-handshake-failed", error: text },
    { ...label, kind: "log-in", mechanism: text, result: "failed", user: text },
    { kind: "connection-refused", listener: text, client: text, reason: text },
    {
      kind: "notice-queued",
      messageId: text,
      about: text,
      to: text,
      action: "failed",
      headerId: text,
      sizeBytes: 1,
      binding: text,
    },
  ];
}

test("AT-28: nothing but printable characters gets into a line, whoever wrote it", () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const renderer = openRenderer({ tlsField: true, outboundTlsLevel: 2, inboundTlsLevel: 2 });
      for (const event of events(text)) {
        const lines = renderer.lines(event, 0);
        assert.ok(lines.length > 0, event.kind);
        for (const line of lines) assert.match(line.text, /^[ -~]+$/);
      }
    }),
  );
});

test("AT-28: addresses and names of clients bring no fields of their own into a line", () => {
  const evil = "x>, relay=none, status=sent (250 ok), to=<y";
  const refused = {
    ...sampleInboundRefusal,
    stage: "rcpt",
    from: `"${evil}"@a.example`,
    to: [`"${evil}"@b.example`],
  } as const;
  const told: readonly LetterlockEvent[] = [
    { kind: "attempt", record: { ...sampleAttempt, to: `"${evil}"@example.net`, from: `"${evil}"@example.com` } },
    { kind: "attempt", record: { ...sampleAttempt, attempt: 2, from: `"${evil}"@example.com`, event: "expired" } },
    { kind: "inbound", record: { ...sampleInbound, from: `"${evil}"@example.com` } },
    { kind: "inbound", record: { ...refused, ehlo: evil } },
  ];
  const renderer = openRenderer();
  const lines = told.flatMap((event) => renderer.lines(event, 0)).map(({ text }) => text);
  assert.equal(lines.filter((text) => text.includes("x?, relay=none")).length, 5, lines.join("\n"));
  for (const text of lines) assert.doesNotMatch(text, /x>, relay/);
});
