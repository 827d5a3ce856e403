/** Every directive of accounting sections, and what is told of each (reference, section 3.1 and 3.3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NumberedFiles } from "../../../mail/log-definition.ts";
import { accountingLog, compiledSection, sampleContext } from "./accounting-sample.ts";

const star =
  "timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType,dlvSourceIp,dlvDestinationIp,dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool";

const columnRows: readonly [title: string, lines: readonly string[], columns: string][] = [
  ["nothing written: records d and b, all default fields", [], star],
  [
    "names before and after the star, each once",
    ["record-fields d jobId,dsnDiag,*,userString", "records d"],
    `jobId,dsnDiag,${star.replace(",dsnDiag", "").replace(",jobId", "")},userString`,
  ],
  [
    "! takes one out, before the star too",
    ["records d", "record-fields d !orcpt,*,!envId"],
    star.replace(",orcpt", "").replace(",envId", ""),
  ],
  ["a name that is written twice is one column", ["records b", "record-fields bounce rcpt, rcpt,orig"], "rcpt,orig"],
  [
    "the second type's new fields come after the first's",
    ["records d,b", "record-fields b rcpt,bounceCat", "record-fields d timeLogged,rcpt"],
    "timeLogged,rcpt,bounceCat",
  ],
  [
    "the order is that of records",
    ["records b,d", "record-fields b rcpt,bounceCat", "record-fields d timeLogged,rcpt"],
    "rcpt,bounceCat,timeLogged",
  ],
  [
    "long names, any letter case, PowerMTA's spelling in the head line",
    ["records Transient-Queue", "record-fields transient-queue TIMELOGGED,userstring"],
    "timeLogged,userString",
  ],
  [
    "a header field keeps its spelling",
    ["records d", "record-fields d header_x-sp-Message-ID"],
    "header_x-sp-Message-ID",
  ],
  ["tq alone", ["records tq"], "timeLogged,dsnStatus,dsnDiag,dsnMta,dlvType,dlvSourceIp,dlvDestinationIp,vmta,queue"],
  ["r alone", ["records r"], "timeLogged,orig,rcpt,orcpt,srcType,srcMta,rcvSourceIp,rcvDestinationIp,vmta,jobId,envId"],
  [
    "columns of types that nothing is written of stand in their place",
    ["records tq,f", "record-fields tq queue", "record-fields f feedbackType,arf_Source-IP"],
    "queue,feedbackType,arf_Source-IP",
  ],
  ["two lines of one type are one list", ["records d", "record-fields d orig", "record-fields d rcpt,!orig"], "rcpt"],
];
for (const [title, lines, columns] of columnRows) {
  test(`record-fields: ${title}`, () => assert.equal(accountingLog(...lines).columns.join(","), columns));
}

const noteRows: readonly [lines: readonly string[], told: readonly string[]][] = [
  [["records d", "record-fields d *, dlvTlsProtocol, dlvTlsCipher"], []],
  [["records d,x"], ['error 2: records: "x" is no record type (write a list such as d,b)']],
  [["records d b"], ['error 2: records: "d b" is no record type (write a list such as d,b)']],
  [
    ["records d,rb,f"],
    [
      "no-effect 2: records: nothing is written of type rb: bounces that come in by mail are not read here ()",
      "no-effect 2: records: nothing is written of type f: feedback reports are not read here ()",
    ],
  ],
  [["records d,"], ["warning 2: records: there is nothing beside a comma (take the comma out)"]],
  [
    ["records d", "records b"],
    ["warning 3: records is written twice in this section: the later line counts (write one)"],
  ],
  [["record-fields q *"], ['error 2: record-fields: "q" is no record type (write record-fields d *,dlvTlsProtocol)']],
  [["record-fields d"], ["error 2: record-fields: argument missing (write the fields after the record type)"]],
  [
    ["record-fields d orig rcpt"],
    ['error 2: record-fields: a blank in "orig rcpt" (write a comma between two fields)'],
  ],
  [
    ["record-fields d *,dsnDaig"],
    ['warning 2: record-fields: there is no field "dsnDaig"; its column stays empty (did you mean dsnDiag?)'],
  ],
  [["record-fields d *,!foo"], ["warning 2: record-fields: foo is not among the fields before (remove it)"]],
  [
    ["record-fields d type,*"],
    ["no-effect 2: record-fields: type is the first column of every file, whatever is written ()"],
  ],
  [
    ["records tq", "record-fields tq *,orig,header_Subject"],
    [
      "no-effect 3: record-fields: records of type tq have no orig; it stays empty ()",
      "no-effect 3: record-fields: records of type tq have no header_Subject; it stays empty ()",
    ],
  ],
  [["record-fields t *"], ["warning 2: record-fields: this file has no records of type t (add t to records)"]],
  [
    ["record-fields d orig", "record-fields delivery rcpt"],
    ["warning 3: record-fields d is written twice in this section: both are one list (write one)"],
  ],
  [
    ["map-header-to-field d x-foo rcpt"],
    ['error 2: map-header-to-field: "x-foo" names no header field (write map-header-to-field d header_X-Foo rcpt)'],
  ],
  [
    ["map-header-to-field tq header_x vmta"],
    [
      "error 2: map-header-to-field: records of type tq are of a queue, and have no header (write map-header-to-field d header_X-Foo rcpt)",
    ],
  ],
  [
    ["map-header-to-field t header_x rcpt"],
    ["warning 2: map-header-to-field: t records of this file have no rcpt (add it)"],
  ],
  [
    ["move-interval 5m"],
    ["warning 2: move-interval has no effect without move-to (write move-to FOLDER, or remove it)"],
  ],
  [
    ["move-interval soon", "move-to /x"],
    ['error 2: move-interval: "soon" is no interval (write an interval such as 5m or 1d12h)'],
  ],
  [
    ["move-to /x", "delete-after 5d"],
    ["no-effect 3: delete-after has no effect: finished files are moved, and deleted by nobody ()"],
  ],
  [["move-to /var/log/pmta"], ["no-effect 2: move-to has no effect: the files are in this folder already ()"]],
  [
    ["delete-after 5h"],
    ['error 2: delete-after: "5h" is no number of days (write a number of days such as 8d, or never)'],
  ],
  [["max-size 100K"], ["warning 2: max-size: 100K is less than 1M; 1M is used (write 1M or more)"]],
  [["max-size big"], ['error 2: max-size: "big" is no size (write a size such as 250M)']],
  [["iso-times maybe"], ['error 2: iso-times: "maybe" is neither yes nor no (write yes or no)']],
  [["retry-interval 1m"], ["no-effect 2: retry-interval has no effect: records go to a file ()"]],
  [
    ["queue-filter !a.test"],
    ["warning 2: queue-filter: every pattern begins with !, so nothing is written (add */* at its end)"],
  ],
  [
    ["queue-filter {bounce}/*"],
    ['error 2: queue-filter: "{bounce}/*" is no queue (write domain/virtual-mta, such as *.example.com/*)'],
  ],
  [["formula-cells no"], ['error 2: formula-cells: "no" is neither escape nor keep (write escape or keep)']],
  [["recordfields d *"], ['error 2: unknown directive "recordfields" (did you mean record-fields?)']],
  [["records"], ["error 2: records: argument missing (write records and its value)"]],
];
for (const [lines, want] of noteRows) {
  test(`accounting section told: ${lines.join("; ")}`, () => {
    assert.deepEqual(compiledSection("/var/log/pmta/acct.csv", lines).told, want);
  });
}

