/**
 * One append-only file shared by several processes, and its rotation without locks.
 *
 * After each append the open file itself is looked at, never the path:
 *
 *     too big -> whoever finds the path still leading to it renames it to `<file>.<time>.<pid>`, then all open the path
 *     unlinked -> the lines just written went with it: they are written again to the path
 *
 * The new name is unique, so that two processes rotating at the same instant overwrite nothing: at worst the second
 * rotates a file that is still small. A process that slept through a rotation appends to the rotated file once, where
 * its lines are kept as well, and then follows. Rotated files beyond `keepFiles` are deleted, oldest first, by name.
 */
import { write } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../mail/clock.ts";

type Options = Readonly<{
  file: string;
  maxBytes: number;
  keepFiles: number;
  clock: Clock;
  /** Told once when rotation begins to fail. */
  report: (problem: string) => void;
}>;

export interface RecordFile {
  /** Largest append that is one step here, at most `wish`. */
  maxAppendBytes(wish: number): number;
  /** Appends lines in one write. @returns how many are in the file whole. Rejects when none is (disk full ...) */
  append(lines: readonly string[]): Promise<number>;
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export async function openRecordFile(options: Options): Promise<RecordFile> {
  if (options.file === "-") return new StandardOutput(options.clock);
  await mkdir(path.dirname(options.file), { recursive: true });
  const handle = await openAppend(options.file);
  return new RotatedFile(options, handle, await endsInFragment(handle, options.clock));
}

class RotatedFile implements RecordFile {
  readonly #options: Options;
  #handle: FileHandle;
  /** A short write, or a process killed in the middle of one, left part of a line: the next one begins on a new line. */
  #fragment: boolean;
  #lastStamp = 0;
  #rotationFails = false;

  constructor(options: Options, handle: FileHandle, fragment: boolean) {
    this.#options = options;
    this.#handle = handle;
    this.#fragment = fragment;
  }

  maxAppendBytes(wish: number): number {
    return wish;
  }

  async append(lines: readonly string[]): Promise<number> {
    const whole = await this.#write(lines);
    const { nlink, size } = await this.#handle.stat();
    if (nlink === 0) {
      await this.reopen();
      return this.#write(lines);
    }
    if (this.#options.maxBytes > 0 && size >= this.#options.maxBytes) await this.#tryToRotate();
    return whole;
  }

  async reopen(): Promise<void> {
    const old = this.#handle;
    this.#handle = await openAppend(this.#options.file);
    this.#fragment = false;
    await old.close();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #write(lines: readonly string[]): Promise<number> {
    const start = this.#fragment ? "\n" : "";
    const bytes = Buffer.from(start + lines.join(""), "utf8");
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, null);
    if (bytesWritten === bytes.length) {
      this.#fragment = false;
      return lines.length;
    }
    const written = bytes.subarray(0, bytesWritten);
    this.#fragment = written.length === 0 ? this.#fragment : written.at(-1) !== 0x0a;
    return Math.max(0, written.toString("latin1").split("\n").length - 1 - start.length);
  }

  /** The lines are written whether this works or not: on failure they go on into the file that is too big. */
  async #tryToRotate(): Promise<void> {
    try {
      await this.#rotate();
      this.#rotationFails = false;
    } catch (cause) {
      if (!this.#rotationFails) this.#options.report(`cannot rotate: ${String(cause)}`);
      this.#rotationFails = true;
    }
  }

  async #rotate(): Promise<void> {
    const { file } = this.#options;
    const [mine, there] = await Promise.all([this.#handle.stat(), stat(file).catch(() => undefined)]);
    if (there !== undefined && there.ino === mine.ino && there.dev === mine.dev) {
      // The name may be gone by now: another process was quicker.
      await rename(file, this.#rotatedName()).catch(() => undefined);
    }
    await this.reopen();
    await this.#prune();
  }

  /** Sorts by age; unique by process and, within it, by never giving out one millisecond twice. */
  #rotatedName(): string {
    this.#lastStamp = Math.max(this.#options.clock.now(), this.#lastStamp + 1);
    const time = new Date(this.#lastStamp).toISOString().replaceAll(/[-:]/g, "");
    return `${this.#options.file}.${time}.${process.pid}`;
  }

  async #prune(): Promise<void> {
    const { file, keepFiles } = this.#options;
    const folder = path.dirname(file);
    const rotated = (await readdir(folder)).filter((name) => isRotatedName(name, path.basename(file))).sort();
    const superfluous = rotated.slice(0, Math.max(0, rotated.length - keepFiles));
    await Promise.all(superfluous.map((name) => unlink(path.join(folder, name)).catch(() => undefined)));
  }
}

/**
 * A pipe takes 4096 bytes in one step (PIPE_BUF). The descriptor may be non-blocking, and shared: a full pipe is asked
 * again a little later.
 */
class StandardOutput implements RecordFile {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  maxAppendBytes(wish: number): number {
    return Math.min(wish, 4096);
  }

  async append(lines: readonly string[]): Promise<number> {
    let rest: Buffer = Buffer.from(lines.join(""), "utf8");
    while (rest.length > 0) {
      const written = await this.#write(rest);
      rest = rest.subarray(written);
      if (written === 0) await new Promise<void>((resolve) => void this.#clock.after(10, resolve));
    }
    return lines.length;
  }

  async reopen(): Promise<void> {}

  async close(): Promise<void> {}

  #write(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      write(1, bytes, 0, bytes.length, null, (error, written) => {
        if (error === null) resolve(written);
        else if (error.code === "EAGAIN") resolve(0);
        else reject(error);
      });
    });
  }
}

function isRotatedName(name: string, current: string): boolean {
  return name.startsWith(`${current}.`) && /^\d{8}T\d{6}\.\d{3}Z\.\d+$/.test(name.slice(current.length + 1));
}

function openAppend(file: string): Promise<FileHandle> {
  return open(file, "a+", 0o640);
}

/** A process killed in the middle of a line left it so. While another one is appending it looks the same for an instant. */
async function endsInFragment(handle: FileHandle, clock: Clock): Promise<boolean> {
  const seen = await lastByte(handle);
  if (seen === undefined || seen.value === 0x0a) return false;
  await new Promise<void>((resolve) => void clock.after(50, resolve));
  const again = await lastByte(handle);
  return again?.size === seen.size;
}

async function lastByte(
  handle: FileHandle,
): Promise<Readonly<{ size: number; value: number | undefined }> | undefined> {
  const { size } = await handle.stat();
  if (size === 0) return undefined;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return { size, value: buffer[0] };
}
