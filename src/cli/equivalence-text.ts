/**
 * The equivalence report for a terminal: what differs, with the lines that decide on either side, then the count.
 */
import { styleText } from "node:util";
import type { Left } from "../config/taking-over/write-configuration.ts";
import { escapeText } from "../mail/escape.ts";
import type { Comparison } from "../policy/equivalence.ts";
import type { Origin } from "../policy/rules.ts";
import type { EquivalenceReport } from "./equivalence.ts";
import { table } from "./table.ts";

/** Equal answers are counted; `all` lists them too. */
export function equivalenceInWords({
  comparisons,
  different,
  notTakenOver,
  questions,
  situations,
  source,
}: EquivalenceReport): string {
  const shown = comparisons.filter(({ differences }) => differences.length > 0).map(differenceInWords);
  const what = `${questions} questions in ${situations} situations each, from ${source}`;
  const verdict =
    different === 0
      ? "no difference"
      : `${different} ${different === 1 ? "question is" : "questions are"} answered differently`;
  const untold = notTakenOver.map((one) => `${notTaken(one)}\n`);
  return `${untold.join("")}${shown.join("\n")}${shown.length > 0 ? "\n" : ""}${what}: ${styleText("bold", verdict, { stream: process.stdout })}\n`;
}

/** `main.cf:7, next-hop .b.test: not taken over: /x/ verify: patterns have no counterpart`. */
export function notTaken({ from, written, why }: Left): string {
  return `${placeOf(from)}: not taken over: ${escapeText(written)}: ${escapeText(why)}`;
}

function differenceInWords(comparison: Comparison): string {
  const { before, after, lineBefore, lineAfter, differences } = comparison;
  const rows = differences.map(({ what, before: was, after: is }) => [`  ${what}`, escapeText(was), escapeText(is)]);
  return [
    styleText("bold", askedInWords(comparison), { stream: process.stdout }),
    `  before: ${escapeText(before)} (${placeOf(lineBefore)})`,
    `  after:  ${escapeText(after)} (${placeOf(lineAfter)})`,
    table(["  WHAT", "BEFORE", "AFTER"], rows),
  ].join("\n");
}

/** `mail to postmaster@example.com through mx.example.com, binding b, nexthop [relay]`. */
export function askedInWords({ recipient, host, binding, nexthop }: Comparison): string {
  const through = host === null ? "" : ` through MX host ${host}`;
  return escapeText(`mail to ${recipient}${through}, nexthop ${nexthop}, binding ${binding}`);
}

export function placeOf({ file, line, scope, source }: Origin): string {
  return escapeText(file === undefined ? source : `${file}:${line ?? 1}, ${scope}`);
}
