/**
 * `letterlock check`: reads the configuration as `start` would and prints every problem.
 */
import { findConfiguration } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import type { CommonOptions } from "./program.ts";

type CheckOptions = CommonOptions & Readonly<{ strict?: boolean; json?: boolean }>;

/** Exit code 0 when usable, 1 with warnings under --strict, 2 with errors. */
export function check({ config, data, strict, json }: CheckOptions): number {
  const file = findConfiguration(config);
  const { problems } = loadSettings({ path: file, overrides: data === undefined ? {} : { data } });
  if (json) process.stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
  else for (const problem of problems) process.stdout.write(`${formatProblem(problem)}\n`);
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const warnings = problems.length - errors;
  if (!json) {
    process.stdout.write(`${file ?? "built-in settings"}: ${count(errors, "error")}, ${count(warnings, "warning")}\n`);
  }
  if (errors > 0) return 2;
  return strict === true && warnings > 0 ? 1 : 0;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
