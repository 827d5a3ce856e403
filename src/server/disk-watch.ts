/**
 * Looks at the free space of the data folder every few seconds, so that mail is refused with 451 before the disk is
 * full, not when a commit fails.
 */
import { statfs } from "node:fs/promises";
import type { Clock, Timer } from "../mail/clock.ts";
import { type Reply, reply } from "../mail/reply.ts";

const everyMs = 2_000;
const full = reply(451, "4.3.1", "no room on disk, try again later");

export class DiskWatch {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #minFreeBytes: number;
  #low = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(folder: string, clock: Clock, minFreeBytes: number) {
    this.#folder = folder;
    this.#clock = clock;
    this.#minFreeBytes = minFreeBytes;
    void this.#look();
  }

  /** The answer to MAIL while space is short. */
  refusal(): Reply | undefined {
    return this.#low ? full : undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      this.#low = bavail * bsize < this.#minFreeBytes;
    } catch {
      this.#low = true;
    }
    if (!this.#stopped) this.#timer = this.#clock.after(everyMs, () => void this.#look());
  }
}
