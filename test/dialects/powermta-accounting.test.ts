/**
 * `<acct-file>` sections, from the text of a configuration to the rows that stand in the file: the reference's cases T31 to
 * T38, the seed page's example, and what else of a configuration bears on accounting files.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { createAccountingRenderer } from "../../src/logs/powermta/accounting-renderer.ts";
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import { sampleAttempt, sampleOrigin, sampleTls } from "../../src/mail/attempt-sample.ts";
import type { AccountingLog, LogDefinition } from "../../src/mail/log-definition.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { bounceCategories } from "../../src/policy/dialects/powermta/bounce-patterns.ts";
import { compiled, compiledWith, lines, main, question, textsOf } from "./powermta/files.ts";

const seed = readFileSync(new URL("powermta/seed-accounting.conf", import.meta.url), "utf8");

function logsOf({ settings }: Compiled): readonly LogDefinition[] {
  return settings.logs ?? [];
}

function accountingOf(made: Compiled, index = 0): AccountingLog {
  const format = logsOf(made)[index]?.format;
  assert.ok(format?.kind === "accounting");
  return format;
}

/** The lines of a file, with their ends. */
function fileOf(text: string, ...records: readonly Partial<AttemptRecord>[]): string {
  const { head, lines: linesOf, lineEnd } = createAccountingRenderer(accountingOf(compiled(text)));
  const rows = records.flatMap((change) => linesOf({ kind: "attempt", record: { ...sampleAttempt, ...change } }, 0));
  return [head, ...rows.map((row) => row.text)].map((line) => `${line}${lineEnd}`).join("");
}

const inClear: Partial<AttemptRecord> = {
  tls: { ...sampleTls, required: "may", achieved: "none", offered: false, protocol: null, cipher: null, peer: null },
};

const bounce: Partial<AttemptRecord> = {
  event: "failed",
  reply: { code: 550, enhanced: "5.1.1", text: "User unknown" },
  status: "5.1.1",
  failure: { kind: "refused", stage: "rcpt", tls: null, unproven: [], code: null, cause: "refused" },
};

const head =
  "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType,dlvSourceIp,dlvDestinationIp,dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool";
const row =
  'd,2026-11-21 12:00:00+0000,2026-11-21 12:00:00+0000,alice@example.com,bob@example.net,rfc822;bob@example.net,relayed,2.0.0 (success),smtp;250 2.0.0 Ok: queued as 4F2A,mx.example.net (192.0.2.7),success,smtp,client.example.com (192.0.2.100),smtp,192.0.2.1,192.0.2.7,"PIPELINING,8BITMIME,DSN,SIZE,STARTTLS",5120,default,,QQ314159,example.net/default,';

test("powermta T31: the seed page's accounting file, word for word, has the protocol and cipher it promises", () => {
  assert.equal(fileOf(seed, {}), `${head},dlvTlsProtocol,dlvTlsCipher\r\n${row},TLSv1.3,TLS_AES_256_GCM_SHA384\r\n`);
  assert.deepEqual(textsOf(compiled(seed), "error", "warning", "not-yet"), []);
});

