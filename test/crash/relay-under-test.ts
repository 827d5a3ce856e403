/**
 * The relay as a process tree that a test may kill: `letterlock start` with settings and a data folder of the test's.
 *
 * Linux only where it looks at single workers, since it reads /proc.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

const program = path.join(import.meta.dirname, "../../src/main.ts");

export type RelaySettings = Readonly<{
  dataDirectory: string;
  workers: number;
  /** Where all mail goes: port on 127.0.0.1. */
  sinkPort: number;
  /** Further lines of the configuration file. */
  more?: string;
  /** Put before the relay's own command line: `strace ...`. */
  wrapper?: readonly string[];
}>;

/** One clear-text listener named `clear` on a port of the system's choice; logs warnings to standard output. */
function configuration({ workers, sinkPort, more = "" }: RelaySettings): string {
  return `hostname: mx.example.com
workers: ${workers}
listeners: [{name: clear, address: "127.0.0.1:0", tls: none}]
transports: {"*": "[127.0.0.1]:${sinkPort}"}
retry: {schedule: [1s], jitter: 0}
metrics: off
log: {level: warn, format: json}
${more}`;
}

export class RelayUnderTest implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #settings: RelaySettings;
  readonly port: number;
  #output: () => string;

  private constructor(child: ChildProcess, settings: RelaySettings, port: number, output: () => string) {
    this.#child = child;
    this.#settings = settings;
    this.port = port;
    this.#output = output;
  }

  /** Resolves when it listens; rejects with what it printed when it ends before. */
  static start(settings: RelaySettings): Promise<RelayUnderTest> {
    const file = path.join(settings.dataDirectory, "letterlock.yaml");
    writeFileSync(file, configuration(settings));
    const command = [process.execPath, program, "start", "--config", file, "--data", settings.dataDirectory];
    const [first = "", ...rest] = [...(settings.wrapper ?? []), ...command];
    // A process group of its own, so that all of it can be killed in one call.
    const child = spawn(first, rest, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    return new Promise((resolve, reject) => {
      const read = (part: string): void => {
        output += part;
        const port = /^ {2}clear +127\.0\.0\.1:(\d+) /m.exec(output)?.[1];
        if (port !== undefined) resolve(new RelayUnderTest(child, settings, Number(port), () => output));
      };
      child.stdout?.setEncoding("utf8").on("data", read);
      child.stderr?.setEncoding("utf8").on("data", read);
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`the relay ended (${code ?? signal}):\n${output}`)));
    });
  }

  /** Everything printed so far, logs included. */
  get output(): string {
    return this.#output();
  }

  get #pid(): number {
    if (this.#child.pid === undefined) throw new Error("no process");
    return this.#child.pid;
  }

  /** SIGKILL to supervisor and workers at once. @returns messages that were in flight then */
  async killTree(): Promise<number> {
    const { workers } = this.#settings;
    const pids = [this.#pid, ...this.#workers().map(({ pid }) => pid)];
    process.kill(-this.#pid, "SIGKILL");
    await Promise.all(pids.map(gone));
    return Array.from({ length: workers }, (_, shard) => this.#inFlight(shard)).reduce((sum, count) => sum + count, 0);
  }

  /** SIGKILL to one worker; the supervisor may not look before we have counted. @returns messages in its hands then */
  async killWorker(choose: (workers: number) => number): Promise<number> {
    const workers = this.#workers();
    const worker = workers[choose(workers.length)];
    if (worker === undefined) throw new Error(`no worker to kill:\n${this.output}`);
    process.kill(this.#pid, "SIGSTOP");
    process.kill(worker.pid, "SIGKILL");
    await gone(worker.pid);
    const inFlight = this.#inFlight(worker.shard);
    process.kill(this.#pid, "SIGCONT");
    return inFlight;
  }

  /** SIGTERM, and the end of it. To the whole group: a wrapper does not hand signals on. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    process.kill(-this.#pid, "SIGTERM");
    await ended;
  }

  /** Leaves nothing running, however the test ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.killTree();
  }

  /** Recipients in all shards of a stopped relay. */
  queued(): number {
    const shards = Array.from({ length: this.#settings.workers }, (_, shard) => shard);
    return shards.reduce((sum, shard) => sum + this.#count(shard, "SELECT count(*) AS n FROM recipient"), 0);
  }

  /** Recipients in state "trying": being delivered, or delivered and not yet written down (docs/queue.md). */
  #inFlight(shard: number): number {
    return this.#count(shard, "SELECT count(*) AS n FROM recipient WHERE state = 1");
  }

  /** Asks a copy: the files stay as the crash left them. */
  #count(shard: number, question: string): number {
    const copies = mkdtempSync(path.join(os.tmpdir(), "letterlock-crash-"));
    try {
      const name = `queue-${shard}.sqlite`;
      for (const file of [name, `${name}-wal`]) {
        const original = path.join(this.#settings.dataDirectory, file);
        if (existsSync(original)) copyFileSync(original, path.join(copies, file));
      }
      const database = new DatabaseSync(path.join(copies, name));
      const row = database.prepare(question).get();
      database.close();
      return Number(row?.n);
    } finally {
      rmSync(copies, { recursive: true });
    }
  }

  #workers(): { pid: number; shard: number }[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === this.#pid)
      .map((name) => ({ pid: Number(name), shard: shardOf(Number(name)) }));
  }
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** A worker is told its shard on its command line. */
function shardOf(pid: number): number {
  return Number(/"worker":(\d+)/.exec(read(`/proc/${pid}/cmdline`))?.[1]);
}

/** Waits until a killed process has let go of its files: it may be a zombie then. */
async function gone(pid: number): Promise<void> {
  while (/^\d+ \(.*\) [^ZX]/s.test(read(`/proc/${pid}/stat`))) await new Promise(setImmediate);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
