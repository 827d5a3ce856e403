/**
 * `letterlock start`: one supervisor and its relay workers. The supervisor is not on the mail path: it checks the
 * configuration, keeps the workers alive, tells them to reload, answers commands and scrapes.
 *
 *     opening --every worker listens--> running --SIGTERM, stop--> stopping --> stopped
 *        '------ something fails: all is taken back -----------------^
 *
 * Promises: a worker that dies while running is started again with the same number and the settings in force, so that
 * its queue shard is taken up again; settings are swapped only when they were checked and the first worker took them.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { compareSettings } from "../config/compare.ts";
import { compareSources, type SourceTexts } from "../config/compare-sources.ts";
import { nameOf } from "../config/policy-sources.ts";
import { formatProblem } from "../config/problem.ts";
import type { Settings } from "../config/settings.ts";
import { watchFiles } from "../config/watch.ts";
import { systemClock } from "../mail/clock.ts";
import { errorText } from "../mail/error-text.ts";
import type { Observer } from "../observe/events.ts";
import { adoptShards } from "../queue/sqlite/adopt-shards.ts";
import { createHumanLog } from "../record/human-log.ts";
import { aggregateMetrics, createMetrics } from "../record/metrics.ts";
import { controlPath, serveControl } from "./control-socket.ts";
import type { Methods } from "./ipc.ts";
import type { OpenListener } from "./listeners.ts";
import { startMetricsServer } from "./metrics-server.ts";
import { isStale, prepareSettings, readSettings, type SettingsSource, type Snapshot } from "./settings-source.ts";
import { swappedCertificates } from "./swapped-certificates.ts";
import type { Listening, WorkerSettings } from "./worker.ts";
import { WorkerProcess } from "./worker-process.ts";

/** A worker that lives shorter died quickly: each such death in a row doubles the pause before the next start. */
const quickMs = 10_000;
const longestPauseMs = 30_000;
/** Longer than workers give their deliveries. */
const stopMs = 30_000;

/** Exit codes of `start`. */
const badConfiguration = 2;
const cannotStart = 3;

export type SupervisorOptions = Readonly<{
  source: SettingsSource;
  /** The program that a worker process runs: called with `worker` and its start as JSON. */
  program: string;
  onReady: (listeners: readonly OpenListener[], settings: Settings) => void;
  /** Prints the problems of a rejected configuration, and why the relay cannot start. */
  onProblems: (problems: readonly string[]) => void;
}>;

export type ReloadResult = Readonly<{
  applied: boolean;
  problems: readonly string[];
  /** What is different now, in words. */
  changes: readonly string[];
}>;

/** Resolves with the exit code when the relay has stopped: 0, 2 for errors in the configuration, 3 if it cannot start. */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { settings, problems, snapshot } = await prepareSettings(options.source);
  if (problems.length > 0) options.onProblems(problems.map(formatProblem));
  if (settings === undefined) return badConfiguration;
  return new Supervisor(options, settings, snapshot).run();
}

type InForce = Readonly<{ settings: Settings; snapshot: Snapshot }>;

/** The other mail servers' configurations with the texts that they were compiled from. */
function sourcesOf({ settings, snapshot }: InForce): readonly SourceTexts[] {
  return settings.dialects.map((dialect) => {
    const texts = dialect.files.flatMap((name): [string, string][] => {
      const answer = snapshot.texts[name];
      return answer?.kind === "found" ? [[name, answer.text]] : [];
    });
    return { name: nameOf(dialect), texts: new Map(texts) };
  });
}

