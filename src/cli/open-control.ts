/**
 * Finds the running relay that a command speaks to: by the data folder that its configuration names.
 */
import { findConfiguration } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import { type ControlClient, connectControl, controlPath } from "../server/control-socket.ts";
import type { CommonOptions } from "./program.ts";

/** @returns `undefined`, and says so on stderr, when no relay runs there */
export async function openControl({ config, data }: CommonOptions): Promise<ControlClient | undefined> {
  const folder = data ?? dataFolder(config);
  if (folder === undefined) {
    process.stderr.write(
      "letterlock: the configuration has errors (see letterlock check); name the data folder with --data\n",
    );
    return undefined;
  }
  const control = await connectControl(controlPath(folder));
  if (control === undefined) process.stderr.write(`letterlock: no relay is running with the data folder ${folder}\n`);
  return control;
}

function dataFolder(config: string | undefined): string | undefined {
  return loadSettings({ path: findConfiguration(config), overrides: {} }).settings?.dataDirectory;
}
