/**
 * `logs:` from text to log definitions, and everything that can be wrong with it, with its line and remedy.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import fc from "fast-check";
import type { LogDefinition } from "../mail/log-definition.ts";
import type { SourceFiles } from "../policy/dialects/dialect.ts";
import { systemFiles } from "./file-reader.ts";
import { type LoadResult, loadSettings } from "./load.ts";
import { formatProblem } from "./problem.ts";
import { textFiles } from "./text-files.ts";

function load(text: string, reader: SourceFiles = textFiles({})): LoadResult {
  return loadSettings({
    path: "/c/x.yaml",
    text: `data: /data\nlogs:\n${text}`,
    reader,
    machine: { hostname: "mx.example.com", processors: 1 },
  });
}

function told(text: string, reader?: SourceFiles): string[] {
  return load(text, reader).problems.map((problem) => formatProblem(problem).replace("/c/x.yaml:", ""));
}

function logsOf(text: string, reader?: SourceFiles): readonly LogDefinition[] {
  const { settings, problems } = load(text, reader);
  assert.deepEqual(problems.map(formatProblem), []);
  return settings?.logs ?? assert.fail();
}

function logOf(entry: string, reader?: SourceFiles): LogDefinition {
  return logsOf(`  a: ${entry}\n`, reader)[0] ?? assert.fail();
}

const file = { kind: "file", path: "/data/a.log", mode: 0o640, maxBytes: 100_000_000, keepFiles: 10 };
const rfc3164 = { kind: "syslog", protocol: "rfc3164", facility: "mail" };
const rfc5424 = { kind: "syslog", protocol: "rfc5424", facility: "mail" };

const targets: readonly (readonly [entry: string, want: unknown])[] = [
  ["file: a.log", file],
  [
    "file: /var/log/mail.log, size: never, mode: 0644",
    { ...file, path: "/var/log/mail.log", maxBytes: 0, mode: 0o644 },
  ],
  ["file: a.log, size: 2 MB, keep: 3", { ...file, maxBytes: 2_000_000, keepFiles: 3 }],
  ['file: "-"', { ...file, path: "-" }],
  ["file: a.log, stamps: iso", { ...file, stamps: "iso" }],
  ["file: a.log, stamps: traditional", file],
  [
    "program: logger -p mail.info",
    { kind: "program", command: "logger -p mail.info", retryMs: 10_000, writeTimeoutMs: 60_000 },
  ],
  [
    'program: "| cat", retry-interval: 1m, write-timeout: 5s',
    { kind: "program", command: "cat", retryMs: 60_000, writeTimeoutMs: 5_000 },
  ],
  ["syslog: /dev/log", { ...rfc3164, to: { kind: "socket", path: "/dev/log" } }],
  [
    "syslog: udp://logs.example.com, facility: local3",
    { ...rfc3164, facility: "local3", to: { kind: "udp", host: "logs.example.com", port: 514 } },
  ],
  ["syslog: tcp://192.0.2.1:601, protocol: rfc5424", { ...rfc5424, to: { kind: "tcp", host: "192.0.2.1", port: 601 } }],
  [
    'syslog: "tls://[2001:db8::1]"',
    { ...rfc3164, to: { kind: "tls", host: "2001:db8::1", port: 6514, authorities: undefined } },
  ],
];

for (const [entry, want] of targets) {
  test(`logs: ${entry}`, () => {
    const { target, name, from } = logOf(`{ format: postfix, ${entry} }`);
    assert.deepEqual([target, name, from], [want, "logs.a", "/c/x.yaml:3"]);
  });
}

const formats: readonly (readonly [entry: string, want: unknown])[] = [
  ["format: postfix", { kind: "postfix", name: "postfix", tlsField: false, outboundTlsLevel: 1, inboundTlsLevel: 1 }],
  [
    "format: postfix, name: postfix/mx, tls-field: true, outbound-tls-level: 2, inbound-tls-level: 0",
    { kind: "postfix", name: "postfix/mx", tlsField: true, outboundTlsLevel: 2, inboundTlsLevel: 0 },
  ],
  ["format: sendmail", { kind: "sendmail", name: "sendmail", level: 9 }],
  ["format: sendmail, name: sm-mta, level: 14", { kind: "sendmail", name: "sm-mta", level: 14 }],
  ["format: momentum-main", { kind: "momentum-main" }],
  [
    "format: momentum-main, stages: [delivery, reception]",
    { kind: "momentum-main", stages: ["delivery", "reception"] },
  ],
  ["format: momentum-bounce, stages: permanent-failure", { kind: "momentum-bounce", stages: ["permanent-failure"] }],
  ["format: momentum-reject", { kind: "momentum-reject" }],
  ["format: momentum-bounce", { kind: "momentum-bounce" }],
  ["format: json", { kind: "json", of: "deliveries" }],
  ["format: json, records: inbound", { kind: "json", of: "inbound" }],
];

for (const [entry, want] of formats) {
  test(`logs: ${entry}`, () => assert.deepEqual(logOf(`{ ${entry}, file: a.log }`).format, want));
}

test("logs: a template, with the header fields that it prints", () => {
  const { format, headers } = logOf(
    '{ format: template, file: a, delivery: "%t@%h{X-Job}", rejection: "%H %h{Subject}", sanitize: [tr/@/_/, non-printable] }',
  );
  assert.deepEqual(format, {
    kind: "template",
    templates: {
      delivery: [
        { kind: "macro", name: "t", argument: undefined },
        { kind: "text", text: "@" },
        { kind: "macro", name: "h", argument: "X-Job" },
      ],
      rejection: [
        { kind: "macro", name: "H", argument: undefined },
        { kind: "text", text: " " },
        { kind: "macro", name: "h", argument: "Subject" },
      ],
    },
    sanitize: { specialCharacters: false, nonPrintable: true, replace: [["@", "_"]] },
  });
  assert.deepEqual(headers, ["x-job", "subject"]);
});

test("logs: an accounting file has every directive of its section", () => {
  const { format, target, headers } = logOf(`
    format: powermta
    file: acct/acct.csv
    records: [d, tq]
    record-fields: { d: ["*", dlvTlsProtocol, header_X-Foo], tq: "timeLogged, dlvTlsRequired" }
    map-header-to-field: { d: { jobId: [X-Job, header_X-Other] } }
    move-to: moved
    move-interval: 90s
    max-size: 2 MiB
    iso-times: false
    formula-cells: keep
    user-string: a "b" # c
    queue-filter: ["!example.com/*", "*/*"]
    privacy-policy: redact "X"
    bounce-category-patterns: { "/mailbox full/": quota-issues }
    world-readable: true
    count-moved-records: true
    sync: true
