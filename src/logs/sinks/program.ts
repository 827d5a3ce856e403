/**
 * A program that reads lines (`|` of PowerMTA): run by /bin/sh in a process group of its own, one for each worker.
 *
 *     none --open--> running --ends, hangs--> none, and is started again after a while
 *                       '--close--> its input ends -> SIGTERM -> SIGKILL, each to the whole group
 *
 * What was written into the pipe when it died is gone or not, nobody knows: the batch under way is given again to the
 * next one. If this process is killed, the end of its input ends the program.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../mail/clock.ts";
import { escapeText } from "../../mail/escape.ts";
import type { LineTarget, TargetTools } from "./line-target.ts";
import { pause } from "./slow-reader.ts";

export type ProgramOptions = Readonly<{
  command: string;
  /** The first line of each start, with its end; may be empty. */
  head: string;
  /** Wait before it is started again. */
  retryMs: number;
  /** It is ended when it takes nothing for so long. */
  writeTimeoutMs: number;
}>;

/** How long it may take to end by itself, and after SIGTERM. */
const endMs = 3_000;
const termMs = 1_000;
/** Of what it says on standard error, the last so many characters are told. */
const keptWords = 300;

type Child = ChildProcessByStdio<Writable, null, Readable>;

type Running = {
  readonly child: Child;
  /** When it is gone: why, in words. */
  readonly ended: Promise<string>;
  isGone: boolean;
};

export class Program implements LineTarget {
  readonly batchSize = 64 * 1024;
  readonly #options: ProgramOptions;
  readonly #tools: TargetTools;
  #running: Running | undefined;
  #closing = false;

  constructor(options: ProgramOptions, tools: TargetTools) {
    this.#options = options;
    this.#tools = tools;
  }

  async open(): Promise<void> {
    if (this.#running !== undefined && !this.#running.isGone) return;
    this.#running = await this.#start();
    if (this.#options.head !== "") await this.#give(this.#running, this.#options.head);
  }

  async append(lines: readonly string[]): Promise<number> {
    if (this.#running === undefined) throw new Error("the program does not run");
    await this.#give(this.#running, lines.join(""));
    return lines.length;
  }

  retryMs(): number {
    return this.#options.retryMs;
  }

  async reopen(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing = true;
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.child.stdin.end();
    await endsWithin(running, endMs, this.#tools.clock);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (running.isGone) return;
      signalGroup(running, signal);
      await endsWithin(running, termMs, this.#tools.clock);
    }
  }

  async #start(): Promise<Running> {
    const { command } = this.#options;
    const child = spawn("/bin/sh", ["-c", command], { detached: true, stdio: ["pipe", "ignore", "pipe"] });
    const gone = Promise.withResolvers<string>();
    const running: Running = { child, ended: gone.promise, isGone: false };
    let words = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-keptWords);
    });
    // Told by the end of the program, or by the write that failed.
    child.stdin.on("error", () => undefined);
    const leave = (why: string): void => {
      running.isGone = true;
      gone.resolve(words.trim() === "" ? why : `${why}: ${escapeText(words.trim())}`);
    };
    child.on("error", (error) => leave(error.message));
    // What it started itself goes with it. Its last words are told, but what holds them open is not waited for.
    child.on("exit", (code, signal) => {
      const why = signal === null ? `the program ended with code ${code}` : `the program was ended by ${signal}`;
      signalGroup(running, "SIGTERM");
      const timer = this.#tools.clock.after(termMs, () => {
        signalGroup(running, "SIGKILL");
        leave(why);
      });
      child.on("close", () => {
        timer.cancel();
        leave(why);
      });
    });
    void gone.promise.then((why) => {
      if (!this.#closing && this.#running === running) this.#tools.failed(new Error(why));
    });
    if (child.pid === undefined) throw new Error(await gone.promise);
    return running;
  }

  /** Rejects when the program ends, or takes nothing for too long: then it is ended. */
  async #give(running: Running, text: string): Promise<void> {
    if (running.isGone) throw new Error(await running.ended);
    const given = Promise.withResolvers<string | undefined>();
    const timer = this.#tools.clock.after(this.#options.writeTimeoutMs, () => {
      signalGroup(running, "SIGKILL");
      given.resolve(`the program took nothing for ${this.#options.writeTimeoutMs / 1000} s and was ended`);
    });
    running.child.stdin.write(text, (error) => {
      if (error === null || error === undefined) given.resolve(undefined);
    });
    void running.ended.then(given.resolve);
    const problem = await given.promise;
    timer.cancel();
    if (problem !== undefined) throw new Error(problem);
  }
}

async function endsWithin({ ended }: Running, ms: number, clock: Clock): Promise<void> {
  await Promise.race([ended, pause(ms, clock)]);
}

function signalGroup({ child }: Running, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in it.
  }
}
