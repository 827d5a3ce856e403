/**
 * Logs of other configurations in our own words: they come back as the same log.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import type { LogDefinition, LogFormat, LogTarget } from "../../mail/log-definition.ts";
import { allNamespaces, logMacros } from "../../policy/dialects/momentum/log-macros.ts";
import { parseTemplate } from "../../policy/dialects/momentum/log-template.ts";
import { compileDialect } from "../../policy/dialects/registry.ts";
import { loadSettings } from "../load.ts";
import { formatProblem } from "../problem.ts";
import { textFiles } from "../text-files.ts";
import { writeConfiguration } from "./write-configuration.ts";
import { writeTemplate } from "./written-template.ts";

function takeOver(logs: readonly LogDefinition[]) {
  const { text, left } = writeConfiguration({ settings: { logs }, export: () => [] }, "momentum /m");
  return { text, left: left.map(({ from, written, why }) => `${from.file}:${from.line} ${written}: ${why}`) };
}

function read(text: string): readonly LogDefinition[] {
  const { settings, problems } = loadSettings({ path: "/x.yaml", text, reader: textFiles({}) });
  assert.ok(settings, `${problems.map(formatProblem).join("\n")}\n${text}`);
  return settings.logs;
}

function log(format: LogFormat, target: LogTarget, name = "custom_logger a"): LogDefinition {
  return { name, from: "/m:7", format, target, headers: [] };
}

const file = { kind: "file", path: "/log/a", mode: 0o644, maxBytes: 0, keepFiles: 10 } as const;
const sanitize = { specialCharacters: true, nonPrintable: true, replace: [["/", "_"]] } as const;

const templated = (line: string): LogFormat => ({
  kind: "template",
  templates: { delivery: parseTemplate(line, allNamespaces).template },
  sanitize: { specialCharacters: false, nonPrintable: false, replace: [] },
});

const rows: readonly LogDefinition[] = [
  log({ kind: "momentum-main" }, file),
  log({ kind: "momentum-main", stages: ["delivery"] }, { ...file, maxBytes: 5_000_000, keepFiles: 3, stamps: "iso" }),
  log({ kind: "momentum-reject" }, { ...file, mode: 0o640, maxBytes: 100_000_000 }),
  log(
    { kind: "momentum-bounce" },
    { kind: "program", command: "/bin/load 'a b' # c", retryMs: 10_000, writeTimeoutMs: 90_500 },
  ),
  log(templated("%t@%i"), {
    kind: "syslog",
    to: { kind: "socket", path: "/dev/log" },
    protocol: "rfc3164",
    facility: "local2",
  }),
  log(templated("- %t: {%h{X}} %%"), {
    kind: "syslog",
    to: { kind: "tcp", host: "2001:db8::1", port: 601 },
    protocol: "rfc5424",
    facility: "mail",
  }),
  log({ ...templated("a"), sanitize } as LogFormat, file),
];

for (const one of rows) {
  test(`taking over: a log of ${one.format.kind} to ${one.target.kind} comes back`, () => {
    const stamped = one.target.kind === "file" && one.target.stamps !== undefined;
    const { text, left } = takeOver([one]);
    assert.deepEqual(left, []);
    assert.match(text, /^ {2}# \/m:7$/m);
    if (stamped) return assert.equal(parse(text).logs.a.stamps, "iso");
    const [back] = read(text);
    assert.deepEqual(
      [back?.format, back?.target],
      [one.format, one.target.kind === "file" ? fileOf(one.target) : one.target],
    );
  });
}

/** Files that are never begun anew keep none. */
function fileOf(target: Extract<LogTarget, { kind: "file" }>): LogTarget {
  return target.maxBytes === 0 ? { ...target, keepFiles: 10 } : target;
}

test("taking over: what is asked for twice in one file, or here alone, is told", () => {
  const { text, left } = takeOver([
    log({ kind: "momentum-main" }, file, "ec_logger /log/a"),
    log({ kind: "momentum-reject" }, file, "ec_logger /log/b.ec"),
    log({ kind: "json", of: "inbound" }, { ...file, path: "/log/c" }, "json"),
    log(templated(""), { ...file, path: "/log/d" }, "custom_logger d"),
    log({ kind: "momentum-main" }, { ...file, path: "/log/e" }, "ec_logger /other/a"),
  ]);
  assert.deepEqual(left, [
    "/m:7 ec_logger /log/b.ec: ec_logger /log/a writes that file too, and of ours each has its own",
    "/m:7 json: json lines are asked for here alone",
    "/m:7 custom_logger d: a template that prints nothing, or more than one line",
  ]);
  assert.deepEqual(
    read(text).map(({ name }) => name),
    ["logs.a", "logs.a-2"],
  );
});

const pmta = `
<acct-file /var/log/pmta/acct.csv>
  records d, b, tq, rb
  record-fields d *, !orcpt, header_X-Foo, dlvTlsProtocol
  record-fields delivery userString
  record-fields tq timeLogged,dlvTlsRule
  map-header-to-field d header_X-Job jobId
  map-header-to-field d header_X-Other jobId
  map-header-to-field d header_X-Other envId
  move-to /var/log/pmta/done
  move-interval 5m
  max-size 3M
  iso-times no
  user-string "a \\"b\\""
  queue-filter !example.com/*, */*
  privacy-policy redact "X Y"
  world-readable yes
  count-moved-records yes
  sync yes
</acct-file>
<acct-file |/usr/bin/load --x>
  retry-interval 90s
</acct-file>
<acct-file other.csv>
  delete-after 30d
</acct-file>
<bounce-category-patterns>
  /mailbox is full/ quota-issues
  /mailbox/ bad-mailbox
</bounce-category-patterns>
`;

