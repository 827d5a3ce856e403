/**
 * Loggers of a Momentum configuration: what they become, what is said of them, and the lines that they print.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createMomentumRenderer } from "../../src/logs/momentum/momentum-renderer.ts";
import { createTemplateRenderer } from "../../src/logs/template/template-renderer.ts";
import { sampleAttempt, sampleRefusal } from "../../src/mail/attempt-sample.ts";
import { sampleInbound, sampleInboundRefusal } from "../../src/mail/inbound-sample.ts";
import type { LogDefinition, LogTarget } from "../../src/mail/log-definition.ts";
import type { LetterlockEvent } from "../../src/observe/events.ts";
import type { Note } from "../../src/policy/dialects/dialect.ts";
import { assertNote, compile, errors, notes } from "./momentum/lab.ts";

function logsOf(text: string, more: Readonly<Record<string, string>> = {}): readonly LogDefinition[] {
  const compiled = compile(text, more);
  assert.deepEqual(errors(compiled), []);
  return compiled.settings.logs ?? [];
}

function only(text: string): LogDefinition {
  const [log, ...more] = logsOf(text);
  assert.ok(log !== undefined && more.length === 0);
  return log;
}

/** Of loggers alone. */
function warningsOf(text: string): Note[] {
  return notes(compile(text), "warning").filter(({ text: what }) => !what.startsWith("no mail leaves over TLS"));
}

function warnings(text: string): string[] {
  return warningsOf(text).map(({ line, text: what }) => `${line}: ${what}`);
}

/** What a log prints of a delivery, two failures, a reception and a rejection. */
function printed({ format }: LogDefinition): string[] {
  const log =
    format.kind === "template"
      ? createTemplateRenderer(format, { hostname: "relay.example.com", pid: 1 })
      : createMomentumRenderer(format as Parameters<typeof createMomentumRenderer>[0]);
  const events: LetterlockEvent[] = [
    { kind: "inbound", record: sampleInbound },
    { kind: "attempt", record: sampleAttempt },
    { kind: "attempt", record: sampleRefusal },
    { kind: "attempt", record: { ...sampleRefusal, event: "expired" } },
    { kind: "inbound", record: sampleInboundRefusal },
  ];
  return events.flatMap((event) => log.lines(event, 0).map(({ text }) => text));
}

/** The sample of the reference, section 3. */
const proof = `tls_macros {}

custom_logger "tlsproof" {
  namespace = "custom_logger,sieve,outbound_tls"
  mainlog   = "/var/log/ecelerity/tlsproof.cl"

  reception_format         = "R|%t|%i|%b|%vctx_conn{tls}|%vctx_conn{tls_cipher}|%vctx_conn{tls_client_verified}"
  delivery_format          = "D|%t|%i|%b|%d|%H|%outbound_tls|%outbound_tls_type|%outbound_tls_protocol|%outbound_tls_cipher|%outbound_tls_cipher_usebits|%outbound_tls_verified|%outbound_tls_subject"
  transient_failure_format = "T|%t|%i|%b|%d|%H|%S|%outbound_tls|%outbound_tls_type|%n"
  permanent_failure_format = "P|%t|%i|%b|%d|%H|%S|%outbound_tls|%outbound_tls_type|%n"
}`;

test("momentum loggers: the reference's sample prints what was proven of TLS", () => {
  const log = only(proof);
  assert.deepEqual(warnings(proof), []);
  assert.deepEqual(
    [log.name, log.from, log.headers],
    ["custom_logger tlsproof /var/log/ecelerity/tlsproof.cl", "/etc/momentum/ecelerity.conf:5", []],
  );
  assert.deepEqual(log.target, {
    kind: "file",
    path: "/var/log/ecelerity/tlsproof.cl",
    mode: 0o644,
    maxBytes: 0,
    keepFiles: 0,
  });
  assert.deepEqual(printed(log), [
    "R|1795262400|01KD8W7F3N.0|default|on|TLS_AES_256_GCM_SHA384|yes",
    "D|1795262400|01KD8W7F3N.0|default|example.net|192.0.2.7|TLS|required|TLSv1.3|TLS_AES_256_GCM_SHA384|256|verified|mx.example.net",
    "T|1795262400|01KD8W7F3N.0|default|example.net|192.0.2.7|17|TLS|required|451 4.7.5 [internal] remote node SSL certificate not signed by a valid CA",
    "P|1795262400|01KD8W7F3N.0|default|example.net|192.0.2.7|17|TLS|required|554 5.4.7 [internal] exceeded max time without delivery",
  ]);
});

