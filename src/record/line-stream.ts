/**
 * Lines to a file descriptor that many processes may share: gathered, written off the event loop, in pieces that hold
 * whole lines: at most 4096 bytes for a pipe or terminal (PIPE_BUF: one step), 64 KiB for a file.
 *
 * A log must never end or stop the process it speaks of: when the descriptor takes nothing (disk full, pipe full, reader
 * gone), lines wait up to 4 MiB, then the newest are dropped, counted and reported. At exit, a crash by an exception included, what waits is
 * tried once; the piece just being written may be lost then.
 */
import { fstatSync, write, writeSync } from "node:fs";

const maxWaitingBytes = 4 * 1024 * 1024;
const retryMs = 100;

export class LineStream {
  readonly #fd: number;
  readonly #gatherMs: number;
  readonly #pieceBytes: number;
  readonly #onLoss: (lines: number) => void;
  #dropped = 0;
  #lines: string[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** `resting` after a failure: only the timer tries again, not every line. */
  #state: "idle" | "writing" | "resting" = "idle";

  /** @param onLoss told how many lines were dropped, once lines are taken again */
  constructor(fd: number, gatherMs: number, onLoss: (lines: number) => void) {
    this.#fd = fd;
    this.#gatherMs = gatherMs;
    this.#pieceBytes = fstatSync(fd).isFile() ? 64 * 1024 : 4096;
    this.#onLoss = onLoss;
    process.on("exit", () => this.writeRest());
  }

  write(line: string): void {
    if (this.#waitingBytes >= maxWaitingBytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#waitingBytes += line.length;
    if (this.#state !== "idle") return;
    if (this.#waitingBytes >= this.#pieceBytes) this.#start();
    else this.#startIn(this.#gatherMs);
  }

  /** Everything that waits, once, blocking. */
  writeRest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#state === "resting") this.#state = "idle";
    try {
      while (this.#lines.length > 0) writeSync(this.#fd, this.#takePiece());
    } catch {
      // Nothing is left that could say so.
    }
  }

  #startIn(ms: number): void {
    this.#timer ??= setTimeout(() => this.#start(), ms).unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    this.#state = "writing";
    const piece = Buffer.from(this.#takePiece(), "utf8");
    write(this.#fd, piece, (error, written) => {
      const rest = error === null ? piece.subarray(written) : piece;
      if (rest.length > 0) this.#rest(rest.toString("utf8"));
      else this.#written();
    });
  }

  #written(): void {
    this.#state = "idle";
    if (this.#waitingBytes >= this.#pieceBytes) this.#start();
    else if (this.#lines.length > 0) this.#startIn(this.#gatherMs);
    if (this.#dropped === 0 || this.#waitingBytes > maxWaitingBytes / 2) return;
    const lost = this.#dropped;
    this.#dropped = 0;
    this.#onLoss(lost);
  }

  #rest(unwritten: string): void {
    this.#state = "resting";
    this.#lines.unshift(unwritten);
    this.#waitingBytes += unwritten.length;
    this.#startIn(retryMs);
  }

  #takePiece(): string {
    let bytes = 0;
    let count = 0;
    for (const line of this.#lines) {
      if (count > 0 && bytes + line.length > this.#pieceBytes) break;
      bytes += line.length;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#lines.splice(0, count).join("");
  }
}
