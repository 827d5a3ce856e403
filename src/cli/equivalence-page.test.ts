import assert from "node:assert/strict";
import { test } from "node:test";
import type { Comparison } from "../policy/equivalence.ts";
import type { Origin } from "../policy/rules.ts";
import type { EquivalenceReport } from "./equivalence.ts";
import { equivalencePage } from "./equivalence-page.ts";

const hostile = `<script>alert(1)</script>"'&\u001b[31m</style><!--`;
const from: Origin = { source: "postfix", file: hostile, line: 3, column: 1, scope: hostile };

function comparison(text: string, differs: boolean): Comparison {
  const outcome = { what: text, before: text, after: differs ? `not ${text}` : text };
  return {
    recipient: text,
    binding: text,
    nexthop: text,
    host: text,
    before: text,
    after: text,
    lineBefore: from,
    lineAfter: from,
    outcomes: [outcome],
    differences: differs ? [outcome] : [],
  };
}

function report(different: readonly Comparison[], same: readonly Comparison[]): EquivalenceReport {
  return {
    source: hostile,
    questions: different.length + same.length,
    situations: 1,
    different: different.length,
    notTakenOver: [{ from, written: hostile, why: hostile }],
    comparisons: [...different, ...same],
  };
}

test("equivalence page: text of a configuration is never markup", () => {
  const page = equivalencePage(report([comparison(hostile, true)], [comparison(hostile, false)]), 0);
  assert.equal(page.match(/<script>/g)?.length, 1);
  assert.equal(page.match(/<\/style>/g)?.length, 1);
  assert.doesNotMatch(page, /alert\(1\)<\/script>|<!--/);
  assert.ok(!page.includes("\u001b"));
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;\\x1b/);
});

test("equivalence page: needs nothing else, from nowhere", () => {
  const page = equivalencePage(report([], []), 0);
  assert.doesNotMatch(page, /src=|href=|@import|url\(/);
  assert.match(page, /^<!doctype html>\n<html lang="en">/);
  assert.match(page, /Yes: no difference\./);
});

test("equivalence page: all that differ are listed and open, of the others two thousand", () => {
  const rows = (count: number, differs: boolean) => Array.from({ length: count }, () => comparison("x", differs));
  const page = equivalencePage(report(rows(2100, true), rows(2100, false)), 0);
  assert.equal(page.match(/<details class="different" open>/g)?.length, 2100);
  assert.equal(page.match(/<details class="same">/g)?.length, 2000);
  assert.match(page, /And 100 more, all the same\./);
  assert.match(page, /No: 2100 of 4200 questions are answered differently\./);
});