const bare = 'custom_logger "p" {\n  mainlog = "/l/p.cl"\n  delivery_format = "D|%t|%outbound_tls|%r"\n}';

test("momentum 59: without outbound_tls in the namespace the macros are not expanded, and told with their column", () => {
  const text = `tls_macros {}\n${bare}`;
  assert.deepEqual(printed(only(text)), ["D|1795262400||bob"]);
  assertNote(
    compile(text),
    "warning",
    4,
    /%outbound_tls is not expanded: outbound_tls is not in the logger's namespace/,
  );
  const [note] = warningsOf(text);
  assert.deepEqual([note?.column, note?.remedy], [27, 'write namespace = "custom_logger,sieve,outbound_tls"']);
});

test("momentum 59: without tls_macros no macro of TLS is expanded, by whatever name", () => {
  const namespace = 'namespace = "custom_logger,outbound_tls"';
  const format = "%outbound_tls|%outbound_tls:local_ip|%vctx_conn{outbound_tls_type}|%vctx_conn{tls}|%r";
  const text = `custom_logger p {\n  ${namespace} mainlog = "/l/p"\n  delivery_format = "${format}"\n}`;
  assert.deepEqual(printed(only(text)), ["|||on|bob"]);
  assertNote(compile(text), "warning", 3, /their module is not loaded/);
  assert.deepEqual(printed(only(`tls_macros { enabled = false }\n${text}`)), ["|||on|bob"]);
  assert.deepEqual(printed(only(`tls_macros {}\n${text}`)), ["TLS|192.0.2.1|required|on|bob"]);
});

test("momentum loggers: a letter or _ as delimiter is told", () => {
  const text = 'custom_logger p {\n mainlog = "/l/p"\n delivery_format = "%r_%R at %tx"\n}';
  assert.deepEqual(
    warnings(text).map((line) => line.slice(0, 44)),
    ["3: delivery_format: %r_ is no macro that Let", "3: delivery_format: %tx is no macro that Let"],
  );
});

test("momentum loggers: each file is a log, with the stages that go there and the headers they print", () => {
  const logs = logsOf(`custom_logger "c" {
  mainlog = "/l/main"  mainlog_mode = 0640
  reception_format = "R %h{Subject}"
  delivery_format = "D %r"  delivery_logfile = "/l/delivered"  delivery_log_mode = 0600
  rejection_format = "X %H"
}`);
  assert.deepEqual(
    logs.map(({ name, target, headers }) => [name, target.kind === "file" && target.mode.toString(8), headers]),
    [
      ["custom_logger c /l/main", "640", ["subject"]],
      ["custom_logger c /l/delivered", "600", []],
    ],
  );
  assert.deepEqual(logs.map(printed), [["R ", "X 192.0.2.7"], ["D bob"]]);
});

test("momentum loggers: a format switches its stage on, off switches it off, on alone prints nothing", () => {
  const text = `custom_logger "c" {
  mainlog = "/l/main"
  delivery_format = "D"
  log_receptions = off  reception_format = "R"
  log_rejections = on
  xfer_format = "M"
}`;
  assert.deepEqual(printed(only(text)), ["D"]);
  const compiled = compile(text);
  assertNote(compiled, "no-effect", 4, /reception_format: log_receptions is off/);
  assertNote(compiled, "warning", 5, /log_rejections is on, but there is no rejection_format/);
  assertNote(compiled, "no-effect", 6, /xfer_format/);
  assertNote(compile("custom_logger c {}"), "warning", 1, /custom_logger c: prints nothing/);
});

