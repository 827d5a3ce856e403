/**
 * `letterlock start`: one supervisor and its relay workers. The supervisor is not on the mail path: it checks the
 * configuration, keeps the workers alive, tells them to reload, answers commands and scrapes.
 *
 * A worker that dies is started again with the same number, so that its queue shard is taken up again.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compareSettings } from "../config/compare.ts";
import { formatProblem } from "../config/problem.ts";
import type { Settings } from "../config/settings.ts";
import { watchFiles } from "../config/watch.ts";
import { systemClock } from "../mail/clock.ts";
import type { Observer } from "../observe/events.ts";
import { adoptShards } from "../queue/sqlite/adopt-shards.ts";
import { createHumanLog } from "../record/human-log.ts";
import { aggregateMetrics, createMetrics } from "../record/metrics.ts";
import { controlPath, serveControl } from "./control-socket.ts";
import { Caller, isResponse, type Methods } from "./ipc.ts";
import { startMetricsServer } from "./metrics-server.ts";
import type { OpenListener } from "./relay.ts";
import { prepareSettings, readSettings, type SettingsSource } from "./settings-source.ts";
import type { WorkerMessage, WorkerStart } from "./worker.ts";

type Worker = {
  readonly number: number;
  process: ChildProcess;
  caller: Caller;
  startedAt: number;
  /** Quick deaths in a row: each doubles the pause before the next start. */
  quickDeaths: number;
  ready: boolean;
};

const quickMs = 10_000;
const longestPauseMs = 30_000;
const stopMs = 30_000;

export type SupervisorOptions = Readonly<{
  source: SettingsSource;
  /** The program that a worker process runs: called with `worker` and its start as JSON. */
  program: string;
  onReady: (listeners: readonly OpenListener[], settings: Settings) => void;
  /** Prints the problems of a rejected configuration. */
  onProblems: (problems: readonly string[]) => void;
}>;

/** Resolves with the exit code when the relay has stopped. */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const supervisor = await Supervisor.start(options);
  return supervisor === undefined ? 2 : supervisor.stopped;
}

