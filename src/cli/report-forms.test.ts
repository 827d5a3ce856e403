/** A report's three forms: what the schema promises, and that no name does harm in any of them (AT-28). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { reasonTable } from "../policy/reasons.ts";
import {
  type CountName,
  countNames,
  type Figures,
  groupings,
  noFigures,
  protocolsByStrength,
  type Report,
  weakestPlace,
} from "../queue/tls-report.ts";
import { type ReportFrame, reportCsv, reportJson, reportText } from "./report-forms.ts";

const file = path.join(import.meta.dirname, "../../schema/report-tls.schema.json");
const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, validateFormats: false }).compile(
  JSON.parse(readFileSync(file, "utf8")),
);

const frame: ReportFrame = { by: "domain", since: Date.UTC(2026, 10, 15, 12), until: Date.UTC(2026, 10, 22, 12) };

function figures(counts: Partial<Record<CountName, number>>, weakest = "TLSv1.3"): Figures {
  const all = noFigures();
  for (const [place, name] of countNames.entries()) all[place] = counts[name] ?? 0;
  all[weakestPlace] = protocolsByStrength.indexOf(weakest);
  return all;
}

const good = figures({ attempts: 3000, encrypted: 3000, trusted: 3000, verified: 2999, delivered: 3000 });
const bad = figures(
  { attempts: 40, encrypted: 30, clear: 1, failed: 8, unsent: 1, deferred: 9, delivered: 31 },
  "TLSv1",
);
const nothing = { keys: 0, exact: true, figures: noFigures() };

function report(change: Partial<Report> = {}): Report {
  return {
    rows: [
      { key: "partner.example", figures: bad },
      { key: "example.com", figures: good },
    ],
    others: nothing,
    total: figures({ attempts: 3040, encrypted: 3030, trusted: 3000, verified: 2999, clear: 1, failed: 8, unsent: 1 }),
    ...change,
  };
}

test("report tls: the table says shares, what needs attention in numbers, and the window", () => {
  assert.equal(
    reportText(frame, report({ others: { keys: 1200, exact: true, figures: good } })),
    `3,040 attempts from 2026-11-15 12:00 to 2026-11-22 12:00 UTC

DOMAIN           ATTEMPTS  ENCRYPTED  TRUSTED  VERIFIED    CLEAR   FAILED  WOULD FAIL   UNSENT  WEAKEST
partner.example        40      75.0%        -         -  1  2.5%  8 20.0%           -  1  2.5%    TLSv1
example.com         3,000       100%     100%     99.9%        -        -           -        -  TLSv1.3
(1,200 more)        3,000       100%     100%     99.9%        -        -           -        -  TLSv1.3
total               3,040      99.6%    98.6%     98.6%  1 <0.1%  8  0.2%           -  1 <0.1%  TLSv1.3
`,
  );
});

test("report tls: CSV has a line for each row, the others and the total", () => {
  const lines = reportCsv(frame, report({ others: { keys: 7, exact: true, figures: good } })).split("\n");
  assert.deepEqual(lines, [
    "kind,domain,attempts,encrypted,trusted,verified,clear,failed,unsent,wouldFail,delivered,deferred,bounced,weakest",
    "row,partner.example,40,30,0,0,1,8,1,0,31,9,0,TLSv1",
    "row,example.com,3000,3000,3000,2999,0,0,0,0,3000,0,0,TLSv1.3",
    "others,7,3000,3000,3000,2999,0,0,0,0,3000,0,0,TLSv1.3",
    "total,,3040,3030,3000,2999,1,8,1,0,0,0,0,TLSv1.3",
    "",
  ]);
});

for (const by of groupings) {
  test(`report tls: JSON by ${by} is as the schema says, with and without others`, () => {
    const key = by === "reason" ? "name-mismatch" : "x";
    const rows = [
      { key, figures: bad },
      { key: null, figures: good },
      { key: "gone-by-now", figures: good },
    ];
    for (const others of [nothing, { keys: 9, exact: false, figures: good }]) {
      const json = reportJson({ ...frame, by }, report({ rows, others }));
      assert.ok(validate(json), JSON.stringify(validate.errors));
    }
    const text = by === "reason" ? reasonTable["name-mismatch"].text : undefined;
    const json = reportJson({ ...frame, by }, report({ rows })) as { rows: { text?: string }[] };
    assert.equal(json.rows[0]?.text, text);
  });
}

const wrong: readonly [name: string, change: object][] = [
  ["a name with a control character", { rows: [{ ...rowJson(), key: "a\u001b[2J" }] }],
  ["a row without its failures", { rows: [{ ...rowJson(), failed: undefined }] }],
  ["a share above 1", { rows: [{ ...rowJson(), share: { ...rowJson().share, clear: 1.5 } }] }],
  ["another grouping", { by: "sender" }],
];

function rowJson(): { share: object } {
  return (reportJson(frame, report()) as { rows: { share: object }[] }).rows[0] ?? { share: {} };
}

for (const [name, change] of wrong) {
  test(`report tls: the schema refuses ${name}`, () => {
    assert.ok(!validate(JSON.parse(JSON.stringify({ ...(reportJson(frame, report()) as object), ...change }))));
  });
}

const hostile: readonly [key: string, csv: string, plain: string][] = [
  ["=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1"],
  ["@SUM(1+1)", "'@SUM(1+1)", "@SUM(1+1)"],
  ['a",b', '"a"",b"', 'a",b'],
  ["mx\u001b]0;owned\u0007.example", "mx\\x1b]0;owned\\x07.example", "mx\\x1b]0;owned\\x07.example"],
  ["a\r\nrow,b", '"a\\x0d\\x0arow,b"', "a\\x0d\\x0arow,b"],
  ["\u202egro.example\u2028", "\\u{202e}gro.example\\u{2028}", "\\u{202e}gro.example\\u{2028}"],
];

for (const [key, csv, plain] of hostile) {
  test(`AT-28: report tls, a host called ${JSON.stringify(key)} is harmless in every form`, () => {
    const one = report({ rows: [{ key, figures: good }] });
    assert.equal(
      reportCsv({ ...frame, by: "mx" }, one)
        .split("\n")[1]
        ?.split(",3000,3000")[0],
      `row,${csv}`,
    );
    const json = reportJson({ ...frame, by: "mx" }, one) as { rows: { key: string }[] };
    assert.equal(json.rows[0]?.key, plain);
    assert.ok(validate(json), JSON.stringify(validate.errors));
    const text = reportText({ ...frame, by: "mx" }, one);
    assert.ok(text.split("\n")[3]?.startsWith(`${plain} `), text);
    assert.match(text, /^[\n -~]*$/);
  });
}
