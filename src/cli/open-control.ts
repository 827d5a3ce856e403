/**
 * Finds the running relay that a command speaks to: by the data folder that its configuration names.
 */
import { findConfiguration } from "../config/find.ts";
import { loadDataDirectory } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { type ControlClient, connectControl, controlPath } from "../server/control-socket.ts";
import type { CommonOptions } from "./program.ts";

/**
 * Runs a command against the running relay and ends the connection, however the command ends.
 *
 * @returns the command's exit code; and, saying why on stderr, 1 when no relay runs there, 2 when "there" is unknown
 */
export function withControl(
  options: CommonOptions,
  command: (control: ControlClient) => Promise<number>,
): Promise<number> {
  return withRelay(options, command, (folder) => {
    process.stderr.write(`letterlock: no relay is running with the data folder ${folder}\n`);
    return 1;
  });
}

/** The same with something to do where no relay runs. @param stopped is given the data folder */
export async function withRelay(
  { config, data }: CommonOptions,
  running: (control: ControlClient) => Promise<number>,
  stopped: (folder: string) => Promise<number> | number,
): Promise<number> {
  const folder = data ?? dataFolder(config);
  if (folder === undefined) return 2;
  using control = await connectControl(controlPath(folder));
  return control === undefined ? await stopped(folder) : await running(control);
}

/** Also from a file with errors: the relay may run under an older one. `undefined`, and says so, from none at all. */
function dataFolder(config: string | undefined): string | undefined {
  const { dataDirectory, problems } = loadDataDirectory(findConfiguration(config));
  if (dataDirectory === undefined) {
    for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
    process.stderr.write("letterlock: where the relay keeps its data is unknown: name the folder with --data\n");
  }
  return dataDirectory;
}
