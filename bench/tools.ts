/**
 * The C programs of `src/` as values: a sink and a crowd that run and take orders, and one burst of load with its account.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { isOurs } from "./processes.ts";
import { certificate, privateKey, scratch, tools } from "./world.ts";

const loadIds = path.join(scratch, "run/load.ids");
const sinkIds = path.join(scratch, "run/sink.ids");

/** Times are of CLOCK_MONOTONIC, which both programs share. */
export type SinkFigures = Readonly<{
  messages: number;
  inClear: number;
  connections: number;
  handshakes: number;
  resumed: number;
  firstNs: number;
  lastNs: number;
  cpuSeconds: number;
}>;

export type LoadFigures = Readonly<{
  accepted: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  firstNs: number;
  lastNs: number;
  cpuSeconds: number;
  tls: string;
  /** By reply code or kind; zeros included. */
  errors: Readonly<Record<string, number>>;
}>;

export type Load = Readonly<{
  /** `address:port` of the relay. */
  to: string;
  tls: "none" | "starttls" | "implicit";
  messages: number;
  perConnection: number;
  size: number;
  connections?: number;
  domains?: number;
  pauseMs?: number;
  stopOnError?: boolean;
  tag: string;
}>;

/** A program that answers each line of its input with a line, and ends with its input. */
class Running implements AsyncDisposable {
  readonly #program: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;

  constructor(program: string, argv: readonly string[]) {
    this.#program = program;
    this.#child = spawn(program, argv, { stdio: ["pipe", "pipe", "inherit"] });
    isOurs(this.#child.pid ?? 0);
    if (!this.#child.stdout) throw new Error(`no pipe from ${program}`);
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  async order(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.#program} has ended`);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

export class Sink extends Running {
  /** Listens on 127.0.1.1 to 127.0.1.200, port 2526. */
  constructor(extra: readonly string[] = []) {
    const where = ["--listen", "127.0.1.1-200:2526", "--certificate", certificate, "--key", privateKey];
    super(tools.sink, [...where, "--ids", sinkIds, ...extra]);
  }

  async figures(): Promise<SinkFigures> {
    return JSON.parse(await this.order("stat"));
  }

  /** Id and time (ns) of each message taken since the last reset, as of the last `figures()`. */
  ids(): [id: string, ns: number][] {
    return readIds(sinkIds).map(([id = "", ns]) => [id, Number(ns)]);
  }
}

/** What a client in a crowd does: keeps silent, or sends one octet a second of commands or of a message. */
export type CrowdWay = "idle" | "idle-tls" | "slow" | "slow-tls" | "data" | "data-tls";

/** Those that hold their connection now, and those that were turned away or cut off. */
export type CrowdFigures = Readonly<{ standing: number; lost: number; octets: number; cpuSeconds: number }>;

export class Crowd extends Running {
  readonly #clients: number;

  /** @param first so many addresses of 127.1.0.0/16 are left to another crowd */
  constructor(to: string, clients: number, ways: readonly CrowdWay[], first = 0) {
    super(tools.crowd, ["--to", to, "--clients", `${clients}`, "--first", `${first}`, "--ways", ways.join(",")]);
    this.#clients = clients;
  }

  async figures(): Promise<CrowdFigures> {
    return JSON.parse(await this.order("stat"));
  }

  /** Throws when somebody is turned away, or after 60 s. */
  async allStand(): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      const { standing, lost } = await this.figures();
      if (lost > 0) throw new Error(`${lost} of the crowd were turned away`);
      if (standing === this.#clients) return;
      await sleep(100);
    }
    throw new Error("the crowd does not come in");
  }
}

export async function sendLoad(load: Load): Promise<LoadFigures> {
  const { to, tls, messages, perConnection, size, connections = 20, domains = 1, pauseMs = 0, tag } = load;
  const figures: Record<string, string | number> = { to, tls, messages, size, connections, domains, tag };
  const named = { ...figures, "per-connection": perConnection, "pause-ms": pauseMs, "limit-s": 300, ids: loadIds };
  const options = Object.entries(named).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (load.stopOnError) options.push("--stop-on-error");
  const child = spawn(tools.load, options, { stdio: ["ignore", "pipe", "inherit"] });
  isOurs(child.pid ?? 0);
  let text = "";
  for await (const part of child.stdout) text += part;
  return JSON.parse(text);
}

/** Id and time (ns) of the 250 of each message accepted in the last burst. */
export function acceptedIds(): [id: string, okNs: number][] {
  return readIds(loadIds).map(([id = "", , ok]) => [id, Number(ok)]);
}

function readIds(file: string): string[][] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "));
}
