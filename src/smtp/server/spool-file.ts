/**
 * A message too large for memory, written to a file of its own while it arrives.
 *
 * Promises: octets land in order; `finish` resolves once file and directory are synced, so that the queue may take the
 * path over and say 250 (SR-15); a file that was not finished is gone after `remove`.
 * Leaves to the caller: to stop reading while `pendingBytes` is high. The disk is written by one call at a time.
 */
import { open, unlink } from "node:fs/promises";
import path from "node:path";

export class SpoolFile {
  readonly path: string;
  readonly #onDrain: () => void;
  #queue: Buffer[] = [];
  #pendingBytes = 0;
  #ending = false;
  #opened = false;
  #wake: (() => void) | undefined;
  readonly #written: Promise<Error | undefined>;

  /** Opens `file`, which must not exist, for its owner alone. `onDrain` is called each time all that was given is written. */
  constructor(file: string, onDrain: () => void) {
    this.path = file;
    this.#onDrain = onDrain;
    this.#written = this.#writeAll().catch((error: Error) => {
      this.#forget();
      return error;
    });
  }

  /** Octets given and not yet written. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  write(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#wake?.();
  }

  /** Waits for the disk. Undefined when all is synced, else what went wrong (a full disk, say). */
  async finish(): Promise<Error | undefined> {
    this.#ending = true;
    this.#wake?.();
    return await this.#written;
  }

  /** Ends writing and deletes the file; a file that is not there is no error. */
  async remove(): Promise<void> {
    this.#queue = [];
    await this.finish();
    if (this.#opened) await unlink(this.path).catch(() => undefined);
  }

  async #writeAll(): Promise<undefined> {
    const handle = await open(this.path, "wx", 0o600);
    this.#opened = true;
    try {
      for (let batch = await this.#nextBatch(); batch.length > 0; batch = await this.#nextBatch()) {
        for (const bytes of batch) {
          await handle.writeFile(bytes);
          this.#pendingBytes -= bytes.length;
        }
        if (this.#pendingBytes === 0) this.#onDrain();
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(path.dirname(this.path));
  }

  /** What was given since the last call; waits for some, and is empty at the end. */
  async #nextBatch(): Promise<Buffer[]> {
    if (this.#queue.length === 0 && !this.#ending) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const batch = this.#queue;
    this.#queue = [];
    return batch;
  }

  /** The disk failed: what waits is of no use any more, and nobody shall wait for it. */
  #forget(): void {
    this.#queue = [];
    this.#pendingBytes = 0;
    this.#onDrain();
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
