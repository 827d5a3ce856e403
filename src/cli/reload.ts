/** `letterlock reload`: the running relay reads its configuration again. */
import { openControl } from "./open-control.ts";
import type { CommonOptions } from "./program.ts";

export async function reload(options: CommonOptions): Promise<number> {
  const control = await openControl(options);
  if (control === undefined) return 1;
  const { problems, applied } = (await control.call("reload")) as Readonly<{
    problems: readonly string[];
    applied: boolean;
  }>;
  control.close();
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stdout.write(
    applied ? "The new configuration is in force.\n" : "The configuration has errors: the old one stays in force.\n",
  );
  return applied ? 0 : 2;
}
