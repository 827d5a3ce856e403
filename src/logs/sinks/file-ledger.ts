/**
 * Which numbered files are whose: one small file in the data folder for each log and worker. What stands in no ledger is
 * not ours and is neither moved nor deleted; a name alone proves nothing, the inode must be the same too.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import path from "node:path";

export type OwnedFile = Readonly<{ file: string; ino: number; day: string; beganAt: number }>;

/** Full or out of date; it waits to be moved or deleted. */
export type FinishedFile = Readonly<{ file: string; ino: number; endedAt: number; records: number }>;

export type Ledger = Readonly<{
  /** As configured. */
  base: string;
  moveTo: string | null;
  countMoved: boolean;
  /** The last number that was given, so that none is given twice although the file may be gone. */
  last: Readonly<{ day: string; number: number }>;
  current: OwnedFile | null;
  finished: readonly FinishedFile[];
}>;

/** @property folder of all ledgers */
export type LedgerPlace = Readonly<{ folder: string; base: string; worker: number }>;

export function ledgerFile({ folder, base, worker }: LedgerPlace): string {
  const hash = createHash("sha256").update(base).digest("hex").slice(0, 16);
  return path.join(folder, `files-${hash}-${worker}.json`);
}

/** @returns undefined where there is none, or none that can be read: then nothing is ours */
export async function readLedger(file: string): Promise<Ledger | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, "utf8")) as Partial<Ledger> | null;
    return isWhole(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Written whole or not at all; what somebody else put there is not believed. */
function isWhole(kept: Partial<Ledger> | null): kept is Ledger {
  return (
    typeof kept?.base === "string" &&
    typeof kept.last?.day === "string" &&
    Number.isInteger(kept.last.number) &&
    kept.current !== undefined &&
    Array.isArray(kept.finished)
  );
}

/** Whole or not at all. */
export async function writeLedger(file: string, ledger: Ledger): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, JSON.stringify(ledger), { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

export async function removeLedger(file: string): Promise<void> {
  await unlink(file).catch(() => undefined);
}

/** Every ledger of this folder with its worker. */
export async function listLedgers(folder: string): Promise<readonly Readonly<{ file: string; worker: number }>[]> {
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name) => {
    const [, worker] = /^files-[0-9a-f]{16}-(\d+)\.json$/.exec(name) ?? [];
    return worker === undefined ? [] : [{ file: path.join(folder, name), worker: Number(worker) }];
  });
}

/** Still the file that we made. */
export async function isStillThere({ file, ino }: Readonly<{ file: string; ino: number }>): Promise<boolean> {
  const there = await stat(file).catch(() => undefined);
  return there !== undefined && there.ino === ino;
}
