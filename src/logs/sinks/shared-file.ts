/**
 * One append-only file shared by several processes, and its rotation without locks.
 *
 * After each append the path is looked at:
 *
 *     leads to our file, too big -> whoever finds it so renames it to `<file>.<time>.<pid>`, then all open the path
 *     leads elsewhere or nowhere -> somebody moved the file (logrotate, another process): the path is opened anew
 *     ... and ours was deleted   -> the lines just written went with it: they are written again to the path
 *
 * The new name is unique, so that two processes rotating at the same instant overwrite nothing: at worst the second
 * rotates a file that is still small. A process that slept through a rotation appends to the rotated file once, where
 * its lines are kept as well, and then follows. Rotated files beyond `keepFiles` are deleted, oldest first, by name.
 *
 * A line is whole: on a local file system an append is one step (O_APPEND), so that lines of several processes follow
 * one another. Not on NFS. After a short write (disk full) the next line begins on a line of its own.
 * What is no regular file (a device, a pipe by name) is written to in pieces that are one step there, and never rotated.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { errorText } from "../../mail/error-text.ts";
import { endsInFragment, lineEnds } from "./fragment.ts";
import { fileBatchSize, fileRetryMs, type LineTarget, type TargetTools } from "./line-target.ts";
import { pipePiece, writePatiently } from "./slow-reader.ts";

export type SharedFileOptions = Readonly<{
  path: string;
  /** Permission bits of a file that is created here. */
  mode: number;
  /** Rotated by the first append that reaches it; 0: never. */
  maxBytes: number;
  /** Rotated files kept besides the current one. */
  keepFiles: number;
}>;

/** @property regular neither a device nor a pipe */
type OpenFile = Readonly<{ handle: FileHandle; dev: number; ino: number; regular: boolean }>;

export class SharedFile implements LineTarget {
  readonly #options: SharedFileOptions;
  readonly #tools: TargetTools;
  #file: OpenFile | undefined;
  /** A short write, or a process killed in the middle of one, left part of a line. */
  #fragment = false;
  #lastStamp = 0;
  batchSize = fileBatchSize;

  constructor(options: SharedFileOptions, tools: TargetTools) {
    this.#options = options;
    this.#tools = tools;
  }

