/**
 * One worker process as its supervisor sees it: started, asked, ended.
 */
import { type ChildProcess, fork } from "node:child_process";
import { Caller, isResponse } from "./ipc.ts";

/**
 * In a worker SIGUSR1 would start Node's debugger. Room for young objects: a message's own die before they are copied
 * (a tenth less CPU per message, and less memory in the end). Two arenas of glibc's malloc instead of one per thread and
 * core keep freed buffers from piling up.
 */
const workerFlags = ["--disable-sigusr1", "--max-semi-space-size=16"];

export class WorkerProcess {
  readonly number: number;
  /** ms since 1970. */
  readonly startedAt = Date.now();
  /** Why it ended; resolves then. */
  readonly ended: Promise<string>;
  /** It has opened its relay and not ended since. */
  ready = false;
  readonly #child: ChildProcess;
  readonly #caller: Caller;

  /** @param program the file that a worker process runs: called with `worker` and its number as JSON */
  constructor(program: string, number: number) {
    this.number = number;
    const child = fork(program, ["worker", JSON.stringify({ worker: number })], {
      execArgv: [...process.execArgv, ...workerFlags],
      env: { MALLOC_ARENA_MAX: "2", ...process.env },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    this.#caller = new Caller((request) => {
      child.send(request, (error) => {
        if (error !== null) this.#caller.receive({ id: request.id, ok: false, error: error.message });
      });
    });
    child.on("message", (message: unknown) => {
      if (isResponse(message)) this.#caller.receive(message);
    });
    this.ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once("error", (error) => resolve(error.message));
    });
    void this.ended.then((reason) => {
      this.ready = false;
      this.#caller.breakOff(`worker ${number} ended: ${reason}`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Requests reach it; also before it is ready. */
  get connected(): boolean {
    return this.#child.connected;
  }

  /** Rejects when the method fails, and when the worker ends before its answer. */
  call(method: string, params: unknown = {}): Promise<unknown> {
    if (this.connected) return this.#caller.call(method, params);
    return Promise.reject(new Error(`worker ${this.number} is being restarted: try again`));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