function filesFor(target: string, ...lines: string[]): NumberedFiles {
  const { log } = compiledSection(target, lines);
  assert.equal(log?.target.kind, "numbered-files");
  return log.target;
}

test("accounting files: PowerMTA's defaults", () => {
  assert.deepEqual(filesFor("/var/log/pmta/acct.csv"), {
    kind: "numbered-files",
    path: "/var/log/pmta/acct.csv",
    moveTo: undefined,
    intervalMs: undefined,
    maxBytes: 250 * 1024 * 1024,
    deleteAfterMs: 8 * 86_400_000,
    worldReadable: false,
    countMoved: false,
    sync: false,
  });
});

test("accounting files: all that is written counts", () => {
  const lines = [
    "move-to done",
    "move-interval 1h30m",
    "max-size 1g",
    "world-readable yes",
    "count-moved-records true",
  ];
  assert.deepEqual(filesFor("/var/log/pmta/acct.csv", ...lines, "sync yes"), {
    kind: "numbered-files",
    path: "/var/log/pmta/acct.csv",
    moveTo: "/var/log/pmta/done",
    intervalMs: 5_400_000,
    maxBytes: 1024 ** 3,
    deleteAfterMs: undefined,
    worldReadable: true,
    countMoved: true,
    sync: true,
  });
  assert.equal(filesFor("/a.csv", "delete-after never").deleteAfterMs, undefined);
  assert.equal(filesFor("/a.csv", "delete-after 2d").deleteAfterMs, 2 * 86_400_000);
  assert.equal(filesFor("/a.csv", "max-size 1k").maxBytes, 1024 * 1024);
});

const nameRows: readonly [written: string, file: string][] = [
  ["logacct.csv", "/var/log/pmta/logacct.csv"],
  ["log\\acct.csv", "/var/log/pmta/log/acct.csv"],
  ["c:\\my stuff\\acct.csv", "/var/log/pmta/acct.csv"],
  ["/data/acct.csv", "/data/acct.csv"],
];
for (const [written, file] of nameRows) {
  test(`accounting files: ${written} stands at ${file}`, () => {
    const { log, told } = compiledSection(written, []);
    assert.ok(log?.target.kind === "numbered-files");
    assert.equal(log.target.path, file);
    assert.deepEqual([log.name, log.from], [`acct-file ${written}`, "config:1"]);
    const want =
      written === file
        ? []
        : [`differs 1: <acct-file ${written}>: the files stand beside ${file} (write the whole path)`];
    assert.deepEqual(told, want);
  });
}