test("powermta: accounting files of a configuration and what import writes of them are the same logs", () => {
  const files = textFiles({ "/etc/pmta/config": pmta });
  const compiled = compileDialect({ system: "powermta", options: { file: "/etc/pmta/config" } }, files);
  const { text, left } = writeConfiguration(
    { settings: { logs: compiled.settings.logs ?? [] }, export: () => [] },
    "x",
  );
  assert.deepEqual(left, []);
  const [theirs, ours] = [compiled.settings.logs ?? [], read(text)];
  assert.equal(theirs.length, 3);
  const plain = ({ target, headers, format }: LogDefinition) => [target, headers, asData(format)];
  assert.deepEqual(ours.map(plain), theirs.map(plain));
  const queues = ["example.com", "example.org"].map((domain) => ({ domain, vmta: "a", pool: null }));
  const texts = ["4.2.2;smtp;452 mailbox is full", "5.1.1;smtp;550 mailbox"];
  const asked = ({ format }: LogDefinition): unknown =>
    format.kind === "accounting" && [
      queues.map((queue) => format.wants("d", queue)),
      format.showRecipient("bob@example.net"),
      texts.map(format.bounceCategory),
    ];
  assert.deepEqual(ours.map(asked), theirs.map(asked));
  assert.deepEqual(asked(ours[0] ?? assert.fail()), [
    [false, true],
    "X Y@example.net",
    ["quota-issues", "bad-mailbox"],
  ]);
});

/** What is no function. */
function asData(format: LogFormat): unknown {
  const { written: _, ...rest } = format as Extract<LogFormat, { kind: "accounting" }>;
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => typeof value !== "function"));
}

test("powermta: what queues' own sections say of records is told", () => {
  const files = textFiles({
    "/etc/pmta/config": `${pmta}<domain example.com>\n  disable-acct-records t\n</domain>\n`,
  });
  const compiled = compileDialect({ system: "powermta", options: { file: "/etc/pmta/config" } }, files);
  const { left } = writeConfiguration({ settings: { logs: compiled.settings.logs ?? [] }, export: () => [] }, "x");
  assert.equal(left.length, 3);
  assert.match(left[0]?.why ?? "", /^disable-acct-records, queue-to and roll-up/);
});

test("powermta: whatever stands in an accounting section, what import writes of it is the same log", () => {
  const type = fc.constantFrom("d", "b", "tq", "r", "delivery", "rs", "f", "x");
  const word = fc.constantFrom(
    "*",
    "!orcpt",
    "rcpt",
    "header_X-a+b",
    "dlvTlsRule",
    "jobId",
    "nothing",
    "",
    '"',
    "a b",
    "#",
    "%",
  );
  const rest = fc.array(word, { maxLength: 4 }).map((words) => words.join(","));
  const size = fc.constantFrom(
    "1M",
    "3000k",
    "9t",
    "0",
    "5m",
    "90d",
    "0d",
    "never",
    "yes",
    "no",
    "x",
    '"a b"',
    "/tmp/x",
    "9w",
  );
  const name = fc.constantFrom(
    ...["move-to", "move-interval", "max-size", "delete-after", "iso-times", "user-string", "queue-filter", "sync"],
    ...["privacy-policy", "world-readable", "formula-cells", "retry-interval", "write-timeout", "count-moved-records"],
  );
  const line = fc.oneof(
    fc.tuple(fc.constantFrom("record-fields", "map-header-to-field"), type, rest).map((parts) => parts.join(" ")),
    fc
      .tuple(
        fc.constant("map-header-to-field"),
        type,
        fc.constantFrom("header_a+b jobId", "header_A rcpt", "header_A orcpt"),
      )
      .map((parts) => parts.join(" ")),
    fc.array(type, { maxLength: 3 }).map((types) => `records ${types.join(",")}`),
    fc.tuple(name, fc.oneof(size, rest)).map((parts) => parts.join(" ")),
  );
  const target = fc.constantFrom("/log/acct.csv", "acct", "|/bin/load -x", "a b.csv");
  fc.assert(
    fc.property(target, fc.array(line, { maxLength: 6 }), (where, lines) => {
      const config = `<acct-file ${where}>\n${lines.join("\n")}\n</acct-file>\n`;
      const compiled = compileDialect({ system: "powermta", options: { file: "/c" } }, textFiles({ "/c": config }));
      fc.pre(compiled.notes.every(({ kind }) => kind !== "error"));
      const theirs = compiled.settings.logs ?? [];
      const { text, left } = writeConfiguration({ settings: { logs: theirs }, export: () => [] }, "x");
      assert.deepEqual(left, []);
      const plain = ({ target, headers, format }: LogDefinition) => [target, headers, asData(format)];
      assert.deepEqual(read(text).map(plain), theirs.map(plain), `${config}\n${text}`);
    }),
    { numRuns: 100 },
  );
});

test("taking over: any template is read back as it was", () => {
  const macro = fc.constantFrom(
    ...logMacros.map(({ name, argument }) => `%${name}${argument ? `{${argument.shown}}` : ""}`),
  );
  const piece = fc.oneof(macro, fc.constantFrom("%t", "%T", "%{i}", "%%", "{", "}", "a", "_", ":", "@", "%", "é", " "));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const { template } = parseTemplate(pieces.join(""), allNamespaces);
      const again = parseTemplate(writeTemplate(template), allNamespaces);
      assert.deepEqual(joined(again.template), joined(template));
      assert.deepEqual(again.problems, []);
    }),
  );
});

/** A macro that prints nothing leaves two texts side by side. */
function joined(template: ReturnType<typeof parseTemplate>["template"]): string {
  return JSON.stringify(template).replaceAll('"},{"kind":"text","text":"', "");
}
