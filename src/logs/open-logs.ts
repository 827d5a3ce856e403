/**
 * All logs of one process: every event goes to the renderer of each, and their lines to where they belong.
 *
 * Promises:
 *  - `observe` never waits and never throws;
 *  - a log that cannot be opened keeps no mail: it is told, and tried again, and nobody waits for it. The records of
 *    `records:` alone must open at the start;
 *  - `onDone` is told the attempt records that all files have (`projection.ts`);
 *  - other definitions are taken over without losing a line: what stays the same is not touched.
 */
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../mail/clock.ts";
import type { LogDefinition } from "../mail/log-definition.ts";
import type { LetterlockEvent, Observer } from "../observe/events.ts";
import { createRenderer } from "./create-renderer.ts";
import { Log } from "./log.ts";
import type { LogRenderer, RendererTools } from "./log-renderer.ts";
import { Projection } from "./projection.ts";
import { finishAbandoned } from "./sinks/abandoned-files.ts";
import { createTarget, type LogPlace, targetText } from "./sinks/create-target.ts";
import { LineSink } from "./sinks/line-sink.ts";
import { LossCount } from "./sinks/loss-count.ts";

export type LogsOptions = Readonly<{
  /** From 0, and how many there are: numbered files are each worker's own. */
  worker: number;
  workers: number;
  /** Where logs keep what they must remember. */
  dataDirectory: string;
  hostname: string;
  clock: Clock;
  observe: Observer;
  /** Told the ids of attempt records that all files have. */
  onDone: (recordIds: readonly string[]) => void;
}>;

export interface Logs extends AsyncDisposable {
  observe(event: LetterlockEvent): void;
  /** Writes what waits. @returns how many lines of files still wait: 0 unless a disk is in trouble */
  flush(): Promise<number>;
  /** Some file can be written, or there is none. */
  readonly takesLines: boolean;
  /** Opens files anew (SIGUSR1, after someone moved them). */
  reopen(): Promise<void>;
  /** Resolves when those that are no more are closed; never rejects. */
  replace(definitions: readonly LogDefinition[]): Promise<void>;
  /** Lines so far by name of the log. */
  counts(): ReadonlyMap<string, number>;
}

/** Rejects when the records cannot be written at all: they are the proof that the relay promises. */
export async function openLogs(definitions: readonly LogDefinition[], options: LogsOptions): Promise<Logs> {
  const logs = new OpenLogs(definitions, options);
  await logs.open();
  return logs;
}

class OpenLogs implements Logs {
  readonly #options: LogsOptions;
  readonly #tools: RendererTools;
  readonly #place: LogPlace;
  readonly #projection: Projection;
  #logs: readonly Log[] = [];
  /** Being closed: what they still hold is not done. */
  #leaving: readonly Log[] = [];
  #written = new Map<string, number>();
  #isClosed = false;
  /** Of all that ever left. */
  #closed: Promise<unknown> = Promise.resolve();

  constructor(definitions: readonly LogDefinition[], options: LogsOptions) {
    const { worker, workers, dataDirectory, hostname } = options;
    this.#options = options;
    this.#tools = { hostname, pid: process.pid };
    this.#place = { worker, workers, folder: path.join(dataDirectory, "logs") };
    this.#projection = new Projection(options.onDone);
    this.#take(definitions.map((definition) => this.#create(definition, this.#renderer(definition), undefined)));
  }

