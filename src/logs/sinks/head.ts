/**
 * The head of a file that several processes append to: written once, before any line.
 *
 * A file is created empty, by us or by logrotate, and all processes may meet it so at the same moment. Who creates the
 * lock file writes the head; the others wait until the file is no longer empty. A process that died in between leaves
 * the lock, which counts for a few seconds.
 */
import { type FileHandle, mkdir, open, stat, unlink } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../../mail/clock.ts";
import { pause } from "./slow-reader.ts";

/** A path in a folder of our own; the folder is made when it is needed. */
export type HeadLock = string;

const lookAgainMs = 10;
const staleMs = 3_000;

export async function writeHead(handle: FileHandle, head: string, lock: HeadLock, clock: Clock): Promise<void> {
  while ((await handle.stat()).size === 0) {
    if (!(await take(lock))) {
      await pause(lookAgainMs, clock);
      continue;
    }
    try {
      if ((await handle.stat()).size === 0) await writeWhole(handle, Buffer.from(head, "utf8"));
    } finally {
      await unlink(lock).catch(() => undefined);
    }
  }
}

async function writeWhole(handle: FileHandle, bytes: Buffer): Promise<void> {
  const { bytesWritten } = await handle.write(bytes);
  if (bytesWritten === bytes.length) return;
  await handle.truncate(0);
  throw new Error("no room for the head line");
}

/** @returns whether a file with lines in it begins otherwise */
export async function lacksHead(handle: FileHandle, head: string): Promise<boolean> {
  const wanted = Buffer.from(head, "utf8");
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(wanted.length), 0, wanted.length, 0);
  return bytesRead > 0 && !buffer.subarray(0, bytesRead).equals(wanted);
}

async function take(lock: HeadLock): Promise<boolean> {
  try {
    await mkdir(path.dirname(lock), { recursive: true, mode: 0o700 });
    await (await open(lock, "wx")).close();
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    const left = await stat(lock).catch(() => undefined);
    if (left !== undefined && Date.now() - left.mtimeMs > staleMs) await unlink(lock).catch(() => undefined);
    return false;
  }
}