test("momentum loggers: without a file the default one, and a warning", () => {
  const log = only('custom_logger "c" { delivery_format = "%r" }');
  assert.equal(log.target.kind === "file" && log.target.path, "/var/log/ecelerity/mainlog.cl");
  assert.match(warnings('custom_logger "c" { delivery_format = "%r" }')[0] ?? "", /names no file/);
});

test("momentum loggers: sanitize", () => {
  const sanitized = (written: string) =>
    only(`custom_logger c { mainlog = "/l" sanitize = "${written}" delivery_format = "%r" }`).format;
  const format = sanitized("special_characters,tr/ /_/,non_printable, tr|/,|-;|");
  assert.deepEqual(format.kind === "template" && format.sanitize, {
    specialCharacters: true,
    nonPrintable: true,
    replace: [
      [" ", "_"],
      ["/,", "-;"],
    ],
  });
  const text = 'custom_logger c { mainlog = "/l" sanitize = "tr/a/" delivery_format = "%r" }';
  assert.match(warnings(text)[0] ?? "", /sanitize: "tr\/a\/" is not known/);
});

test("momentum loggers: stanzas of one name are one; disabled ones are not written", () => {
  const log = only(
    'custom_logger "c" { mainlog = "/l/a" }\ncustom_logger "c" { delivery_format = "D" mainlog = "/l/b" }',
  );
  assert.equal(log.name, "custom_logger c /l/b");
  assert.deepEqual(logsOf('custom_logger "c" { enabled = false mainlog = "/l/a" delivery_format = "D" }'), []);
});

test("momentum loggers: \\t in a format is a tab", () => {
  assert.deepEqual(printed(only('custom_logger c { mainlog = "/l" delivery_format = "%r\\t%R" }')), [
    "bob\texample.net",
  ]);
});

const targets: readonly [path: string, want: LogTarget | string][] = [
  ["file:///l/a", { kind: "file", path: "/l/a", mode: 0o644, maxBytes: 0, keepFiles: 0 }],
  [
    "syslog://?facility=local3&priority=info",
    { kind: "syslog", to: { kind: "socket", path: "/dev/log" }, protocol: "rfc3164", facility: "local3" },
  ],
  [
    "pipe:///usr/bin/x?arg2=b'c&arg1=a%20d&env1=K=v&clear_env=1",
    {
      kind: "program",
      command: "exec env -i K=v /usr/bin/x 'a d' 'b'\\''c'",
      retryMs: 10_000,
      writeTimeoutMs: 60_000,
    },
  ],
  ["pipe:///usr/bin/x", { kind: "program", command: "exec /usr/bin/x", retryMs: 10_000, writeTimeoutMs: 60_000 }],
  ["jlog:///l/a=>master", "jlog: a binary journal"],
  ["cluster:///l/a=>master", "cluster: a binary journal"],
  ["gzip:///l/a.gz", "gzip: no such io wrapper"],
  ["relative.cl", "relative.cl: not an absolute path"],
  ["/l/", "/l/: no file"],
  ["pipe://x", "pipe://x: no program"],
];

for (const [path, want] of targets) {
  test(`momentum loggers: to ${path}`, () => {
    const text = `custom_logger c { mainlog = "${path}" delivery_format = "%r" }`;
    if (typeof want !== "string") assert.deepEqual(only(text).target, want);
    else {
      assert.deepEqual(logsOf(text), []);
      assert.ok(warnings(text)[0]?.includes(want), warnings(text)[0]);
    }
  });
}

test("momentum loggers: syslog by syslog_io's facility; what is different there is told", () => {
  const logger = 'custom_logger c { mainlog = "syslog://" delivery_format = "%r" }';
  const { target } = only(`syslog_io { default_facility = "daemon" }\n${logger}`);
  assert.equal(target.kind === "syslog" && target.facility, "daemon");
  const odd = compile('custom_logger c { mainlog = "syslog://?facility=ftp" delivery_format = "%r" }');
  assertNote(odd, "differs", 1, /facility ftp is not known here: mail is used/);
  const urgent = compile('custom_logger c { mainlog = "syslog://?priority=error" delivery_format = "%r" }');
  assertNote(urgent, "differs", 1, /priority error: lines are sent as info/);
});

