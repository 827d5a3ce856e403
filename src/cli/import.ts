/**
 * `letterlock import`: the configuration of another mail server in our own language; with `--report`, whether that means
 * the same. Reads files, writes to standard output, changes nothing.
 */
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { systemFiles } from "../config/file-reader.ts";
import { loadSettings } from "../config/load.ts";
import { type PolicyFlag, sourceOfFlag } from "../config/policy-flag.ts";
import { formatProblem, problemsOfNotes } from "../config/problem.ts";
import { type Left, writeConfiguration } from "../config/taking-over/write-configuration.ts";
import type { Compiled } from "../policy/dialects/dialect.ts";
import { compileDialect, type System, systems } from "../policy/dialects/registry.ts";
import { compareConfigurations, type EquivalenceReport, equivalenceJson } from "./equivalence.ts";
import { equivalencePage } from "./equivalence-page.ts";
import { equivalenceInWords, notTaken } from "./equivalence-text.ts";

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
export async function importConfiguration(place: string, options: ImportOptions): Promise<number> {
  const system = systems.find((one) => one === options.from);
  if (system === undefined) return complain(`--from ${options.from}: write one of ${systems.join(", ")}`);
  const compiled = readSource({ system, path: path.resolve(place) });
  if (typeof compiled === "string") return complain(compiled);
  const title = `${system} ${path.resolve(place)}`;
  const { text, left } = writeConfiguration(compiled, title);
  if (options.report === undefined) {
    await write([text]);
    for (const one of left) process.stderr.write(`${notTaken(one)}\n`);
    return left.length > 0 ? 1 : 0;
  }
  const after = options.with === undefined ? { text, left } : { file: options.with };
  return report(compiled, after, title, options.report);
}

/** @returns what is wrong, in words, or the compiled source */
function readSource(flag: PolicyFlag & { system: System }): Compiled | string {
  const source = sourceOfFlag(flag, (file) => systemFiles.modifiedAt(file) !== undefined);
  if (typeof source === "string") return source;
  const compiled = compileDialect(source, systemFiles);
  const errors = compiled.notes.filter(({ kind }) => kind === "error");
  return errors.length === 0 ? compiled : problemsOfNotes(errors).map(formatProblem).join("\n");
}

async function report(
  compiled: Compiled,
  after: Readonly<{ text: string; left: readonly Left[] }> | Readonly<{ file: string }>,
  title: string,
  form: (typeof reportForms)[number],
): Promise<number> {
  const { settings, problems } = loadSettings(
    "file" in after ? { path: after.file } : { path: path.resolve("letterlock.yaml"), text: after.text },
  );
  if (settings === undefined) return complain(problems.map(formatProblem).join("\n"));
  const now = Date.now();
  const compared = compareConfigurations(compiled, settings, title, now, "left" in after ? after.left : []);
  await write(print(compared, form, now));
  return compared.different > 0 ? 1 : 0;
}

function print(compared: EquivalenceReport, form: (typeof reportForms)[number], now: number): Iterable<string> {
  if (form === "json") return equivalenceJson(compared);
  return [form === "html" ? equivalencePage(compared, now) : equivalenceInWords(compared)];
}

/** No faster than the reader takes it: a large report does not fit into memory. */
async function write(parts: Iterable<string>): Promise<void> {
  await pipeline(Readable.from(parts), process.stdout, { end: false });
}

function complain(text: string): number {
  process.stderr.write(`letterlock: ${text}\n`);
  return 2;
}