test("accounting records to a program: its own two waits, and what only files have is without effect", () => {
  const { log, told } = compiledSection("| /bin/acct.pl -x --y", [
    "retry-interval 10m",
    "write-timeout 2m",
    "max-size 1M",
  ]);
  assert.deepEqual(log?.target, {
    kind: "program",
    command: "/bin/acct.pl -x --y",
    retryMs: 600_000,
    writeTimeoutMs: 120_000,
  });
  assert.deepEqual(told, ["no-effect 4: max-size has no effect: records go to a program ()"]);
  assert.deepEqual(compiledSection("|x", []).log?.target, {
    kind: "program",
    command: "x",
    retryMs: 300_000,
    writeTimeoutMs: 60_000,
  });
  const none = compiledSection("|", []);
  assert.deepEqual([none.log, none.told.length], [undefined, 1]);
});

test("only types that nothing is written of: there is no log", () => {
  assert.equal(compiledSection("/a.csv", ["records f,rb,rs"]).log, undefined);
});

test("header fields that a file prints are named, that of jobs and those that are mapped too", () => {
  const { log } = compiledSection("/a.csv", [
    "records d,b",
    "record-fields d jobId,header_Message-Id,rcpt",
    "record-fields b header_message-id,rcpt",
    "map-header-to-field b header_X-Foo rcpt",
  ]);
  assert.deepEqual(log?.headers, ["x-job", "message-id", "x-foo"]);
});

const filterRows: readonly [queue: string, written: boolean][] = [
  ["a.com/vmta1", true],
  ["a.com/vmta2", false],
  ["b.com/vmta4", false],
  ["x.b.com/vmta4", false],
  ["c.com/vmta2", false],
  ["x.c.com/vmta2", true],
  ["z.net/vmta3", false],
  ["z.net/vmta4", true],
  ["plain.net/{default}", true],
  ["plain.net/vmta9", false],
];
for (const [queue, written] of filterRows) {
  test(`queue-filter: ${queue} is ${written ? "written" : "left out"}`, () => {
    const filter = "queue-filter a.com/vmta1,![*.]b.com/*,*.c.com/vmta2,!*/vmta3,*/vmta4,plain.net";
    const log = accountingLog("records d,b,t,tq,r", filter);
    const [domain = "", vmta = ""] = queue.split("/");
    for (const type of ["d", "b", "t", "tq"] as const)
      assert.equal(log.wants(type, { domain, vmta, pool: null }), written);
    assert.equal(log.wants("r", { domain, vmta, pool: null }), true);
  });
}

test("what a queue turns off is not written, of r records nothing is turned off", () => {
  const isDisabled = (type: string): boolean => type === "t" || type === "r";
  const { log } = compiledSection("/a.csv", [], { ...sampleContext, isDisabled });
  assert.ok(log?.format.kind === "accounting");
  const { wants } = log.format;
  const queue = { domain: "a.test", vmta: "m1", pool: null };
  assert.deepEqual([wants("t", queue), wants("d", queue), wants("r", queue)], [false, true, true]);
});

const hex = "000102030405060708090a0b0c0d0e0f";
/** Hashes as `openssl mac SipHash` and `openssl dgst -hmac` make them; that of SipHash as the number that it is. */
const privacyRows: readonly [written: string, address: string, shown: string][] = [
  ["retain", "Bob@Example.net", "Bob@Example.net"],
  ["redact", "bob@example.net", "...@example.net"],
  ['redact "X"', "bob@example.net", "X@example.net"],
  ['redact ""', "bob@example.net", "@example.net"],
  ["siphash secret", "Bob@example.net", "c47065ecd062759c@example.net"],
  [`siphash-hexkey ${hex}`, "postmaster", "048e06825ca7be11"],
  [
    "hmac-sha256 secret",
    "BOB@example.net",
    "9c90819f883772660da011f41042fabea4a174e2873386b30949f106dbac797e@example.net",
  ],
];
for (const [written, address, shown] of privacyRows) {
  test(`privacy-policy ${written}`, () => {
    const { showRecipient } = accountingLog(`privacy-policy ${written}`);
    assert.equal(showRecipient(address), shown);
  });
}

for (const written of [
  "hash x",
  "siphash",
  "siphash 12345678901234567",
  "siphash-hexkey xyz",
  "retain x",
  "redact a b",
]) {
  test(`privacy-policy ${written}: an error, and addresses are hidden all the same`, () => {
    const { log, told } = compiledSection("/a.csv", [`privacy-policy ${written}`]);
    assert.match(told.join(), /^error 2: privacy-policy/);
    assert.ok(log?.format.kind === "accounting");
    assert.equal(log.format.showRecipient("bob@example.net"), "...@example.net");
  });
}

test("a short HMAC key is warned of, a long one is not (RFC 2104)", () => {
  assert.match(compiledSection("/a", ["privacy-policy hmac-sha256 short"]).told.join(), /warning 2: .*shorter than 32/);
  assert.deepEqual(
    compiledSection("/a", [`privacy-policy hmac-sha256-hexkey ${hex}${hex}`]).told.slice(0),
    compiledSection("/a", []).told,
  );
});