class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #workers: WorkerProcess[] = [];
  readonly #observe: Observer;
  readonly #metrics = createMetrics();
  readonly #closeLog: () => Promise<void> | void;
  readonly #stopped = Promise.withResolvers<number>();
  readonly #resources = new AsyncDisposableStack();
  readonly #restarts = new AbortController();
  #settings: Settings;
  #snapshot: Snapshot;
  #ports: Record<string, number> = {};
  #listeners: readonly OpenListener[] = [];
  #state: "opening" | "running" | "stopping" = "opening";
  #watcher: Disposable | undefined;
  /** The last one asked for: they follow one another. */
  #reload: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions, settings: Settings, snapshot: Snapshot) {
    this.#options = options;
    this.#settings = settings;
    this.#snapshot = snapshot;
    const log = createHumanLog({ level: settings.log.level, format: settings.log.format, name: "supervisor" });
    this.#observe = (event) => {
      log.observe(event);
      this.#metrics.observe(event);
    };
    this.#closeLog = () => log.close();
  }

  async run(): Promise<number> {
    try {
      await this.#open();
    } catch (error) {
      if (this.#state === "opening") {
        this.#options.onProblems([`letterlock: ${errorText(error)}`]);
        this.#background("stop", this.#stop("start failed", cannotStart));
      }
    }
    return this.#stopped.promise;
  }

  async #open(): Promise<void> {
    const { dataDirectory, workers, metrics } = this.#settings;
    this.#takeSignals();
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    adoptShards(dataDirectory, workers);
    // The first worker finds out whether the folder and the ports are free, and the ports that the others share.
    await this.#startWorker(0, 0);
    this.#writePid(path.join(dataDirectory, "letterlock.pid"));
    await Promise.all(Array.from({ length: workers - 1 }, (_, index) => this.#startWorker(index + 1, 0)));
    await this.#keep(serveControl(controlPath(dataDirectory), this.#methods()));
    if (metrics !== undefined) {
      const isReady = (): boolean => this.#state === "running" && this.#workers.every(({ ready }) => ready);
      await this.#keep(startMetricsServer({ ...metrics, metrics: () => this.#scrape(), isReady }));
    }
    this.#state = "running";
    for (const worker of this.#workers) if (!worker.connected) this.#lost(worker, "ended early", 0);
    this.#watch();
    this.#observe({ kind: "configuration-loaded", files: this.#settings.files });
    this.#options.onReady(this.#listeners, this.#settings);
  }

  /** Open until the relay stops; closed at once when that has begun meanwhile. */
  async #keep(opening: Promise<AsyncDisposable>): Promise<void> {
    const resource = await opening;
    if (this.#state === "stopping") await resource[Symbol.asyncDispose]();
    this.#mustNotStop();
    this.#resources.use(resource);
  }

  #mustNotStop(): void {
    if (this.#state === "stopping") throw new Error("the relay stops");
  }

  #writePid(file: string): void {
    writeFileSync(file, `${process.pid}\n`);
    this.#resources.defer(() => rmSync(file, { force: true }));
  }

  #takeSignals(): void {
    const handlers: readonly [NodeJS.Signals, () => void][] = [
      ["SIGTERM", () => this.#background("stop", this.#stop("SIGTERM"))],
      ["SIGINT", () => this.#background("stop", this.#stop("SIGINT"))],
      ["SIGHUP", () => this.#background("reload", this.reload())],
      ["SIGUSR1", () => this.#background("reopen", this.#ask("reopen"))],
    ];
    for (const [signal, handler] of handlers) {
      process.on(signal, handler);
      this.#resources.defer(() => void process.off(signal, handler));
    }
  }

  /** Reads, checks, swaps in one step; on any error the old settings stay. One at a time, in the order asked for. */
  reload(): Promise<ReloadResult> {
    const next = this.#reload.then(() => this.#reloadOnce());
    this.#reload = next.catch(() => undefined);
    return next;
  }

  async #reloadOnce(): Promise<ReloadResult> {
    if (this.#state !== "running") throw new Error(`the relay is ${this.#state}`);
    const { settings, problems, snapshot } = readSettings(this.#options.source);
    const told = problems.map(formatProblem);
    if (settings === undefined) return this.#reject(told);
    const [first, ...others] = this.#workers.filter(({ connected }) => connected);
    try {
      if (first !== undefined) await this.#tellSettings(first, snapshot, true);
    } catch (error) {
      return this.#reject([...told, `letterlock: ${errorText(error)}`]);
    }
    const before = { settings: this.#settings, snapshot: this.#snapshot };
    this.#settings = settings;
    this.#snapshot = snapshot;
    await Promise.all(others.map((worker) => this.#tellOther(worker, snapshot)));
    if (!isDeepStrictEqual(before.settings.files, settings.files)) this.#watch();
    return this.#accept(before, { settings, snapshot }, told);
  }

  async #tellSettings(worker: WorkerProcess, snapshot: Snapshot, first: boolean): Promise<void> {
    this.#learn((await worker.call("reload", this.#forWorker(snapshot, first))) as Listening);
  }

  /** What the first worker took, the others must: one that does not is started anew. */
  async #tellOther(worker: WorkerProcess, snapshot: Snapshot): Promise<void> {
    try {
      await this.#tellSettings(worker, snapshot, false);
    } catch (error) {
      this.#observe({ kind: "trouble", where: `reload of worker ${worker.number}`, error: String(error) });
      worker.call("stop").catch(() => undefined);
    }
  }

  #reject(problems: readonly string[]): ReloadResult {
    this.#observe({ kind: "configuration-rejected", problems });
    return { applied: false, problems, changes: [] };
  }

  #accept(before: InForce, after: InForce, told: readonly string[]): ReloadResult {
    const compared = compareSettings(before.settings, after.settings);
    const later = compared.filter(({ needsRestart }) => needsRestart).map(({ text }) => text);
    const now = compared.filter(({ needsRestart }) => !needsRestart).map(({ text }) => text);
    const changes = [...now, ...compareSources(sourcesOf(before), sourcesOf(after))];
    const waiting = later.map((text) => `${text}: takes effect at the next start`);
    this.#observe({ kind: "configuration-loaded", files: after.settings.files, changes: [...changes, ...waiting] });
    for (const swapped of swappedCertificates(before.settings, after.settings))
      this.#observe({ kind: "certificate-swapped", ...swapped });
    return { applied: true, problems: [...told, ...waiting], changes };
  }

  async #stop(reason: string, code = 0): Promise<void> {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    this.#observe({ kind: "stopping", reason });
    this.#watcher?.[Symbol.dispose]();
    this.#restarts.abort();
    for (const worker of this.#workers) worker.call("stop").catch(() => undefined);
    const timer = setTimeout(() => {
      for (const worker of this.#workers) worker.kill();
    }, stopMs);
    await Promise.all(this.#workers.map(({ ended }) => ended));
    clearTimeout(timer);
    await this.#resources.disposeAsync();
    await this.#closeLog();
    this.#stopped.resolve(code);
  }

  #methods(): Methods {
    const toAll = (method: string) => (params: unknown) => this.#ask(method, params);
    const methods: Record<string, (params: unknown) => unknown> = {
      reload: () => this.reload(),
      workers: () => this.#workers.map(({ number, pid, ready }) => ({ worker: number, pid, ready })),
      listeners: () => this.#listeners,
      state: toAll("state"),
      reopen: toAll("reopen"),
      stop: () => this.#background("stop", this.#stop("command")),
      one: (params) => {
        const {
          worker,
          method,
          params: inner,
        } = params as Readonly<{
          worker: number;
          method: string;
          params: unknown;
        }>;
        const found = this.#workers[worker];
        if (found === undefined) throw new Error(`no worker ${worker}`);
        return found.call(method, inner);
      },
    };
    for (const name of ["show", "hold", "release", "retry", "remove", "bounce", "counts"]) {
      methods[`queue.${name}`] = toAll(`queue.${name}`);
    }
    return methods;
  }

  #ask(method: string, params: unknown = {}): Promise<unknown[]> {
    return Promise.all(this.#workers.map((worker) => worker.call(method, params)));
  }

  /** Of every worker that answers, and of the supervisor itself. */
  async #scrape(): Promise<string> {
    const asked = await Promise.allSettled(this.#workers.map((worker) => worker.call("metrics")));
    const snapshots = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    return aggregateMetrics([...snapshots, await this.#metrics.snapshot()]);
  }

  #watch(): void {
    this.#watcher?.[Symbol.dispose]();
    const reload = (): void => this.#background("reload", this.reload());
    const watcher = watchFiles(this.#settings.files, reload, systemClock);
    this.#watcher = watcher;
    // What changed since the files were read is older than the watch.
    const checked = watcher.begun.then(() => {
      if (this.#watcher === watcher && isStale(this.#snapshot)) reload();
    });
    this.#background("watch", checked);
  }

  /** What nobody waits for: its failure is told, not thrown. */
  #background(where: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#observe({ kind: "trouble", where, error: String(error) }));
  }

  #forWorker(snapshot: Snapshot, first: boolean): WorkerSettings {
    return { source: this.#options.source, snapshot, ports: this.#ports, first };
  }

  #learn({ listeners }: Listening): void {
    this.#listeners = listeners;
    this.#ports = Object.fromEntries(listeners.map(({ name, port }) => [name, port]));
  }

  /** @param quickDeaths how often in a row this worker has died soon after its start */
  async #startWorker(number: number, quickDeaths: number): Promise<void> {
    this.#mustNotStop();
    const worker = new WorkerProcess(this.#options.program, number);
    this.#workers[number] = worker;
    void worker.ended.then((reason) => {
      if (this.#state === "running") this.#lost(worker, reason, quickDeaths);
    });
    try {
      const first = number === 0 && this.#state === "opening";
      this.#learn((await worker.call("open", this.#forWorker(this.#snapshot, first))) as Listening);
    } catch (error) {
      worker.kill();
      throw error;
    }
    worker.ready = true;
    this.#observe({ kind: "worker-started", worker: number, pid: worker.pid });
  }

  #lost({ number, pid, startedAt }: WorkerProcess, reason: string, quickDeaths: number): void {
    this.#observe({ kind: "worker-ended", worker: number, pid, reason });
    const quick = Date.now() - startedAt < quickMs ? quickDeaths + 1 : 1;
    const pauseMs = quick === 1 ? 0 : Math.min(longestPauseMs, 500 * 2 ** Math.min(quick, 10));
    this.#background("worker", this.#startAgain(number, quick, pauseMs));
  }

  async #startAgain(number: number, quickDeaths: number, pauseMs: number): Promise<void> {
    try {
      await pause(pauseMs, undefined, { signal: this.#restarts.signal });
    } catch {
      return; // the relay stops
    }
    if (this.#state === "running") await this.#startWorker(number, quickDeaths);
  }
}
