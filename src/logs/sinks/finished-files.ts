/**
 * What becomes of numbered files that are finished: moved into a folder of their own, or deleted after a while.
 */
import { createReadStream } from "node:fs";
import { mkdir, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { errorText } from "../../mail/error-text.ts";
import { type FinishedFile, isStillThere, type Ledger, type OwnedFile } from "./file-ledger.ts";
import { lineEnds } from "./fragment.ts";
import { countedName } from "./numbered-name.ts";

/** @property problem why a file could not be moved or deleted: it is tried again */
export type Tidied = Readonly<{ left: readonly FinishedFile[]; problem: string | undefined }>;

/** @param deleteAfterMs of files that are not moved; undefined: never */
export async function tidy(
  { moveTo, countMoved, finished }: Pick<Ledger, "moveTo" | "countMoved" | "finished">,
  deleteAfterMs: number | undefined,
  now: number,
): Promise<Tidied> {
  const left: FinishedFile[] = [];
  let problem: string | undefined;
  for (const one of finished) {
    try {
      if (!(await isStillThere(one))) continue;
      if (moveTo !== null) await move(one, moveTo, countMoved);
      else if (deleteAfterMs === undefined) continue;
      else if (now - one.endedAt >= deleteAfterMs) await unlink(one.file);
      else left.push(one);
    } catch (cause) {
      left.push(one);
      problem ??= moveTo === null ? `cannot delete: ${errorText(cause)}` : whyNotMoved(cause, moveTo);
    }
  }
  return { left, problem };
}

function whyNotMoved(cause: unknown, moveTo: string): string {
  if ((cause as NodeJS.ErrnoException).code !== "EXDEV") return `cannot move a finished file: ${errorText(cause)}`;
  return `finished files stay where they are: move-to ${moveTo} is on another volume; choose a folder on the same one`;
}

/** Never over another file. */
async function move({ file, records }: FinishedFile, folder: string, counted: boolean): Promise<void> {
  await mkdir(folder, { recursive: true });
  const name = path.basename(file);
  const target = path.join(folder, counted ? countedName(name, records) : name);
  if ((await stat(target).catch(() => undefined)) !== undefined) throw new Error(`${target} exists already`);
  await rename(file, target);
}

/** Of a file that somebody else began: its records are counted. */
export async function finishedFile({ file, ino }: OwnedFile, endedAt: number): Promise<FinishedFile> {
  return { file, ino, endedAt, records: await countRecords(file) };
}

/** Lines behind the head. */
export async function countRecords(file: string): Promise<number> {
  let lines = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) lines += lineEnds(chunk);
  } catch {
    // Gone: there is nothing to be moved either.
  }
  return Math.max(0, lines - 1);
}