test("powermta T31: a bounce in an encrypted session has them too", () => {
  assert.match(
    fileOf(seed, bounce),
    /\r\nb,.*,failed,5\.1\.1 \(bad .*,bad-mailbox,.*,TLSv1\.3,TLS_AES_256_GCM_SHA384\r\n$/,
  );
});

test("powermta T32: without record-fields there are no columns of TLS", () => {
  const text = lines("<acct-file /a.csv>; records d; </acct-file>");
  assert.equal(fileOf(text, {}), `${head}\r\n${row}\r\n`);
});

test("powermta T33: of a delivery in clear the row ends with two empty values", () => {
  assert.match(fileOf(seed, inClear), /,example\.net\/default,,,\r\n$/);
});

test("powermta T34: the columns of both types in one head line, missing values empty", () => {
  const text = lines(
    "<acct-file /a.csv>; records d,b; record-fields delivery timeLogged,orig,rcpt,dlvSourceIp; record-fields bounce timeLogged,orig,rcpt,bounceCat; </acct-file>",
  );
  assert.deepEqual(fileOf(text, {}, bounce).split("\r\n"), [
    "type,timeLogged,orig,rcpt,dlvSourceIp,bounceCat",
    "d,2026-11-21 12:00:00+0000,alice@example.com,bob@example.net,192.0.2.1,",
    "b,2026-11-21 12:00:00+0000,alice@example.com,bob@example.net,,bad-mailbox",
    "",
  ]);
});

test("powermta T35: a field taken out, a header field added", () => {
  const text = lines("<acct-file /a.csv>; records d; record-fields d *,!orcpt,header_X-Id; </acct-file>");
  const file = fileOf(text, { origin: { ...sampleOrigin, headers: { "x-id": "id-7" } } });
  assert.equal(file.split("\r\n")[0], `${head.replace(",orcpt", "")},header_X-Id`);
  assert.match(file, /,id-7\r\n$/);
  assert.deepEqual(logsOf(compiled(text))[0]?.headers, ["x-job", "x-id"]);
});

test("powermta T36: RFC 4180: commas and quotes are quoted, lines end in CRLF, and a reader of CSV finds what was said", () => {
  const text = lines("<acct-file /a.csv>; records d; record-fields d dsnDiag,dlvEsmtpAvailable; </acct-file>");
  const reply = { code: 250, enhanced: "2.0.0", text: 'queued as "7", thanks' };
  const file = fileOf(text, { reply });
  assert.equal(
    file,
    'type,dsnDiag,dlvEsmtpAvailable\r\nd,"smtp;250 2.0.0 queued as ""7"", thanks","PIPELINING,8BITMIME,DSN,SIZE,STARTTLS"\r\n',
  );
  assert.deepEqual(parse(file, { record_delimiter: "\r\n", from_line: 2 }), [
    ["d", 'smtp;250 2.0.0 queued as "7", thanks', "PIPELINING,8BITMIME,DSN,SIZE,STARTTLS"],
  ]);
});

test("powermta T36: records go to a program behind |", () => {
  const made = compiled(
    lines('<acct-file "|/bin/write --csv \\"a b\\"">; records d; </acct-file>; <acct-file |x.pl -a>; </acct-file>'),
  );
  assert.deepEqual(
    logsOf(made).map(({ target }) => target.kind === "program" && target.command),
    ['/bin/write --csv "a b"', "x.pl -a"],
  );
});

test("powermta T37: max-size begins a new file, each with the head line, and two files stand side by side", () => {
  const made = compiled(
    lines("<acct-file /a.csv>; max-size 1M; </acct-file>; <acct-file /b.csv>; records tq; </acct-file>"),
  );
  assert.deepEqual(
    logsOf(made).map(({ name, from, target }) => [name, from, target.kind === "numbered-files" && target.maxBytes]),
    [
      ["acct-file /a.csv", `${main}:1`, 1024 ** 2],
      ["acct-file /b.csv", `${main}:4`, 250 * 1024 ** 2],
    ],
  );
  const { head: first } = createAccountingRenderer(accountingOf(made, 1));
  assert.equal(first, "type,timeLogged,dsnStatus,dsnDiag,dsnMta,dlvType,dlvSourceIp,dlvDestinationIp,vmta,queue");
});

test("powermta T38: move-interval without move-to is warned of, and begins no file", () => {
  const made = compiled(lines("<acct-file /a.csv>; move-interval 5m; </acct-file>"));
  assert.deepEqual(textsOf(made, "warning"), ["2: move-interval has no effect without move-to"]);
  const moved = compiled(lines("<acct-file /a.csv>; move-interval 5m; move-to /x; </acct-file>"));
  assert.deepEqual(textsOf(moved, "warning"), []);
  assert.deepEqual(
    [made, moved].map((one) => {
      const target = logsOf(one)[0]?.target;
      return target?.kind === "numbered-files" && target.intervalMs;
    }),
    [undefined, 300_000],
  );
});

test("powermta: what keeps PowerMTA from loading an accounting section is an error here", () => {
  const wrong = [
    ["records d, q", 'Error in line 2 of /etc/pmta/config: records: "q" is no record type'],
    ["header x", "Error in line 2 of /etc/pmta/config: header cannot stand in <acct-file>"],
    ["max-size big", 'Error in line 2 of /etc/pmta/config: max-size: "big" is no size'],
    ["sync perhaps", 'Error in line 2 of /etc/pmta/config: sync: "perhaps" is neither yes nor no'],
  ] as const;
  for (const [line, text] of wrong) {
    const made = compiledWith(`<acct-file /a.csv>\n${line}\n</acct-file>`);
    assert.deepEqual(textsOf(made, "error"), [`2: ${text}`]);
    assert.notEqual(made.source.outbound(question("a.test"))?.refuse, undefined, line);
  }
});

test("powermta: types that come of mail that is not read here are told, and the file is written all the same", () => {
  const made = compiled(
    lines("<acct-file /a.csv>; records d,b,rb,rs,f; </acct-file>; <acct-file /f.csv>; records f; </acct-file>"),
  );
  assert.deepEqual(accountingOf(made).types, ["d", "b"]);
  assert.equal(logsOf(made).length, 1);
  assert.equal(textsOf(made, "no-effect").length, 4);
  assert.deepEqual(textsOf(made, "warning"), ["4: <acct-file /f.csv>: nothing is ever written to it"]);
});

test("powermta: relative names stand beside log-file, or where PowerMTA's packages log", () => {
  const fileFor = (text: string): unknown => {
    const target = logsOf(compiled(text))[0]?.target;
    return target?.kind === "numbered-files" && target.path;
  };
  assert.equal(fileFor(seed), "/var/log/pmta/logacct.csv");
  assert.equal(fileFor(`${seed}\nlog-file /data/pmta/log\n`), "/data/pmta/logacct.csv");
});

test("powermta: of a file that several sections name, the later ones write files of other names", () => {
  const three =
    "<acct-file /a.csv>; </acct-file>; <acct-file /a.csv>; records t; </acct-file>; <acct-file /./a.csv>; </acct-file>";
  const made = compiled(lines(three));
  assert.deepEqual(
    logsOf(made).map(({ name, target }) => [name, target.kind === "numbered-files" && target.path]),
    [
      ["acct-file /a.csv", "/a.csv"],
      [`acct-file /a.csv (${main}:3)`, "/a-2.csv"],
      ["acct-file /./a.csv", "/a-3.csv"],
    ],
  );
  assert.match(textsOf(made, "warning").join(), /^3: .* is written twice: here as \/a-2\.csv/);
});

const queues = lines(
  '<acct-file /a.csv>; records d,t,tq; </acct-file>; <domain *>; disable-acct-records tq; </domain>; <domain gmail.test>; queue-to gmail.rollup; </domain>; <domain gmail.rollup>; disable-acct-records d; </domain>; <virtual-mta m1>; <domain a.test>; disable-acct-records transient,d; </domain>; </virtual-mta>; <domain b.test>; disable-acct-records ""; </domain>; <mx-rollup-list>; mx *.big.test big.rollup; </mx-rollup-list>',
);

test("powermta: disable-acct-records of the queue, the most specific section first", () => {
  const { wants } = accountingOf(compiled(queues));
  const off = (domain: string, vmta = "{default}"): string =>
    (["d", "t", "tq"] as const).filter((type) => !wants(type, { domain, vmta, pool: null })).join();
  assert.equal(off("c.test"), "tq");
  assert.equal(off("a.test"), "tq");
  assert.equal(off("a.test", "m1"), "d,t");
  assert.equal(off("gmail.rollup"), "d");
  assert.equal(off("b.test"), "");
  const wrong = compiledWith(lines("<domain a.test>; disable-acct-records r; </domain>"));
  assert.match(textsOf(wrong, "error").join(), /disable-acct-records: "r" is none of d, b, t and tq/);
});

test("powermta: the queue is named as queue-to and roll-up name it", () => {
  const { queueDomain } = accountingOf(compiled(queues));
  const at = (domain: string, mx: string | null): string => queueDomain({ domain, vmta: "{default}", pool: null, mx });
  assert.equal(at("gmail.test", "mx.gmail.test"), "gmail.rollup");
  assert.equal(at("corp.test", "mx1.big.test"), "big.rollup");
  assert.equal(at("corp.test", "mx.corp.test"), "corp.test");
  assert.equal(at("corp.test", null), "corp.test");
  const text = lines(
    "<acct-file /a.csv>; records d; record-fields d queue; </acct-file>; <domain example.net>; queue-to big.rollup; </domain>",
  );
  assert.match(fileOf(text, {}), /\r\nd,big\.rollup\/default\r\n$/);
});

test("powermta: whatever stands in a section, it compiles, and what it makes writes rows of one line", () => {
  const name = fc.constantFrom(
    ..."records record-fields map-header-to-field move-to move-interval max-size delete-after iso-times user-string queue-filter privacy-policy retry-interval write-timeout formula-cells".split(
      " ",
    ),
  );
  const words =
    'd b t tq r f * ! , / header_x rcpt dlvTlsRule jobId 5m 1M yes never redact siphash k " */* a.test/{default} -1 = 9w'.split(
      " ",
    );
  const value = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 6 })), { maxLength: 5 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value), { maxLength: 8 }),
      fc.string({ unit: "binary", maxLength: 20 }),
      (section, said) => {
        const text = section.map(([one, parts]) => `${one} ${parts.join(" ")}`.replace(/[\r\n]/g, " ")).join("\n");
        const format = logsOf(compiledWith(`<acct-file /a.csv>\n${text}\n</acct-file>`))[0]?.format;
        if (format?.kind !== "accounting") return;
        const { head, lines: linesOf } = createAccountingRenderer(format);
        const record = { ...sampleAttempt, ...bounce, to: `${said}@example.net`, envid: said };
        const rows = linesOf({ kind: "attempt", record }, 0).map((line) => line.text);
        for (const row of [head ?? "", ...rows]) assert.doesNotMatch(row, /[\r\n\0]/);
        const width = format.columns.length + 1;
        for (const row of parse([head, ...rows].join("\r\n"), { record_delimiter: "\r\n" }))
          assert.equal(row.length, width);
      },
    ),
    { numRuns: 300 },
  );
});

test("powermta: bounce categories of the configuration go before those of config-defaults, those before ours", () => {
  const made = compiled(
    lines(
      "<acct-file /a.csv>; </acct-file>; <bounce-category-patterns>; /too busy/ later; </bounce-category-patterns>",
    ),
    {
      "/etc/pmta/config-defaults":
        "<bounce-category-patterns>\n/busy/ shipped\n/odd/ shipped\n</bounce-category-patterns>\n",
    },
  );
  const { bounceCategory } = accountingOf(made);
  assert.equal(bounceCategory("4.0.0;smtp;450 too busy"), "later");
  assert.equal(bounceCategory("4.0.0;smtp;450 busy"), "shipped");
  assert.equal(bounceCategory("5.2.2;smtp;552 full"), bounceCategories([])("5.2.2;smtp;552 full"));
});
