/**
 * Room on the disk that belongs to outcomes. On a full disk even deleting needs room first (the WAL grows before it
 * shrinks): this file is given up then, which lets the WAL be emptied and outcomes be written, and made anew when there
 * is room again. New mail is refused as long as it is missing.
 */
import { randomFillSync } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";

const block = 1024 * 1024;

export class DiskReserve {
  readonly #file: string;
  readonly #bytes: number;
  #inPlace: boolean;

  /** Nothing is written yet; a file left by an earlier run is removed, so that opening a store has its room. */
  constructor(file: string, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
    rmSync(file, { force: true });
    this.#inPlace = bytes === 0;
  }

  /** @returns true when the room is there, made just now or before. */
  ensure(): boolean {
    if (!this.#inPlace) this.#inPlace = this.#write();
    return this.#inPlace;
  }

  /** @returns true when there was room to give up. */
  giveUp(): boolean {
    if (!this.#inPlace || this.#bytes === 0) return false;
    rmSync(this.#file, { force: true });
    this.#inPlace = false;
    return true;
  }

  /** Random octets: a file system that compresses or skips zeros would keep no room. */
  #write(): boolean {
    const bytes = randomFillSync(new Uint8Array(block));
    try {
      const handle = openSync(this.#file, "w");
      try {
        let left = this.#bytes;
        while (left > 0) left -= writeSync(handle, bytes, 0, Math.min(block, left));
      } finally {
        closeSync(handle);
      }
      return true;
    } catch {
      rmSync(this.#file, { force: true });
      return false;
    }
  }
}
