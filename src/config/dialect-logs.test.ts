/**
 * Logs that other mail servers' configurations ask for, beside our own: written, left to them, and told by `check`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import type { LogDefinition } from "../mail/log-definition.ts";
import type { DialectSettings, SourceFiles } from "../policy/dialects/dialect.ts";
import { type CompileDialect, compileDialect } from "../policy/dialects/registry.ts";
import { loadSettings } from "./load.ts";
import { summarizeLogs } from "./log-summary.ts";
import type { PolicyFlag } from "./policy-flag.ts";
import { formatProblem } from "./problem.ts";
import { textFiles } from "./text-files.ts";

function bouncelog(name: string, file: string, line: number): LogDefinition {
  const target = { kind: "file", path: file, mode: 0o644, maxBytes: 0, keepFiles: 10 } as const;
  return { name, from: `/etc/m.conf:${line}`, format: { kind: "momentum-bounce" }, target, headers: [] };
}

const theirs: DialectSettings = { logs: [bouncelog("ec_logger", "/log/m", 4), bouncelog("ec_logger", "/log/n", 9)] };

function compiling(settings: DialectSettings): CompileDialect {
  return () => ({
    source: { name: "momentum", outbound: () => undefined, inbound: () => undefined, candidates: () => [] },
    settings,
    notes: [],
    named: { domains: [], recipients: [], hosts: [], addresses: [], bindings: [], nexthops: [] },
    export: () => [],
  });
}

type Asked = Readonly<{
  settings?: DialectSettings;
  flag?: PolicyFlag;
  reader?: SourceFiles;
  compile?: CompileDialect;
}>;

function load(text: string, { settings = theirs, flag, reader, compile = compiling(settings) }: Asked = {}) {
  const result = loadSettings({
    path: "/c/x.yaml",
    text,
    compile,
    flag,
    reader: reader ?? textFiles({ "/etc/m.conf": "" }),
    machine: { hostname: "mx.example.com", processors: 1 },
  });
  return {
    logs: result.settings?.logs.map(({ name, from }) => `${name} ${from}`),
    told: result.problems.map((problem) => formatProblem(problem).replace("/c/x.yaml:", "")),
    summary: result.settings === undefined ? [] : summarizeLogs(result.settings),
  };
}

const momentum = "policy: momentum: { file: /etc/m.conf }\n".replace("policy: ", "policy:\n- ");

test("logs: those of a dialect write into nothing that the queue or the records stand in", () => {
  const files = ["queue-0.sqlite", "deliveries.jsonl", "spool/0/x"].map((name) => `/data/${name}`);
  const logs = [...files, "/log/m", "/log/m"].map((file, at) => bouncelog("ec_logger", file, at + 1));
  const { told, logs: written } = load(`data: /data\n${momentum}`, { settings: { logs } });
  assert.equal(written, undefined);
  const remedy = "(give each log a file of its own)";
  assert.deepEqual(told, [
    `/etc/m.conf:1:1: error: ec_logger: /data/queue-0.sqlite is taken by the queue ${remedy}`,
    `/etc/m.conf:2:1: error: ec_logger: /data/deliveries.jsonl is taken by the records of deliveries (line 1) ${remedy}`,
    `/etc/m.conf:3:1: error: ec_logger: /data/spool/0/x is taken by the queue ${remedy}`,
  ]);
});

test("logs: those of a dialect stand behind ours, under names that differ", () => {
  const { logs, told } = load(`${momentum}logs: { a: { format: postfix, file: /log/a } }\n`);
  assert.deepEqual(told, []);
  assert.deepEqual(logs, ["logs.a /c/x.yaml:3", "ec_logger /etc/m.conf:4", "ec_logger (2) /etc/m.conf:9"]);
});

test("logs: those of a dialect are left to it by logs: false, and where it runs beside", () => {
  const off = load("policy:\n- momentum: { file: /etc/m.conf, logs: false }\n");
  const flag = { system: "momentum", path: "/etc/m.conf" } as const;
  const beside = load("", { flag: { ...flag, beside: true } });
  assert.deepEqual([off.logs, off.told, beside.logs, beside.told], [[], [], [], []]);
  assert.equal(load("", { flag }).logs?.length, 2);
  const [first] = off.summary;
  assert.equal(first, "log ec_logger: not written, left to momentum /etc/m.conf: logs: false (/etc/m.conf:4)");
  const [again] = beside.summary;
  assert.equal(again, "log ec_logger: not written, left to momentum /etc/m.conf: it runs beside (/etc/m.conf:4)");
});

test("logs: a dialect whose listeners are left to it may be running: told, unless it is said", () => {
  const from = { source: "momentum", file: "/etc/m.conf", line: 3, column: 1, scope: "listener" };
  const listener = { name: "mx", address: "127.0.0.1" as IpAddress, port: 25, implicitTls: false, from };
  const settings = { ...theirs, listeners: [listener] };
  const listeners = "listeners: [{ address: 127.0.0.1:2525, tls: none }]\n";
  assert.deepEqual(load(`${momentum}${listeners}`, { settings }).told, [
    "1:1: warning: the logs of momentum /etc/m.conf are written here, though its listeners are not opened: where it still runs, both write them (say logs: false in its section while it runs, else logs: true)",
  ]);
  for (const said of ["true", "false"]) {
    const text = `policy: [momentum: { file: /etc/m.conf, logs: ${said} }]\n${listeners}`;
    assert.deepEqual(load(text, { settings }).told, []);
  }
  assert.deepEqual(load(`${momentum}${listeners}`).told, []);
});

test("logs: a file that a dialect's log has is none for ours, unless that one is left to it", () => {
  const own = "logs:\n  a: { format: postfix, file: /log/n }\n";
  assert.deepEqual(load(`${momentum}${own}`).told, [
    "4:25: error: /log/n is taken by ec_logger (/etc/m.conf:9) (give each log a file of its own)",
  ]);
  assert.deepEqual(load(`policy: [momentum: { file: /etc/m.conf, logs: false }]\n${own}`).told, []);
});

test("logs: what of a dialect cannot be written is a warning at its line there", () => {
  const reader: SourceFiles = {
    ...textFiles({ "/etc/m.conf": "" }),
    cannotWrite: (file) => (file === "/log/n" ? "permission denied" : undefined),
  };
  assert.deepEqual(load(momentum, { reader }).told, [
    "/etc/m.conf:9:1: warning: ec_logger: cannot write /log/n: permission denied (mail goes on without it; give this user the right to write there, or another path)",
  ]);
});

test("check: every log in words, with the line that asks for it", () => {
  const text = `data: /data
records: { inbound-file: off }
policy: [powermta: { file: /etc/pmta/config }]
logs:
  a: { format: postfix, file: /log/a }
  b: { format: sendmail, syslog: /dev/log, facility: local1 }
  c: { format: template, syslog: "tls://[2001:db8::1]", delivery: "%t" }
  d: { format: momentum-main, program: cat }
  e: { format: json, records: inbound, file: "-" }
  f: { format: powermta, file: acct, move-to: moved }
  g: { format: momentum-reject, syslog: udp://a.example }
  h: { format: momentum-bounce, file: /log/h }
`;
  const pmta = "<acct-file /var/log/pmta/acct.csv>\n  records d,t\n</acct-file>\n";
  const { summary, told } = load(text, {
    reader: textFiles({ "/etc/pmta/config": pmta }),
    compile: compileDialect,
  });
  assert.deepEqual(told, []);
  assert.deepEqual(summary, [
    "log a: Postfix lines to /log/a (/c/x.yaml:5)",
    "log b: Sendmail lines to syslog /dev/log as local1, rfc3164 (/c/x.yaml:6)",
    "log c: templates for delivery to syslog tls://[2001:db8::1]:6514 as mail, rfc5424 (/c/x.yaml:7)",
    "log d: Momentum's mainlog to the program cat (/c/x.yaml:8)",
    "log e: JSON of inbound to standard output (/c/x.yaml:9)",
    "log f: PowerMTA's accounting records d, b to /data/acct-DATE-NNNN, finished ones moved to /data/moved (/c/x.yaml:10)",
    "log g: Momentum's rejectlog to syslog udp://a.example:514 as mail, rfc5424 (/c/x.yaml:11)",
    "log h: Momentum's bouncelog to /log/h (/c/x.yaml:12)",
    "log acct-file /var/log/pmta/acct.csv: PowerMTA's accounting records d, t to /var/log/pmta/acct-DATE-NNNN.csv (/etc/pmta/config:1)",
  ]);
});