  async open(): Promise<void> {
    const { clock, observe } = this.#options;
    if (this.#place.worker === 0) {
      const bases = this.#logs.flatMap(({ definition: { target } }) =>
        target.kind === "numbered-files" ? [target.path] : [],
      );
      for (const error of await finishAbandoned(this.#place.folder, new Set(bases), clock.now()))
        observe({ kind: "trouble", where: "files of a log that is no more", error });
    }
    const opened = this.#logs.map(({ definition: { from }, sink }) => ({ from, problem: sink.open() }));
    for (const { from, problem } of opened) {
      const wrong = from === "records" ? await problem : undefined;
      if (wrong === undefined) continue;
      await this[Symbol.asyncDispose]();
      throw wrong;
    }
  }

  observe(event: LetterlockEvent): void {
    // The store gives out again what comes too late.
    if (this.#isClosed) return;
    const mark = event.kind === "attempt" ? this.#projection.add(event.record.id) : this.#projection.mark;
    const now = this.#options.clock.now();
    for (const log of this.#logs) log.write(event, now, mark);
    if (event.kind === "attempt" && !this.#hasFiles) this.#projection.settle();
  }

  get #hasFiles(): boolean {
    return this.#logs.some(({ isFile }) => isFile);
  }

  async flush(): Promise<number> {
    const files = this.#logs.filter(({ isFile }) => isFile);
    const waiting = await Promise.all(files.map(({ sink }) => sink.flush()));
    return waiting.reduce((sum, lines) => sum + lines, 0);
  }

  get takesLines(): boolean {
    const files = this.#logs.filter(({ isFile }) => isFile);
    return files.length === 0 || files.some(({ sink }) => !sink.inTrouble);
  }

  async reopen(): Promise<void> {
    await Promise.all(this.#logs.map(({ sink }) => sink.reopen()));
  }

  async replace(definitions: readonly LogDefinition[]): Promise<void> {
    const before = this.#logs;
    const kept = new Map<LogDefinition, Log>();
    for (const definition of definitions) {
      const same = before.find((log) => this.#isSame(log, definition));
      if (same !== undefined) kept.set(definition, same);
    }
    const stay = new Set(kept.values());
    const leaving = before.filter((log) => !stay.has(log));
    const closing = Promise.all([this.#closed, this.#leave(leaving, definitions)]);
    this.#closed = closing;
    this.#take(
      definitions.map(
        (definition) => kept.get(definition) ?? this.#create(definition, this.#renderer(definition), closing),
      ),
    );
    for (const log of this.#logs) if (!stay.has(log)) void log.sink.open();
    await closing;
  }

  counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.#written);
    for (const { definition, written } of this.#logs)
      counts.set(definition.name, (counts.get(definition.name) ?? 0) + written);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#logs.map(({ sink }) => sink.close("stop")));
    this.#projection.settle();
  }

  #take(logs: readonly Log[]): void {
    this.#logs = logs;
    this.#projection.setFiles([...logs, ...this.#leaving].filter(({ isFile }) => isFile).map(markOf));
  }

  /** Same target under the same head: then it speaks in other words, if it must, without an interruption. */
  #isSame(log: Log, definition: LogDefinition): boolean {
    const { name, target, format } = log.definition;
    if (name !== definition.name || !isDeepStrictEqual(target, definition.target)) return false;
    if (isDeepStrictEqual(format, definition.format)) return true;
    const renderer = this.#renderer(definition);
    if (renderer.head !== log.head) return false;
    log.speak(definition, renderer);
    return true;
  }

  /** A file that another log goes on with is not finished. */
  async #leave(leaving: readonly Log[], next: readonly LogDefinition[]): Promise<void> {
    this.#leaving = [...this.#leaving, ...leaving];
    const goesOn = ({ definition: { target } }: Log): boolean =>
      target.kind === "numbered-files" &&
      next.some((other) => other.target.kind === "numbered-files" && other.target.path === target.path);
    await Promise.all(leaving.map((log) => log.sink.close(goesOn(log) ? "stop" : "removed")));
    for (const { definition, written } of leaving)
      this.#written.set(definition.name, (this.#written.get(definition.name) ?? 0) + written);
    this.#leaving = this.#leaving.filter((log) => !leaving.includes(log));
    this.#take(this.#logs);
    this.#projection.settle();
  }

  #renderer({ format }: LogDefinition): LogRenderer {
    return createRenderer(format, this.#tools);
  }

  /** @param after what must be closed before this opens: it may have been the same file */
  #create(definition: LogDefinition, renderer: LogRenderer, after: Promise<unknown> | undefined): Log {
    const { clock, observe } = this.#options;
    const { name, target } = definition;
    const head = renderer.head === undefined ? undefined : renderer.head + renderer.lineEnd;
    const sink = new LineSink({
      log: name,
      target: targetText(target),
      clock,
      observe,
      after,
      onProgress: () => this.#projection.settle(),
      createTarget: (tools) => createTarget(target, head, this.#place, tools),
    });
    return new Log({
      definition,
      renderer,
      sink,
      losses: new LossCount({ log: name, clock, observe }),
      tools: this.#tools,
      tell: (error) => observe({ kind: "trouble", where: name, error }),
    });
  }
}

/** The records alone hold the store's mark whatever happens: for another file's sake they are not printed twice for long. */
function markOf({ definition: { from }, sink }: Log): Pick<LineSink, "doneUpTo"> {
  if (from === "records") return sink;
  return {
    get doneUpTo() {
      return sink.holdsMark ? sink.doneUpTo : Number.POSITIVE_INFINITY;
    },
  };
}