class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #workers: Worker[] = [];
  readonly #observe: Observer;
  readonly #metrics = createMetrics();
  readonly #closeLog: () => void;
  readonly #stopped = Promise.withResolvers<number>();
  readonly #resources = new AsyncDisposableStack();
  #settings: Settings;
  #ports: Record<string, number> = {};
  #listeners: readonly OpenListener[] = [];
  #stopping = false;
  #watcher: Disposable | undefined;

  private constructor(options: SupervisorOptions, settings: Settings) {
    this.#options = options;
    this.#settings = settings;
    const log = createHumanLog({ level: settings.log.level, format: settings.log.format, name: "supervisor" });
    this.#observe = (event) => {
      log.observe(event);
      this.#metrics.observe(event);
    };
    this.#closeLog = () => log.close();
  }

  get stopped(): Promise<number> {
    return this.#stopped.promise;
  }

  static async start(options: SupervisorOptions): Promise<Supervisor | undefined> {
    const { settings, problems } = await prepareSettings(options.source);
    if (problems.length > 0) options.onProblems(problems.map(formatProblem));
    if (settings === undefined) return undefined;
    const supervisor = new Supervisor(options, settings);
    try {
      await supervisor.#open();
    } catch (error) {
      options.onProblems([`letterlock: ${error instanceof Error ? error.message : String(error)}`]);
      await supervisor.stop("start failed");
      return undefined;
    }
    return supervisor;
  }

  async #open(): Promise<void> {
    const { dataDirectory, workers, metrics } = this.#settings;
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    await adoptShards(dataDirectory, workers);
    const pidFile = path.join(dataDirectory, "letterlock.pid");
    writeFileSync(pidFile, `${process.pid}\n`);
    this.#resources.defer(() => rmSync(pidFile, { force: true }));
    // The first worker finds the ports that the others share.
    await this.#spawn(0);
    await Promise.all(Array.from({ length: workers - 1 }, (_, index) => this.#spawn(index + 1)));
    this.#resources.use(await serveControl(controlPath(dataDirectory), this.#methods()));
    if (metrics !== undefined) {
      this.#resources.use(
        await startMetricsServer({
          ...metrics,
          metrics: () => this.#scrape(),
          isReady: () => !this.#stopping && this.#workers.every(({ ready }) => ready),
        }),
      );
    }
    this.#watch();
    this.#takeSignals();
    this.#observe({ kind: "configuration-loaded", files: this.#settings.files });
    this.#options.onReady(this.#listeners, this.#settings);
  }

  #takeSignals(): void {
    const handlers: readonly [NodeJS.Signals, () => void][] = [
      ["SIGTERM", () => void this.stop("SIGTERM")],
      ["SIGINT", () => void this.stop("SIGINT")],
      ["SIGHUP", () => this.#background("reload", this.reload())],
      ["SIGUSR1", () => this.#background("reopen", this.#ask("reopen"))],
    ];
    for (const [signal, handler] of handlers) {
      process.on(signal, handler);
      this.#resources.defer(() => void process.off(signal, handler));
    }
  }

  /** Reads, checks, swaps in one step; on any error the old settings stay. */
  async reload(): Promise<Readonly<{ applied: boolean; problems: readonly string[] }>> {
    const { settings, problems } = readSettings(this.#options.source);
    const told = problems.map(formatProblem);
    if (settings === undefined) {
      this.#observe({ kind: "configuration-rejected", problems: told });
      return { applied: false, problems: told };
    }
    const later = compareSettings(this.#settings, settings).filter(({ needsRestart }) => needsRestart);
    await this.#ask("reload");
    this.#settings = settings;
    this.#watch();
    this.#observe({ kind: "configuration-loaded", files: settings.files });
    return {
      applied: true,
      problems: [...told, ...later.map(({ text }) => `${text}: takes effect at the next start`)],
    };
  }

  /** Of every worker that answers, and of the supervisor itself. */
  async #scrape(): Promise<string> {
    const asked = await Promise.allSettled(this.#workers.map(({ caller }) => caller.call("metrics")));
    const snapshots = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    return aggregateMetrics([...snapshots, await this.#metrics.snapshot()]);
  }

  async stop(reason: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#observe({ kind: "stopping", reason });
    this.#watcher?.[Symbol.dispose]();
    const gone = this.#workers.map(({ process: child }) => ended(child));
    for (const { caller } of this.#workers) caller.call("stop").catch(() => undefined);
    const timer = setTimeout(() => {
      for (const { process: child } of this.#workers) child.kill("SIGKILL");
    }, stopMs);
    await Promise.all(gone);
    clearTimeout(timer);
    await this.#resources.disposeAsync();
    this.#closeLog();
    this.#stopped.resolve(0);
  }

  #methods(): Methods {
    const toAll = (method: string) => async (params: unknown) => await this.#ask(method, params);
    const methods: Record<string, (params: unknown) => unknown> = {
      reload: () => this.reload(),
      workers: () =>
        this.#workers.map(({ number, process: child, ready }) => ({ worker: number, pid: child.pid, ready })),
      listeners: () => this.#listeners,
      state: toAll("state"),
      reopen: toAll("reopen"),
      stop: () => void this.stop("command"),
      one: (params) => {
        const {
          worker,
          method,
          params: inner,
        } = params as Readonly<{ worker: number; method: string; params: unknown }>;
        const found = this.#workers[worker];
        if (found === undefined) throw new Error(`no worker ${worker}`);
        return found.caller.call(method, inner);
      },
    };
    for (const name of ["show", "hold", "release", "retry", "remove", "bounce", "counts"]) {
      methods[`queue.${name}`] = toAll(`queue.${name}`);
    }
    return methods;
  }

  #ask(method: string, params: unknown = {}): Promise<unknown[]> {
    return Promise.all(this.#workers.map(({ caller }) => caller.call(method, params)));
  }

  #watch(): void {
    this.#watcher?.[Symbol.dispose]();
    this.#watcher = watchFiles(this.#settings.files, () => this.#background("reload", this.reload()), systemClock);
  }

  /** What nobody waits for: its failure is told, not thrown. */
  #background(where: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#observe({ kind: "trouble", where, error: String(error) }));
  }

  async #spawn(number: number, quickDeaths = 0): Promise<void> {
    const { source, program } = this.#options;
    const start: WorkerStart = { worker: number, source, ports: this.#ports };
    const child = fork(program, ["worker", JSON.stringify(start)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const caller = new Caller((request) => {
      child.send(request, (error) => {
        if (error !== null) caller.receive({ id: request.id, ok: false, error: error.message });
      });
    });
    const worker: Worker = { number, process: child, caller, startedAt: Date.now(), quickDeaths, ready: false };
    this.#workers[number] = worker;
    const ready = Promise.withResolvers<void>();
    child.on("message", (message: unknown) => {
      if (isResponse(message)) caller.receive(message);
      else this.#hear(worker, message as WorkerMessage, ready);
    });
    child.on("exit", (code, signal) => this.#lost(worker, signal ?? `exit code ${code}`, ready));
    await ready.promise;
  }

  #hear(worker: Worker, message: WorkerMessage, ready: PromiseWithResolvers<void>): void {
    if (message.kind === "failed") {
      worker.process.kill();
      if (worker.quickDeaths === 0 && !worker.ready) ready.reject(new Error(message.error));
      else this.#observe({ kind: "trouble", where: `worker ${worker.number}`, error: message.error });
      return;
    }
    worker.ready = true;
    if (worker.number === 0) this.#listeners = message.listeners;
    for (const { name, port } of message.listeners) this.#ports[name] = port;
    this.#observe({ kind: "worker-started", worker: worker.number, pid: worker.process.pid ?? 0 });
    ready.resolve();
  }

  #lost(worker: Worker, reason: string, ready: PromiseWithResolvers<void>): void {
    const wasReady = worker.ready;
    worker.ready = false;
    worker.caller.breakOff(`worker ${worker.number} ended: ${reason}`);
    if (!this.#stopping)
      this.#observe({ kind: "worker-ended", worker: worker.number, pid: worker.process.pid ?? 0, reason });
    if (!wasReady && worker.quickDeaths === 0) {
      ready.reject(new Error(`worker ${worker.number} did not start: ${reason}`));
      return;
    }
    ready.resolve();
    if (this.#stopping) return;
    const quick = Date.now() - worker.startedAt < quickMs ? worker.quickDeaths + 1 : 1;
    const pause = quick === 1 ? 0 : Math.min(longestPauseMs, 500 * 2 ** Math.min(quick, 10));
    setTimeout(() => {
      if (!this.#stopping) this.#background("worker", this.#spawn(worker.number, quick));
    }, pause);
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
