/** `letterlock reload`: the running relay reads its configuration again. */
import type { ReloadResult } from "../server/supervisor.ts";
import { withControl } from "./open-control.ts";
import type { CommonOptions } from "./program.ts";

export function reload(options: CommonOptions & Readonly<{ json?: boolean }>): Promise<number> {
  return withControl(options, async (control) => {
    const result = (await control.call("reload")) as ReloadResult;
    const { problems, applied, changes } = result;
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else {
      for (const problem of problems) process.stderr.write(`${problem}\n`);
      for (const change of changes) process.stdout.write(`  ${change}\n`);
      process.stdout.write(
        applied
          ? "The new configuration is in force.\n"
          : "The configuration has errors: the old one stays in force.\n",
      );
    }
    return applied ? 0 : 2;
  });
}