`);
  assert.deepEqual(target, {
    kind: "numbered-files",
    path: "/data/acct/acct.csv",
    moveTo: "/data/moved",
    intervalMs: 90_000,
    maxBytes: 2 ** 21,
    deleteAfterMs: undefined,
    worldReadable: true,
    countMoved: true,
    sync: true,
  });
  assert.ok(format.kind === "accounting");
  assert.deepEqual(format.types, ["d", "tq"]);
  assert.deepEqual(
    format.columns.slice(-4),
    ["dlvTlsProtocol", "header_X-Foo", "dlvTlsRequired"].toSpliced(0, 0, "vmtaPool"),
  );
  assert.deepEqual(headers, ["x-job", "x-foo", "x-other"]);
  const queue = { vmta: "a", pool: null };
  assert.deepEqual(
    [
      format.isoTimes,
      format.formulaCells,
      format.userString,
      format.wants("d", { domain: "example.com", ...queue }),
      format.wants("d", { domain: "example.org", ...queue }),
      format.showRecipient("bob@example.net"),
      format.bounceCategory("5.0.0;smtp;550 mailbox full"),
    ],
    [false, "keep", 'a "b"', false, true, "X@example.net", "quota-issues"],
  );
});

test("logs: an accounting file without any of them is PowerMTA's, and so is one through a program", () => {
  const plain = logOf("{ format: powermta, file: acct.csv, delete-after: 36h }");
  assert.deepEqual(plain.target.kind === "numbered-files" && [plain.target.maxBytes, plain.target.deleteAfterMs], [
    250 * 2 ** 20,
    2 * 86_400_000,
  ]);
  assert.deepEqual(plain.format.kind === "accounting" && plain.format.types, ["d", "b"]);
  const piped = logOf("{ format: powermta, program: /usr/bin/load, retry-interval: 30s }");
  assert.deepEqual(piped.target, {
    kind: "program",
    command: "/usr/bin/load",
    retryMs: 30_000,
    writeTimeoutMs: 60_000,
  });
});

const wrong: readonly (readonly [name: string, text: string, want: readonly string[]])[] = [
  [
    "no format",
    "  a: { file: x }\n",
    [
      '3:6: error: "format" is missing (add format: with one of postfix, sendmail, powermta, template, momentum-main, momentum-reject, momentum-bounce, json)',
    ],
  ],
  [
    "no section",
    "  a: postfix\n",
    ['3:6: error: a section with format ... is needed here; there is "postfix" (write a section with format ...)'],
  ],
  [
    "a format that there is not",
    "  a: { format: postfx, file: x }\n",
    ['3:16: error: "postfx" is not known here (did you mean "postfix"?)'],
  ],
  [
    "no target",
    "  a: { format: postfix }\n",
    ['3:6: error: the log "a" goes nowhere (add file:, program: or syslog:)'],
  ],
  [
    "two targets",
    "  a:\n    format: postfix\n    file: x\n    syslog: /dev/log\n",
    ['6:5: error: the log "a" has both file and syslog (write a second log for it)'],
  ],
  [
    "a setting of another format",
    "  a:\n    format: sendmail\n    file: x\n    record-fields: { d: x }\n",
    [
      '6:5: error: "record-fields" is a setting of format powermta: this one is sendmail (remove it; sendmail has: file, program, syslog, size, keep, mode, retry-interval, write-timeout, facility, protocol, ca, name, level, stamps)',
    ],
  ],
  [
    "CSV to syslog",
    "  a: { format: powermta, syslog: /dev/log }\n",
    [
      '3:26: error: "syslog" is a setting of format postfix, sendmail, template, momentum-main, momentum-reject, momentum-bounce, json: this one is powermta',
    ],
  ],
  [
    "a setting that no format has",
    "  a: { format: sendmail, file: x, facilty: user }\n",
    ['3:35: error: unknown key "facilty" (did you mean "facility"?)'],
  ],
  [
    "a setting of another target",
    "  a: { format: postfix, file: x, facility: user, retry-interval: 5s }\n  b: { format: sendmail, syslog: /dev/log, stamps: iso }\n",
    [
      "4:44: error: stamps is for file:, and this log has syslog: (remove it)",
      "3:34: error: facility is for syslog:, and this log has file: (remove it)",
      "3:50: error: retry-interval is for program:, and this log has file: (remove it)",
    ],
  ],
  [
    "a command as a file",
    '  a: { format: postfix, file: "| gzip" }\n',
    ['3:25: error: "| gzip" is a command (write program: gzip)'],
  ],
  [
    "a folder as a file",
    "  a: { format: postfix, file: logs/ }\n",
    ["3:25: error: /data/logs is a folder (add the name of a file)"],
  ],
  [
    "a file of the queue",
    "  a: { format: postfix, file: queue-0.sqlite }\n  b: { format: powermta, file: spool/0/acct.csv }\n  c: { format: json, file: /data/letterlock.pid }\n",
    [
      "3:25: error: /data/queue-0.sqlite belongs to the queue (write another name, such as mail.log)",
      "4:26: error: /data/spool/0/acct.csv belongs to the queue (write another name, such as mail.log)",
      "5:22: error: /data/letterlock.pid belongs to the queue (write another name, such as mail.log)",
    ],
  ],
  [
    "one file for two logs",
    "  a: { format: postfix, file: mail.log }\n  b: { format: sendmail, file: /data/./mail.log }\n",
    ["4:26: error: /data/mail.log is taken by logs.a (line 3) (give each log a file of its own)"],
  ],
  [
    "standard output for two logs",
    '  a: { format: postfix, file: "-" }\n  b: { format: json, file: "-" }\n',
    ["4:22: error: standard output is taken by logs.a (line 3) (give each log a file of its own)"],
  ],
  [
    "files of the records",
    "  a: { format: json, file: deliveries.jsonl }\n  b: { format: json, file: inbound.jsonl }\n",
    [
      "3:22: error: /data/deliveries.jsonl is taken by the records of deliveries (line 1) (give each log a file of its own)",
      "4:22: error: /data/inbound.jsonl is taken by the records of what comes in (line 1) (give each log a file of its own)",
    ],
  ],
  [
    "the configuration itself",
    "  a: { format: postfix, file: /c/x.yaml }\n",
    [
      "3:25: error: /c/x.yaml is taken by a file that this configuration is read from (give each log a file of its own)",
    ],
  ],
  [
    "keep without size",
    "  a: { format: postfix, file: x, size: never, keep: 3 }\n",
    [
      "3:47: warning: keep counts the files that size: begins, and with size: never there are none (remove one of the two)",
    ],
  ],
  [
    "permissions",
    "  a: { format: postfix, file: x, mode: rw }\n",
    ['3:40: error: "rw" are no permissions (write three octal digits, such as 0640)'],
  ],
  [
    "an empty command",
    '  a: { format: postfix, program: "|" }\n',
    ["3:34: error: a command on one line is needed here (write what /bin/sh is to run)"],
  ],
  ...["logs.example.com", "http://a.example", "udp://", "dev/log", "tls://a.example/x", "udp://[::1"].map(
    (server) =>
      [
        `the syslog server ${server}`,
        `  a: { format: postfix, syslog: "${server}" }\n`,
        [
          `3:33: error: "${server}" is no syslog server (write /dev/log, or "udp://", "tcp://" or "tls://" and HOST:PORT)`,
        ],
      ] as const,
  ),
  [
    "a syslog server's host and port",
    '  a: { format: postfix, syslog: "udp://a..b" }\n  b: { format: postfix, syslog: "tcp://[192.0.2.1]" }\n  c: { format: json, syslog: "tcp://a.example:0" }\n',
    [
      '3:33: error: "a..b" is no host (write a name or an address, IPv6 in brackets)',
      '4:33: error: "192.0.2.1" is no host (write a name or an address, IPv6 in brackets)',
      "5:30: error: 0 is no port (write a port from 1 to 65535)",
    ],
  ],
  [
    "JSON in datagrams, which cut it",
    "  a: { format: json, syslog: udp://a.example }\n",
    [
      '3:22: error: over UDP a line is cut at 2048 octets, and a JSON record is longer (write "tcp://" or "tls://", or file:)',
    ],
  ],
  [
    "CAs for lines in clear text",
    '  a: { format: postfix, syslog: "tcp://a.example", ca: x.pem }\n',
    [
      '3:52: error: ca is for syslog: tls://, and these lines are sent in clear text (write "tls://HOST:6514", or remove ca:)',
    ],
  ],
  [
    "CAs that cannot be read, and nobody's",
    '  a: { format: postfix, syslog: "tls://a.example", ca: x.pem }\n  b: { format: json, syslog: "tls://a.example", ca: none }\n',
    [
      "3:52: error: cannot read the CA file x.pem: there is no such file (check its path and that this user may read it)",
      "4:49: error: without any CA no server is trusted (write a PEM file, or remove ca:)",
    ],
  ],
  [
    "rfc5424 where nobody reads it",
    "  a: { format: postfix, syslog: /dev/log, protocol: rfc5424 }\n",
    ["3:43: warning: syslog services and journald read rfc3164 at the socket of their machine (remove protocol:)"],
  ],
  [
    "levels",
    "  a: { format: postfix, file: x, outbound-tls-level: 3 }\n  b: { format: sendmail, file: y, level: 99 }\n",
    [
      '3:54: error: "3" is no level (write 0 (no TLS lines), 1 (one for each handshake) or 2 (with the certificates))',
      "4:42: error: 99 is out of range (write a number from 0 to 98)",
    ],
  ],
  [
    "a program's name that would end the tag",
    '  a: { format: postfix, file: x, name: "a[1]: b" }\n',
    [
      '3:40: error: "a[1]: b" is no name of a program (use printable ASCII without blanks, colon and brackets, 48 at most)',
    ],
  ],
  [
    "a template without lines",
    "  a: { format: template, file: x }\n",
    ['3:6: error: the log "a" prints nothing: it has no template (add delivery: or another stage, with its line)'],
  ],
  [
    "macros that there are not",
    '  a: { format: template, file: x, delivery: "%t %outbound_tls_chipher" }\n',
    [
      "3:45: error: %outbound_tls_chipher is no macro that Letterlock has: nothing is printed (character 4 of the template) (did you mean %outbound_tls_cipher?)",
    ],
  ],
  [
    "sanitize",
    "  a: { format: template, file: x, delivery: x, sanitize: [tr/a, nothing] }\n",
    [
      '3:59: error: "tr/a" is not known here (write special-characters, non-printable or tr/X/Y/)',
      '3:65: error: "nothing" is not known here (write special-characters, non-printable or tr/X/Y/)',
    ],
  ],
  [
    "records of PowerMTA that there are not here",
    "  a: { format: powermta, file: x, records: [d, rb] }\n  b: { format: powermta, file: y, records: rbs }\n",
    [
      "3:35: warning: records: nothing is written of type rb: bounces that come in by mail are not read here (remove it)",
      '4:44: error: "rbs" is not known here (did you mean "rb"?)',
    ],
  ],
  [
    "directives of PowerMTA, each at its line",
    `  a:
    format: powermta
    file: x
    record-fields:
      d: "*,dlvTlsCiper"
      tq: "*"
      y: "*"
    map-header-to-field: { d: { job: Subject } }
    queue-filter: "!*/*"
    privacy-policy: md5 x
    bounce-category-patterns: { full: quota-issues }
