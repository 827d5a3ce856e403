/**
 * Whether a file ends in the middle of a line: a process killed while it wrote left it so.
 */
import type { FileHandle } from "node:fs/promises";
import type { Clock } from "../../mail/clock.ts";
import { pause } from "./slow-reader.ts";

/** Another process that is appending makes it look the same for an instant. */
export async function endsInFragment(handle: FileHandle, clock: Clock): Promise<boolean> {
  const seen = await lastByte(handle);
  if (seen === undefined || seen.value === 0x0a) return false;
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
