/**
 * `letterlock import`: the configuration of another mail server in our own language; with `--report`, whether that means
 * the same. Reads files, writes to standard output, changes nothing.
 */
import path from "node:path";
import { systemFiles } from "../config/file-reader.ts";
import { loadSettings } from "../config/load.ts";
import { type PolicyFlag, sourceOfFlag } from "../config/policy-flag.ts";
import { formatProblem, problemsOfNotes } from "../config/problem.ts";
import { type Left, writeConfiguration } from "../config/taking-over/write-configuration.ts";
import { escapeText } from "../mail/escape.ts";
import type { Compiled } from "../policy/dialects/dialect.ts";
import { compileDialect, type System, systems } from "../policy/dialects/registry.ts";
import { compareConfigurations, type EquivalenceReport } from "./equivalence.ts";
import { equivalencePage } from "./equivalence-page.ts";
import { equivalenceInWords, placeOf } from "./equivalence-text.ts";

export const reportForms = ["text", "json", "html"] as const;

export type ImportOptions = Readonly<{
  from: string;
  report?: (typeof reportForms)[number];
  /** Compare with this file in place of what would be written. */
  with?: string;
}>;

/**
 * Exit code 0: everything was taken over, or means the same; 1: something was not, or differs; 2: the configuration
 * cannot be read.
 */
export function importConfiguration(place: string, options: ImportOptions): number {
  const system = systems.find((one) => one === options.from);
  if (system === undefined) return complain(`--from ${options.from}: write one of ${systems.join(", ")}`);
  const compiled = readSource({ system, path: path.resolve(place) });
  if (typeof compiled === "string") return complain(compiled);
  const title = `${system} ${path.resolve(place)}`;
  const { text, left } = writeConfiguration(compiled, title);
  if (options.report === undefined) {
    process.stdout.write(text);
    for (const one of left) process.stderr.write(`${notTaken(one)}\n`);
    return left.length > 0 ? 1 : 0;
  }
  return report(compiled, options.with === undefined ? { text } : { file: options.with }, title, options.report);
}

/** @returns what is wrong, in words, or the compiled source */
function readSource(flag: PolicyFlag & { system: System }): Compiled | string {
  const source = sourceOfFlag(flag, (file) => systemFiles.modifiedAt(file) !== undefined);
  if (typeof source === "string") return source;
  const compiled = compileDialect(source, systemFiles);
  const errors = compiled.notes.filter(({ kind }) => kind === "error");
  return errors.length === 0 ? compiled : problemsOfNotes(errors).map(formatProblem).join("\n");
}

function report(
  compiled: Compiled,
  after: Readonly<{ text: string }> | Readonly<{ file: string }>,
  title: string,
  form: (typeof reportForms)[number],
): number {
  const { settings, problems } = loadSettings(
    "file" in after ? { path: after.file } : { path: path.resolve("letterlock.yaml"), text: after.text },
  );
  if (settings === undefined) return complain(problems.map(formatProblem).join("\n"));
  const now = Date.now();
  const compared = compareConfigurations(compiled, settings, title, now);
  process.stdout.write(print(compared, form, now));
  return compared.different > 0 ? 1 : 0;
}

function print(compared: EquivalenceReport, form: (typeof reportForms)[number], now: number): string {
  if (form === "json") return `${JSON.stringify(compared, null, 2)}\n`;
  return form === "html" ? equivalencePage(compared, now) : equivalenceInWords(compared);
}

function notTaken({ from, written, why }: Left): string {
  return `${placeOf(from)}: not taken over: ${escapeText(written)}: ${escapeText(why)}`;
}

function complain(text: string): number {
  process.stderr.write(`letterlock: ${text}\n`);
  return 2;
}