test("momentum ec_logger: mainlog and rejectlog in their files, all stages", () => {
  const logs = logsOf('ec_logger "ec_logger" { mainlog = "/l/mainlog.ec" mainlog_mode = 0640 heartbeat = 60 }');
  assert.deepEqual(
    logs.map(({ name, format, target }) => [name, format, target.kind === "file" && target.mode.toString(8)]),
    [
      ["ec_logger ec_logger /l/mainlog.ec", { kind: "momentum-main" }, "640"],
      ["ec_logger ec_logger /var/log/ecelerity/rejectlog.ec", { kind: "momentum-reject" }, "644"],
    ],
  );
  const letters = logs.map((log) => printed(log).map((line) => /@([RDTP])@|: (R)=/.exec(line)?.slice(1).join("")));
  assert.deepEqual(letters, [["R", "D", "T", "P"], ["R"]]);
});

test("momentum ec_logger: what is switched off is not written", () => {
  const [main, ...more] = logsOf(
    "ec_logger { log_receptions = off log_transient_failures = off log_rejections = off }",
  );
  assert.deepEqual(more, []);
  assert.deepEqual(main?.format, { kind: "momentum-main", stages: ["delivery", "permanent-failure"] });
  assertNote(compile("ec_logger {\n heartbeat = 60\n}"), "no-effect", 2, /Heartbeats are not written/);
});

test("momentum bounce_logger: the bouncelog, with or without what is tried again", () => {
  assert.deepEqual(
    printed(only("bounce_logger {}")).map((line) => line.split("@")[4]),
    ["T", "B"],
  );
  const text = "bounce_logger { bouncelog = /l/b log_transient_failures = off }";
  assert.deepEqual(
    printed(only(text)).map((line) => line.split("@")[4]),
    ["B"],
  );
  const other = 'custom_bounce_logger x {\n bouncelog = "/l/b"\n user_string = "%{vctx_conn:foo}"\n}';
  assert.equal(only(other).format.kind, "momentum-bounce");
  assertNote(compile(other), "differs", 3, /Not written behind the line/);
});

test("momentum loggers: what is wrong in them lets mail through: options, modes, lists", () => {
  const text = `custom_logger c {
  mainlog = "/l"  mainlog_mode = rw
  delivery_fromat = "x"
  delivery_format = "%r"
  thread_pool = ( a b )
  rejectlog = "/x"
}`;
  assert.deepEqual(printed(only(text)), ["bob"]);
  assert.deepEqual(warnings(text), [
    "2: mainlog_mode: no octal permissions: 0644 is used",
    "3: delivery_fromat: no option of custom_logger that Letterlock knows: passed over",
    "5: thread_pool: takes one value, not a list",
    "6: rejectlog: no option of custom_logger that Letterlock knows: passed over",
  ]);
});

test("momentum loggers: nothing that is written in them throws, and whatever is printed is one line", () => {
  const value = fc.oneof(
    fc.constantFrom(
      "/l/a",
      "pipe:///x?arg1=%",
      "syslog://?",
      "jlog://",
      "%t@%outbound_tls",
      "%h{a",
      "tr/a/b/",
      "off",
      "0644",
    ),
    fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replaceAll('"', "")),
  );
  const option = fc.constantFrom(
    ...["mainlog", "mainlog_mode", "delivery_format", "reception_format", "log_deliveries", "namespace", "sanitize"],
    ...["rejectlog", "bouncelog", "enabled", "delivery_logfile", "rejection_format"],
  );
  const logger = fc.constantFrom("custom_logger", "ec_logger", "bounce_logger", "tls_macros", "syslog_io");
  const stanza = fc
    .tuple(logger, fc.array(fc.tuple(option, value), { maxLength: 6 }))
    .map(([name, options]) => `${name} "x" {\n${options.map(([key, text]) => `${key} = "${text}"`).join("\n")}\n}`);
  fc.assert(
    fc.property(fc.array(stanza, { maxLength: 4 }), (stanzas) => {
      const compiled = compile(stanzas.join("\n"));
      for (const log of compiled.settings.logs ?? []) {
        for (const line of printed(log)) assert.match(line, /^[\t\P{C}]*$/u);
      }
    }),
  );
});
