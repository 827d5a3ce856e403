/**
 * PowerMTA's accounting files (powermta reference, section 3.1): each worker writes its own, numbers tell them apart.
 *
 *     none --first line--> current --midnight, interval, size, SIGUSR1--> finished --> moved, or deleted after a while
 *       ^                     |
 *       '--- deleted or moved by somebody else (then it is theirs)
 *
 * Promises:
 *  - a file is created, never opened if it exists: nobody else writes to it. The head is its first line;
 *  - it survives a crash: a ledger in the data folder tells the next process of this worker what was current, and
 *    worker 0 finishes what workers left that are no more. A line that a crash cut off is taken away;
 *  - what stands in no ledger is never moved or deleted.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir } from "node:fs/promises";
import path from "node:path";
import type { Timer } from "../../mail/clock.ts";
import { errorText } from "../../mail/error-text.ts";
import type { NumberedFiles as Options } from "../../mail/log-definition.ts";
import { isStillThere, type OwnedFile } from "./file-ledger.ts";
import { countRecords, tidy } from "./finished-files.ts";
import { cutFragment, lineEnds } from "./fragment.ts";
import { KeptLedger, type WorkerPlace } from "./kept-ledger.ts";
import { fileBatchSize, fileRetryMs, type LineTarget, type TargetTools } from "./line-target.ts";
import { highestNumber, localDay, nextMidnight, numberedName } from "./numbered-name.ts";

/** How often finished files are looked after. */
const tidyEveryMs = 3_600_000;

type Current = OwnedFile & { handle: FileHandle; size: number; records: number };

export class NumberedFiles implements LineTarget {
  readonly batchSize = fileBatchSize;
  readonly #options: Options;
  readonly #head: string;
  readonly #place: WorkerPlace;
  readonly #tools: TargetTools;
  /** Undefined until it is open. */
  #ledger: KeptLedger | undefined;
  #current: Current | undefined;
  #timer: Timer | undefined;

  /** @param head with its line end; may be empty */
  constructor(options: Options, head: string, place: WorkerPlace, tools: TargetTools) {
    this.#options = options;
    this.#head = head;
    this.#place = place;
    this.#tools = tools;
  }

