import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogTarget } from "../../mail/log-definition.ts";
import type { LogLine } from "../log-renderer.ts";
import { syslogMessage } from "./syslog-message.ts";

type Target = Extract<LogTarget, Readonly<{ kind: "syslog" }>>;

const tools = { hostname: "mail.example.com", pid: 123 };
const time = new Date(2026, 10, 22, 8, 30, 47).getTime();
const iso = new Date(time).toISOString();
const base: Target = {
  kind: "syslog",
  to: { kind: "socket", path: "/dev/log" },
  protocol: "rfc3164",
  facility: "mail",
};
const udp = { kind: "udp", host: "logs.example", port: 514 } as const;

const rows: readonly [name: string, target: Partial<Target>, line: Partial<LogLine>, want: string][] = [
  ["RFC 3164 to a socket of this machine: no host", {}, {}, "<22>Nov 22 08:30:47 postfix/smtp[123]: text"],
  ["RFC 3164 to a server", { to: udp }, {}, "<22>Nov 22 08:30:47 mail.example.com postfix/smtp[123]: text"],
  ["RFC 5424", { protocol: "rfc5424" }, {}, `<22>1 ${iso} mail.example.com postfix/smtp 123 - - text`],
  [
    "RFC 5424: no name of a program is longer than 48",
    { protocol: "rfc5424" },
    { program: `${"x".repeat(48)}/cleanup` },
    `<22>1 ${iso} mail.example.com ${"x".repeat(48)} 123 - - text`,
  ],
  ["severity", {}, { severity: "warning" }, "<20>Nov 22 08:30:47 postfix/smtp[123]: text"],
  ["facility", { facility: "local3" }, { severity: "error" }, "<155>Nov 22 08:30:47 postfix/smtp[123]: text"],
];

for (const [name, target, line, want] of rows) {
  test(`syslog message: ${name}`, () => {
    const message = syslogMessage({ ...base, ...target }, tools);
    assert.equal(message({ text: "text", program: "postfix/smtp", time, ...line }), want);
  });
}

test("syslog message: what names no program speaks as letterlock", () => {
  assert.equal(syslogMessage(base, tools)({ text: "{}", time }), "<22>Nov 22 08:30:47 letterlock[123]: {}");
});

const limits: readonly [name: string, target: Partial<Target>, most: number][] = [
  ["RFC 3164 over UDP", { to: udp }, 1024],
  ["RFC 5424 over UDP", { to: udp, protocol: "rfc5424" }, 2048],
  ["TCP", { to: { ...udp, kind: "tcp" }, protocol: "rfc5424" }, 8096],
  ["the socket", {}, 8096],
];

for (const [name, target, most] of limits) {
  test(`syslog message: cut between characters, ${most} bytes: ${name}`, () => {
    const message = syslogMessage({ ...base, ...target }, tools);
    for (const text of ["x".repeat(9000), "ü€😀".repeat(2000)]) {
      const cut = message({ text, time });
      assert.ok(Buffer.byteLength(cut) <= most && Buffer.byteLength(cut) > most - 4);
      assert.ok(cut.endsWith("...") && cut.isWellFormed());
    }
    assert.ok(message({ text: "short", time }).endsWith(" short"));
  });
}