  async open(): Promise<void> {
    if (this.#file !== undefined) return;
    await mkdir(path.dirname(this.#options.path), { recursive: true });
    this.#take(await this.#openPath());
    this.#fragment = await endsInFragment(this.#mine().handle, this.#tools.clock);
  }

  async append(lines: readonly string[]): Promise<number> {
    const mine = this.#mine();
    if (!mine.regular) return this.#appendToPipe(mine, lines);
    const whole = await this.#write(mine, lines);
    const there = await stat(this.#options.path).catch(() => undefined);
    if (there !== undefined && there.ino === mine.ino && there.dev === mine.dev) {
      if (this.#options.maxBytes > 0 && there.size >= this.#options.maxBytes) await this.#attempt(() => this.#rotate());
      return whole;
    }
    const { nlink } = await mine.handle.stat();
    if (nlink > 0) {
      await this.#attempt(() => this.reopen());
      return whole;
    }
    await this.#drop();
    await this.open();
    return this.#write(this.#mine(), lines);
  }

  retryMs(): number {
    return fileRetryMs;
  }

  /** What is open stays open when the path cannot be. */
  async reopen(): Promise<void> {
    const old = this.#file;
    if (old === undefined) return;
    await mkdir(path.dirname(this.#options.path), { recursive: true });
    this.#take(await this.#openPath());
    this.#fragment = false;
    await old.handle.close();
  }

  async close(): Promise<void> {
    await this.#drop();
  }

  #mine(): OpenFile {
    if (this.#file === undefined) throw new Error(`${this.#options.path} is not open`);
    return this.#file;
  }

  #take(file: OpenFile): void {
    this.#file = file;
    this.batchSize = file.regular ? fileBatchSize : pipePiece;
  }

  async #drop(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  /** The mode is what was asked for, whatever the umask; that of a file which exists is somebody's choice. */
  async #openPath(): Promise<OpenFile> {
    const { path: file, mode } = this.#options;
    const { O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK } = constants;
    const flags = O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK;
    let handle: FileHandle;
    try {
      handle = await open(file, flags | O_EXCL, mode);
      await handle.chmod(mode);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      handle = await this.#openExisting(flags);
    }
    const stats = await handle.stat();
    return { handle, dev: stats.dev, ino: stats.ino, regular: stats.isFile() };
  }

  /** A link is followed if we or root made it: in a folder that all may write, others' would lead into files of ours. */
  async #openExisting(flags: number): Promise<FileHandle> {
    const { path: file, mode } = this.#options;
    try {
      return await open(file, flags | constants.O_NOFOLLOW, mode);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ELOOP") throw cause;
    }
    const { uid } = await lstat(file);
    if (uid !== 0 && uid !== process.geteuid?.()) {
      throw new Error(`${file} is a symbolic link of another user (${uid}), which is not followed`);
    }
    return open(file, flags, mode);
  }

  async #write({ handle }: OpenFile, lines: readonly string[]): Promise<number> {
    const start = this.#fragment ? "\n" : "";
    const bytes = Buffer.from(start + lines.join(""), "utf8");
    const { bytesWritten } = await handle.write(bytes, 0, bytes.length, null);
    if (bytesWritten === bytes.length) {
      this.#fragment = false;
      return lines.length;
    }
    const written = bytes.subarray(0, bytesWritten);
    this.#fragment = written.length === 0 ? this.#fragment : written.at(-1) !== 0x0a;
    return Math.max(0, lineEnds(written) - start.length);
  }

  async #appendToPipe({ handle }: OpenFile, lines: readonly string[]): Promise<number> {
    await writePatiently(handle.fd, Buffer.from(lines.join(""), "utf8"), this.#tools.clock);
    return lines.length;
  }

  /** The lines are written whether this works or not: on failure they go on into the file that is open. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#tools.complain(undefined);
    } catch (cause) {
      this.#tools.complain(`cannot begin a new file, going on in the old one: ${errorText(cause)}`);
    }
  }

  async #rotate(): Promise<void> {
    await this.#renameMine();
    await this.reopen();
    await this.#prune();
  }

  async #renameMine(): Promise<void> {
    const { path: file } = this.#options;
    const mine = this.#mine();
    const there = await stat(file).catch(() => undefined);
    if (there === undefined || there.ino !== mine.ino || there.dev !== mine.dev) return;
    try {
      // Where a link leads to it, the link stays.
      const real = await realpath(file);
      await rename(real, `${real}.${this.#stamp()}`);
    } catch (cause) {
      // Another process was quicker.
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    }
  }

  /** Sorts by age; unique by process and, within it, by never giving out one millisecond twice. */
  #stamp(): string {
    this.#lastStamp = Math.max(this.#tools.clock.now(), this.#lastStamp + 1);
    const time = new Date(this.#lastStamp).toISOString().replaceAll(/[-:]/g, "");
    return `${time}.${process.pid}`;
  }

  async #prune(): Promise<void> {
    const { keepFiles } = this.#options;
    // Another process may just have renamed it.
    const file = await realpath(this.#options.path).catch(() => this.#options.path);
    const folder = path.dirname(file);
    const rotated = (await readdir(folder)).filter((name) => isRotatedName(name, path.basename(file))).sort();
    const superfluous = rotated.slice(0, Math.max(0, rotated.length - keepFiles));
    await Promise.all(superfluous.map((name) => unlink(path.join(folder, name)).catch(() => undefined)));
  }
}

function isRotatedName(name: string, current: string): boolean {
  return name.startsWith(`${current}.`) && /^\d{8}T\d{6}\.\d{3}Z\.\d+$/.test(name.slice(current.length + 1));
}
