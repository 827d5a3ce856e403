/**
 * The equivalence report as one page that needs nothing else: for whoever has to sign that a move changes nothing.
 */
import type { Left } from "../config/taking-over/write-configuration.ts";
import { escapeText } from "../mail/escape.ts";
import type { Comparison, Difference } from "../policy/equivalence.ts";
import type { EquivalenceReport } from "./equivalence.ts";
import { askedInWords, placeOf } from "./equivalence-text.ts";

/** More rows than a browser likes are counted, not listed; all that differ are listed in any case. */
const maxEqual = 2000;

/** @param madeAt ms since 1970 */
export function equivalencePage(report: EquivalenceReport, madeAt: number): string {
  const different = report.comparisons.slice(0, report.different);
  const equal = report.comparisons.slice(report.different, report.different + maxEqual);
  const left = report.comparisons.length - different.length - equal.length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Equivalence: ${html(report.source)}</title>
<style>${style}</style>
</head>
<body>
<h1>Does Letterlock treat every mail as before?</h1>
<p class="${report.different === 0 ? "same" : "different"}"><strong>${verdict(report)}</strong>
${report.questions} questions, each in ${report.situations} situations, from ${html(report.source)}, ${new Date(madeAt).toISOString()}.</p>
<p class="filter"><label>Show only rows with <input type="search" id="filter" placeholder="example.com"></label></p>
${report.notTakenOver.length === 0 ? "" : notTakenOver(report.notTakenOver)}
${different.length === 0 ? "" : `<h2>Differences</h2>\n${different.map(row).join("\n")}`}
<h2>The same</h2>
${equal.map(row).join("\n")}
${left > 0 ? `<p>And ${left} more, all the same.</p>` : ""}
<script>${script}</script>
</body>
</html>
`;
}

function notTakenOver(left: readonly Left[]): string {
  const rows = left.map(
    ({ from, written, why }) =>
      `<tr><td><code>${html(placeOf(from))}</code></td><td><code>${html(written)}</code></td><td>${html(why)}</td></tr>`,
  );
  return `<h2>Not taken over</h2>
<table><tr><th>Line</th><th>As written</th><th>Why</th></tr>
${rows.join("\n")}
</table>`;
}

function verdict({ different, questions }: EquivalenceReport): string {
  if (different === 0) return "Yes: no difference.";
  return `No: ${different} of ${questions} ${questions === 1 ? "question is" : "questions are"} answered differently.`;
}

function row(comparison: Comparison): string {
  const { before, after, lineBefore, lineAfter, differences, outcomes } = comparison;
  const isDifferent = differences.length > 0;
  const parts = differences.filter(({ what }) => !outcomes.some((outcome) => outcome.what === what));
  return `<details class="${isDifferent ? "different" : "same"}"${isDifferent ? " open" : ""}>
<summary>${html(askedInWords(comparison))}: <b>${html(before)}</b></summary>
<p>Before: ${html(before)}, <code>${html(placeOf(lineBefore))}</code><br>
After: ${html(after)}, <code>${html(placeOf(lineAfter))}</code></p>
<table><tr><th>What</th><th>Before</th><th>After</th></tr>
${[...parts, ...outcomes].map(cells).join("\n")}
</table>
</details>`;
}

function cells({ what, before, after }: Difference): string {
  const isEqual = before === after;
  return `<tr${isEqual ? "" : ' class="different"'}><td>${isEqual ? "" : "≠ "}${html(what)}</td><td>${html(before)}</td><td>${html(after)}</td></tr>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function html(text: string): string {
  return escapeText(text).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** Without it all rows are shown. */
const script = `
const input = document.getElementById("filter");
input.addEventListener("input", () => {
  const word = input.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("details")) row.hidden = !row.textContent.toLowerCase().includes(word);
});
`;

const style = `
:root { color-scheme: light dark; --line: #8886; --bad: light-dark(#b3261e, #ff8a80); --good: light-dark(#1b6e4a, #6fd6a5); }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { line-height: 1.2; }
p.same strong { color: var(--good); } p.different strong { color: var(--bad); }
input { font: inherit; padding: .2rem .5rem; max-width: 100%; }
details { border: 1px solid var(--line); border-left: 4px solid var(--good); border-radius: 4px; margin: .4rem 0; padding: .3rem .8rem; }
details.different { border-left-color: var(--bad); }
summary { cursor: pointer; }
summary:focus-visible, input:focus-visible { outline: 2px solid Highlight; outline-offset: 2px; }
code { font-size: .92em; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
td, th { border-top: 1px solid var(--line); padding: .2rem .5rem; text-align: left; vertical-align: top; }
tr.different td { color: var(--bad); font-weight: 600; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } .filter { display: none; } details, tr { break-inside: avoid; } }
`;