  async open(): Promise<void> {
    if (this.#ledger !== undefined) return;
    await mkdir(path.dirname(this.#options.path), { recursive: true });
    const { moveTo = null, countMoved } = this.#options;
    const { clock, complain } = this.#tools;
    this.#ledger = await KeptLedger.open(this.#place, { moveTo, countMoved }, complain, clock.now());
    const { current } = this.#ledger.now;
    if (current !== null) await this.#takeUp(current);
    await this.#tidy();
    this.#schedule();
  }

  async append(lines: readonly string[]): Promise<number> {
    const now = this.#tools.clock.now();
    if (this.#current !== undefined && this.#dueAt(this.#current) <= now) await this.#finish();
    const current = this.#current ?? (await this.#begin(now));
    const whole = await this.#write(current, lines);
    if (!(await isStillThere(current))) {
      const { nlink } = await current.handle.stat();
      await this.#forget();
      // Its lines are gone with it.
      if (nlink === 0) return this.#write(await this.#begin(now), lines);
    } else if (current.size >= this.#options.maxBytes) await this.#finish();
    return whole;
  }

  retryMs(): number {
    return fileRetryMs;
  }

  /** As `pmta rotate acct` does. */
  async reopen(): Promise<void> {
    if (this.#current !== undefined) await this.#finish();
  }

  async close(why: "stop" | "removed"): Promise<void> {
    this.#timer?.cancel();
    if (why === "removed" && this.#current !== undefined) await this.#finish();
    await this.#current?.handle.close();
    this.#current = undefined;
    const ledger = this.#ledger;
    this.#ledger = undefined;
    if (why === "removed" && ledger?.now.finished.length === 0) await ledger.remove();
  }

  #mine(): KeptLedger {
    if (this.#ledger === undefined) throw new Error(`${this.#options.path} is not open`);
    return this.#ledger;
  }

  async #takeUp(owned: OwnedFile): Promise<void> {
    if (!(await isStillThere(owned))) return this.#mine().note({ current: null });
    const handle = await open(owned.file, constants.O_RDWR | constants.O_APPEND);
    const size = await cutFragment(handle);
    const records = this.#options.countMoved ? await countRecords(owned.file) : 0;
    this.#current = { ...owned, handle, size, records };
    const isOther = await lacksHead(handle, this.#head);
    if (isOther || this.#dueAt(this.#current) <= this.#tools.clock.now()) await this.#finish();
  }

  /** Numbers go up over all workers of this log, also when files were taken away meanwhile. */
  async #begin(now: number): Promise<Current> {
    const { path: base, moveTo, worldReadable } = this.#options;
    const folder = path.dirname(base);
    await mkdir(folder, { recursive: true });
    const day = localDay(now);
    const names = [...(await readdir(folder)), ...(moveTo === undefined ? [] : await namesIn(moveTo))];
    const mode = worldReadable ? 0o644 : 0o640;
    for (let number = Math.max(highestNumber(base, day, names), await this.#mine().lastOf(day)) + 1; ; number += 1) {
      const file = path.join(folder, numberedName(base, day, number));
      const { O_RDWR, O_APPEND, O_CREAT, O_EXCL } = constants;
      const handle = await open(file, O_RDWR | O_APPEND | O_CREAT | O_EXCL, mode).catch(unlessItExists);
      if (handle === undefined) continue;
      await handle.chmod(mode);
      const { ino } = await handle.stat();
      const owned: OwnedFile = { file, ino, day, beganAt: now };
      this.#current = { ...owned, handle, size: 0, records: 0 };
      await this.#mine().note({ current: owned, last: { day, number } });
      this.#schedule();
      return this.#current;
    }
  }

  /** Nobody else writes here: what a full disk cut off is taken away. */
  async #write(current: Current, lines: readonly string[]): Promise<number> {
    const head = current.size === 0 ? this.#head : "";
    const bytes = Buffer.from(head + lines.join(""), "utf8");
    const { bytesWritten } = await current.handle.write(bytes, 0, bytes.length, null);
    let whole = lines.length;
    let size = current.size + bytesWritten;
    if (bytesWritten < bytes.length) {
      const kept = bytes.subarray(0, bytes.subarray(0, bytesWritten).lastIndexOf(0x0a) + 1);
      whole = lineEnds(kept) - (head === "" ? 0 : 1);
      size = whole > 0 ? current.size + kept.length : current.size;
      await current.handle.truncate(size);
      if (whole <= 0) throw new Error("ENOSPC: no space left on device, write");
    }
    if (this.#options.sync) await current.handle.datasync();
    current.size = size;
    current.records += whole;
    return whole;
  }

  /** By the guide an interval counts for files that are moved. */
  #dueAt({ beganAt }: OwnedFile): number {
    const { moveTo, intervalMs } = this.#options;
    const midnight = nextMidnight(beganAt);
    return moveTo === undefined || intervalMs === undefined ? midnight : Math.min(midnight, beganAt + intervalMs);
  }

  async #finish(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    await current.handle.close();
    const { file, ino, records } = current;
    const ended = { file, ino, endedAt: this.#tools.clock.now(), records };
    await this.#mine().note({ current: null, finished: [...this.#mine().now.finished, ended] });
    await this.#tidy();
  }

  /** Somebody took it: it is theirs. */
  async #forget(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.handle.close();
    await this.#mine().note({ current: null });
  }

  /** Files that cannot be moved now keep no line from being written. */
  async #tidy(): Promise<void> {
    const ledger = this.#ledger;
    if (ledger === undefined) return;
    const { left, problem } = await tidy(ledger.now, this.#options.deleteAfterMs, this.#tools.clock.now());
    this.#tools.complain(problem);
    if (left.length !== ledger.now.finished.length) await this.#mine().note({ finished: left });
  }

  #schedule(): void {
    this.#timer?.cancel();
    const now = this.#tools.clock.now();
    const due = this.#current === undefined ? Number.POSITIVE_INFINITY : this.#dueAt(this.#current) - now;
    const ms = Math.max(1, Math.min(tidyEveryMs, due));
    this.#timer = this.#tools.clock.after(ms, () => this.#tools.later(() => this.#tick()));
  }

  async #tick(): Promise<void> {
    if (this.#ledger === undefined) return;
    try {
      if (this.#current !== undefined && this.#dueAt(this.#current) <= this.#tools.clock.now()) await this.#finish();
      else await this.#tidy();
    } catch (cause) {
      this.#tools.complain(errorText(cause));
    }
    this.#schedule();
  }
}

function unlessItExists(cause: unknown): undefined {
  if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
  return undefined;
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** @returns whether a file with lines in it begins otherwise: its columns are others */
async function lacksHead(handle: FileHandle, head: string): Promise<boolean> {
  const wanted = Buffer.from(head, "utf8");
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(wanted.length), 0, wanted.length, 0);
  return bytesRead > 0 && !buffer.subarray(0, bytesRead).equals(wanted);
}
