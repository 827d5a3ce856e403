/**
 * Whole lines of a file, and the piece of one at its end that a process leaves when it is killed while it writes.
 */
import type { FileHandle } from "node:fs/promises";
import type { Clock } from "../../mail/clock.ts";
import { pause } from "./slow-reader.ts";

const lineEnd = 0x0a;

export function lineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(lineEnd); at !== -1; at = bytes.indexOf(lineEnd, at + 1)) count += 1;
  return count;
}

/** Whether it ends in the middle of a line. Another process that is appending makes it look the same for an instant. */
export async function endsInFragment(handle: FileHandle, clock: Clock): Promise<boolean> {
  const seen = await lastByte(handle);
  if (seen === undefined || seen.value === lineEnd) return false;
  await pause(50, clock);
  const again = await lastByte(handle);
  return again?.size === seen.size;
}

async function lastByte(
  handle: FileHandle,
): Promise<Readonly<{ size: number; value: number | undefined }> | undefined> {
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size === 0) return undefined;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, stats.size - 1);
  return { size: stats.size, value: buffer[0] };
}

/** Of a file that nobody else writes to. @returns its size without the last line, if that has no end */
export async function cutFragment(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  const step = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - step.length);
    const { bytesRead } = await handle.read(step, 0, end - start, start);
    const last = step.subarray(0, bytesRead).lastIndexOf(lineEnd);
    if (last !== -1) {
      const whole = start + last + 1;
      if (whole < size) await handle.truncate(whole);
      return whole;
    }
    end = start;
  }
  if (size > 0) await handle.truncate(0);
  return 0;
}
