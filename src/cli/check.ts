/**
 * `letterlock check`: reads the configuration as `start` would and prints every problem, and of the configurations of
 * other mail servers what becomes of each line.
 */
import { styleText } from "node:util";
import { findConfiguration } from "../config/find.ts";
import { summarizeInbound } from "../config/inbound-summary.ts";
import { type LoadResult, loadSettings } from "../config/load.ts";
import { summarizeLogs } from "../config/log-summary.ts";
import { nameOf, type ReadSource } from "../config/policy-sources.ts";
import { foldRepeated, formatProblem, type Problem, problemsOfNotes } from "../config/problem.ts";
import { type PolicyOptions, policyFlag } from "./policy-options.ts";
import type { CommonOptions } from "./program.ts";

export type CheckOptions = CommonOptions &
  PolicyOptions &
  Readonly<{ strict?: boolean; all?: boolean; json?: boolean }>;

type Severity = Problem["severity"];

/** Come first; the others below them, and only counted where one file has more than this many of a kind. */
const pressing: readonly Severity[] = ["error", "warning", "differs", "not-yet"];
const listedPerFile = 200;

/** Exit code 0 when usable, 1 with warnings under --strict, 2 with errors. */
export function check(options: CheckOptions): number {
  const file = findConfiguration(options.config);
  const overrides = options.data === undefined ? {} : { data: options.data };
  const result = loadSettings({ path: file, flag: policyFlag(options), overrides });
  const problems = allProblems(result);
  if (options.json) process.stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
  else process.stdout.write(inWords(problems, result, file ?? "built-in settings", options.all === true));
  if (count(problems, "error") > 0) return 2;
  return options.strict === true && count(problems, "warning") > 0 ? 1 : 0;
}

/** Our own file's, then source by source everything that is to be said. */
function allProblems({ problems, sources }: LoadResult): readonly Problem[] {
  const noted = new Set(sources.flatMap(({ notes }) => notes.map((note) => note.file)));
  const own = problems.filter((problem) => !noted.has(problem.file));
  return [...own, ...sources.flatMap(({ notes }) => problemsOfNotes(notes))];
}

function inWords(problems: readonly Problem[], { settings, sources }: LoadResult, file: string, all: boolean): string {
  const urgent = problems.filter(({ severity }) => pressing.includes(severity));
  const lines = (all ? urgent : foldRepeated(urgent)).map(coloured);
  for (const severity of ["applied", "no-effect"] as const) {
    lines.push(
      ...listing(
        problems.filter((problem) => problem.severity === severity),
        all,
      ),
    );
  }
  if (settings !== undefined) lines.push(...summarizeInbound(settings, Date.now()), ...summarizeLogs(settings));
  const noted = sources.reduce((sum, { notes }) => sum + notes.length, 0);
  const own = problems.slice(0, problems.length - noted);
  lines.push(`${file}: ${plural(count(own, "error"), "error")}, ${plural(count(own, "warning"), "warning")}`);
  for (const source of sources) lines.push(summary(source));
  return `${lines.join("\n")}\n`;
}

/** Problems of one kind, file after file. */
function listing(problems: readonly Problem[], all: boolean): string[] {
  const byFile = Map.groupBy(problems, ({ file }) => file);
  return [...byFile].flatMap(([file, some]) => {
    if (all || some.length <= listedPerFile) return some.map(coloured);
    const [{ severity = "applied" } = {}] = some;
    return [`${file}: ${severity}: ${some.length.toLocaleString("en")} lines (--all lists them)`];
  });
}

const colours = {
  error: "red",
  warning: "yellow",
  differs: "cyan",
  "not-yet": "magenta",
  applied: "green",
  "no-effect": "gray",
} as const;

function coloured(problem: Problem): string {
  const { severity } = problem;
  const mark = styleText(colours[severity], severity, { stream: process.stdout });
  return formatProblem(problem).replace(` ${severity}: `, () => ` ${mark}: `);
}

function summary(source: ReadSource): string {
  const problems = source.notes.map(({ kind: severity }) => ({ severity }));
  const counts = [
    plural(count(problems, "error"), "error"),
    plural(count(problems, "warning"), "warning"),
    `${count(problems, "differs").toLocaleString("en")} understood differently`,
    `${count(problems, "not-yet").toLocaleString("en")} not acted on yet`,
    `${count(problems, "applied").toLocaleString("en")} applied`,
    `${count(problems, "no-effect").toLocaleString("en")} without effect here`,
  ];
  return `${nameOf(source)}: ${counts.join(", ")}`;
}

function count(problems: readonly Pick<Problem, "severity">[], severity: Severity): number {
  return problems.reduce((sum, problem) => sum + Number(problem.severity === severity), 0);
}

function plural(number: number, word: string): string {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}
