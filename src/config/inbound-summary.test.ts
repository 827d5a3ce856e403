import assert from "node:assert/strict";
import { test } from "node:test";
import { summarizeInbound } from "./inbound-summary.ts";
import { loadSettings } from "./load.ts";
import { textFiles } from "./text-files.ts";

const now = Date.parse("2026-06-01T00:00:00Z");

function summary(text: string): readonly string[] {
  const { settings, problems } = loadSettings({
    path: "x.yaml",
    text,
    reader: textFiles({}),
    now,
    machine: { hostname: "mx.example.com", processors: 1 },
  });
  assert.ok(settings !== undefined, JSON.stringify(problems));
  return summarizeInbound(settings, now);
}

test("summary: listeners with what a client like any other meets there", () => {
  const text = `listeners:
  - { name: mx, address: 127.0.0.1:25, client-certificate: ask, client-ca: system }
  - { address: "[::1]:465", tls: implicit, auth: in-tls, auth-required: true, relay: true }
  - { name: clear, address: 127.0.0.1:26, tls: none, auth: also-in-clear }
  - { name: strict, address: 127.0.0.1:27, client-certificate: require, client-ca: system, auth: plain-only-in-tls }
inbound-rules:
  - { listeners: mx, starttls: require }
`;
  assert.deepEqual(summary(text), [
    "listener mx 127.0.0.1:25: STARTTLS required, client certificates asked for, a self-made certificate (x.yaml:2)",
    "listener [::1]:465: TLS from the first octet, AUTH in TLS, no mail before AUTH, relays for everybody, a self-made certificate (x.yaml:3)",
    "listener clear 127.0.0.1:26: no TLS, AUTH also in clear text (x.yaml:4)",
    "listener strict 127.0.0.1:27: STARTTLS offered, trusted client certificates required, AUTH, with PLAIN and LOGIN in TLS, a self-made certificate (x.yaml:5)",
    "inbound rule 1: listeners mx: sets starttls (x.yaml:7)",
  ]);
});

test("summary: inbound rules, the first twenty of them", () => {
  const rules = Array.from(
    { length: 22 },
    (_, at) => `  - { clients: 192.0.2.${at}, require-tls: encrypted, mode: monitor }\n`,
  );
  const lines = summary(`inbound-rules:\n${rules.join("")}`);
  assert.equal(lines[2], "inbound rule 1: clients 192.0.2.0/32: TLS encrypted, monitored (x.yaml:2)");
  assert.deepEqual([lines.length, lines.at(-1)], [23, "2 inbound rules more"]);
});
