/**
 * Numbered files of logs that the configuration no longer has: what was being written is finished and moved as it was
 * asked for then. Done once, by worker 0, when the relay starts.
 */
import { listLedgers, readLedger, removeLedger, writeLedger } from "./file-ledger.ts";
import { tidy } from "./finished-files.ts";
import { allOf } from "./kept-ledger.ts";

/**
 * @param bases paths as configured, of the logs that there are
 * @returns what could not be done; it is tried again at the next start
 */
export async function finishAbandoned(
  folder: string,
  bases: ReadonlySet<string>,
  now: number,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { file } of await listLedgers(folder)) {
    const ledger = await readLedger(file);
    if (ledger === undefined || bases.has(ledger.base)) continue;
    const { left, problem } = await tidy({ ...ledger, finished: await allOf(ledger, now) }, undefined, now);
    if (problem === undefined) await removeLedger(file);
    else {
      problems.push(`${ledger.base}: ${problem}`);
      await writeLedger(file, { ...ledger, current: null, finished: left });
    }
  }
  return problems;
}
