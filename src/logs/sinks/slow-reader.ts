/**
 * Writing to what takes nothing while it is full, and never waits for it in a thread: pipes, terminals, sockets.
 */
import { write } from "node:fs";
import type { Clock } from "../../mail/clock.ts";

/** So many bytes go into a pipe in one step (PIPE_BUF). */
export const pipePiece = 4096;

/** A full one is asked again so soon, and given up after so long without a byte taken. */
const askAgainMs = 10;
const patienceMs = 5_000;

export function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** Rejects when something is wrong, and when nothing is taken for five seconds. */
export async function writePatiently(fd: number, bytes: Buffer, clock: Clock): Promise<void> {
  let rest = bytes;
  let waitedMs = 0;
  while (rest.length > 0) {
    const written = await writeSome(fd, rest);
    rest = rest.subarray(written);
    waitedMs = written > 0 ? 0 : waitedMs + askAgainMs;
    if (waitedMs > patienceMs) throw new Error("its reader takes nothing");
    if (written === 0) await pause(askAgainMs, clock);
  }
}

/** @returns 0 while it is full */
function writeSome(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") resolve(0);
      else reject(error);
    });
  });
}
