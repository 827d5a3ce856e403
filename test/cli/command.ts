/**
 * The program as an operator runs it: a child process, its output and its exit code.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";

const program = path.join(import.meta.dirname, "../../src/main.ts");

export type Ran = Readonly<{ code: number; stdout: string; stderr: string }>;

/** Ends what takes longer: no command of a test does. */
const longestMs = 60_000;

export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What Node makes of our sources, kept for the next process: each starts in half the time. */
const compileCache = mkdtempSync(path.join(tmpdir(), "letterlock-compiled-"));
process.once("exit", () => rmSync(compileCache, { recursive: true, force: true }));

function launch(argv: readonly string[], environment: NodeJS.ProcessEnv, input?: string): ChildProcess {
  // No configuration of this machine has a say.
  const env = {
    ...process.env,
    LETTERLOCK_CONFIG: "",
    NO_COLOR: "1",
    NODE_COMPILE_CACHE: compileCache,
    ...environment,
  };
  const stdin = input === undefined ? "ignore" : "pipe";
  const child = spawn(process.execPath, [program, ...argv], {
    stdio: [stdin, "pipe", "pipe"],
    env,
    timeout: longestMs,
  });
  // A command that ends without reading it closes the pipe.
  child.stdin?.on("error", () => undefined).end(input);
  return child;
}

/** Runs a command to its end. @param input what it finds on standard input; undefined: nothing is there */
export async function run(argv: readonly string[], environment: NodeJS.ProcessEnv = {}, input?: string): Promise<Ran> {
  const child = launch(argv, environment, input);
  const output = gather(child);
  const code = await new Promise<number>((resolve) => {
    child.once("close", (exit, signal) => resolve(signal === null ? (exit ?? -1) : -1));
  });
  return { code, ...output };
}

function gather(child: ChildProcess, onOutput: () => void = () => undefined): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (part: string) => {
      output[name] += part;
      onOutput();
    });
  }
  return output;
}

/** `letterlock start`, killed at the end of the test at the latest. */
export class RunningRelay implements AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  readonly #child: ChildProcess;
  readonly #output: { stdout: string; stderr: string };
  readonly #ended: Promise<number | NodeJS.Signals>;
  #wake: () => void = () => undefined;

  private constructor(folder: string, file: string, argv: readonly string[]) {
    this.folder = folder;
    this.file = file;
    this.#child = launch(argv, {});
    this.#output = gather(this.#child, () => this.#wake());
    this.#ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        resolve(signal ?? code ?? -1);
        this.#wake();
      });
    });
  }

  /** Resolves when it says that it runs. @param yaml after host name, one clear listener and no metrics */
  static async start(folder: string, yaml = "", flags: readonly string[] = []): Promise<RunningRelay> {
    const file = path.join(folder, "letterlock.yaml");
    writeFileSync(file, configuration(yaml));
    const relay = RunningRelay.begin(folder, file, flags);
    await relay.says(/^Letterlock runs with/m);
    return relay;
  }

  /** Does not wait until it runs. */
  static begin(folder: string, file: string, flags: readonly string[] = []): RunningRelay {
    return new RunningRelay(folder, file, ["start", "--config", file, "--data", path.join(folder, "data"), ...flags]);
  }

  get pid(): number {
    return this.#child.pid ?? assert.fail("no process");
  }

  get port(): number {
    return Number(/^ {2}in +127\.0\.0\.1:(\d+) /m.exec(this.#output.stdout)?.[1]);
  }

  /** What tells a command where this relay is. */
  get here(): readonly string[] {
    return ["--config", this.file, "--data", path.join(this.folder, "data")];
  }

  /** Everything printed so far. */
  get printed(): string {
    return this.#output.stdout + this.#output.stderr;
  }

  /** Waits for this many lines that match. */
  async says(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern.source, `${pattern.flags.replace("g", "")}g`);
    while ((this.printed.match(all)?.length ?? 0) < times) {
      assert.ok(this.#child.exitCode === null && this.#child.signalCode === null, `ended:\n${this.printed}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The process ids of its workers, in their order. */
  async workers(): Promise<readonly number[]> {
    const { connectControl, controlPath } = await import("../../src/server/control-socket.ts");
    using control = await connectControl(controlPath(path.join(this.folder, "data")));
    const workers = (await control?.call("workers")) as readonly Readonly<{ pid: number }>[];
    return workers.map(({ pid }) => pid);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Its exit code, or the signal that ended it. */
  get ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#ended;
  }
}

export function configuration(yaml = ""): string {
  return `hostname: relay.test
${/^workers:/m.test(yaml) ? "" : "workers: 1"}
${/^listeners:/m.test(yaml) ? "" : 'listeners: [{name: in, address: "127.0.0.1:0", tls: none}]'}
${/^metrics:/m.test(yaml) ? "" : "metrics: off"}
log: {level: info, format: json}
${yaml}`;
}
