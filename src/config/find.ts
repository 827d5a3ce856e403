/**
 * Which configuration file counts.
 */
import { existsSync } from "node:fs";

const systemFile = "/etc/letterlock/letterlock.yaml";

/**
 * `--config`, else `LETTERLOCK_CONFIG`, else `/etc/letterlock/letterlock.yaml` if it is there.
 * A file that was named is taken whether it exists or not: to go on without it would be worse than to stop.
 *
 * @returns `undefined`: the built-in settings
 */
export function findConfiguration(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  exists: (file: string) => boolean = existsSync,
): string | undefined {
  if (option !== undefined) return option;
  const named = environment.LETTERLOCK_CONFIG;
  if (named !== undefined && named !== "") return named;
  return exists(systemFile) ? systemFile : undefined;
}