`,
    [
      '7:7: warning: record-fields: there is no field "dlvTlsCiper"; its column stays empty (did you mean dlvTlsCipher?)',
      "8:7: warning: record-fields: this file has no records of type tq (add tq to records)",
      '9:7: error: record-fields: "y" is no record type (write record-fields d *,dlvTlsProtocol)',
      '10:38: error: map-header-to-field: "job" is no field (write map-header-to-field d header_X-Foo rcpt)',
      "11:5: warning: queue-filter: every pattern begins with !, so nothing is written (add */* at its end)",
      '12:5: error: privacy-policy: "md5" cannot be followed as it is written (write retain, redact "X", siphash "KEY" of up to 16 octets, or hmac-sha256 "KEY"; -hexkey takes hex)',
      "13:33: error: <bounce-category-patterns>: full quota-issues is no pattern and category (write /PATTERN/ category)",
    ],
  ],
  [
    "directives of PowerMTA that say nothing where they stand",
    "  a: { format: powermta, file: x, move-interval: 5m, write-timeout: 5s }\n  b: { format: powermta, program: cat, sync: true }\n",
    [
      "3:35: warning: move-interval has no effect without move-to (write move-to FOLDER, or remove it)",
      "3:54: warning: write-timeout has no effect: records go to a file (remove it)",
      "4:40: warning: sync has no effect: records go to a program (remove it)",
    ],
  ],
  [
    "an accounting file on standard output",
    '  a: { format: powermta, file: "-" }\n',
    [
      "3:26: error: each of these files has a date and a number in its name, and standard output has none (write program: cat)",
    ],
  ],
];

for (const [name, text, want] of wrong) {
  test(`logs: ${name}, told with its place and remedy`, () => {
    const found = told(text).map((line, at) =>
      want[at]?.endsWith(")") === false ? line.slice(0, want[at].length) : line,
    );
    assert.deepEqual(found.toSorted(), want.toSorted());
  });
}

test("logs: the CAs of a syslog server are read with the configuration, and watched", () => {
  const [pem = ""] = rootCertificates;
  const reader = textFiles({ "/c/ca.pem": pem });
  const { settings } = load('  a: { format: postfix, syslog: "tls://a.example", ca: ca.pem }\n', reader);
  const target = settings?.logs[0]?.target;
  assert.ok(target?.kind === "syslog" && target.to.kind === "tls");
  assert.equal(target.to.authorities?.trim(), pem.trim());
  assert.ok(settings?.files.includes("/c/ca.pem"));
});

test("logs: what cannot be written is a warning: mail goes on without it", async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "letterlock-logs-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(path.join(folder, "there"));
  writeFileSync(path.join(folder, "file"), "");
  const service = createServer().listen(path.join(folder, "service"));
  t.after(() => service.close());
  const entries = [
    "file: there/a.log",
    "file: to/be/made.log",
    "file: file",
    "file: there",
    "file: file/below.log",
    "file: service",
    `syslog: ${folder}/service`,
    `syslog: ${folder}/nobody`,
    `syslog: ${folder}/file`,
  ];
  const text = entries.map((entry, at) => `  l${at}: { format: postfix, ${entry} }\n`).join("");
  const found = loadSettings({ path: "/c/x.yaml", text: `data: ${folder}\nlogs:\n${text}`, reader: systemFiles });
  const advice = "mail goes on without it; give this user the right to write there, or another path";
  const service_ = "mail goes on without it; start a syslog service, or write the path of its socket";
  assert.deepEqual(
    found.problems.map((problem) => formatProblem(problem).replaceAll(folder, "F").replace("/c/x.yaml:", "")),
    [
      `6:26: warning: cannot write F/there: it is a folder (${advice})`,
      `7:26: warning: cannot write F/file/below.log: F/file is no folder (${advice})`,
      `8:26: warning: cannot write F/service: it is a socket (${advice})`,
      `10:26: warning: cannot write to F/nobody: there is no such file (${service_})`,
      `11:26: warning: cannot write to F/file: it is no socket (${service_})`,
    ],
  );
  assert.equal(found.settings?.logs.length, entries.length);
});

// Root is refused nowhere: what is said then is proven with a reader of the test's own (`dialect-logs.test.ts`).
if (process.getuid?.() !== 0) {
  test("logs: a folder that this user may not write in", (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "letterlock-logs-"));
    t.after(() => rmSync(folder, { recursive: true }));
    chmodSync(folder, 0o500);
    const text = `  a: { format: postfix, file: ${folder}/a.log }\n  b: { format: postfix, file: ${folder}/b/c/d.log }\n`;
    assert.deepEqual(
      load(text, systemFiles).problems.map(({ message }) => message.replaceAll(folder, "F")),
      ["cannot write F/a.log: permission denied", "cannot write F/b/c/d.log: permission denied"],
    );
  });
}

test("logs: no text under logs: crashes the loader, and nothing that has an error is used", () => {
  const key = fc.constantFrom(
    ...["format", "file", "program", "syslog", "size", "keep", "mode", "ca", "name", "level", "records", "delivery"],
    ...["record-fields", "queue-filter", "map-header-to-field", "sanitize", "privacy-policy", "move-to", "x", "<<"],
  );
  const word = fc.oneof(
    fc.constantFrom("postfix", "sendmail", "powermta", "template", "json", "momentum-main", "-", "tls://a.example"),
    fc.constantFrom(
      "/dev/log",
      "|cat",
      "[d, tq]",
      "{ d: '*' }",
      "tr/a/b/",
      "%t@%h{X}",
      "%",
      "10 MB",
      "0640",
      "queue-0.sqlite",
    ),
    fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
    fc.string({ maxLength: 12 }),
  );
  const entry = fc.array(fc.tuple(key, word), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 3 }), (entries) => {
      const text = entries
        .map((pairs, at) => `  l${at}:\n${pairs.map(([name, value]) => `    ${name}: ${value}\n`).join("")}`)
        .join("");
      const { settings, problems } = load(text);
      assert.equal(
        settings === undefined,
        problems.some(({ severity }) => severity === "error"),
      );
      assert.ok((settings?.logs.length ?? 0) <= entries.length);
      for (const { line, column } of problems) assert.ok(line >= 1 && column >= 1);
    }),
    { numRuns: 300 },
  );
});
