/**
 * Letterlock itself in the namespace, started as an operator starts it, and its delivery log as the tests read it.
 */
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, watch, writeFileSync } from "node:fs";
import path from "node:path";
import { escapeText } from "../../../src/mail/escape.ts";
import type { Namespace } from "./namespace.ts";
import { addresses, ports } from "./peer.ts";

/** The fields of a line in `deliveries.jsonl` that the tests look at. */
export type Delivery = Readonly<{
  event: string;
  messageId: string;
  to: string;
  mx: string | null;
  status: string;
  error: string | null;
  tls: Readonly<{
    required: string;
    achieved: string;
    offered: boolean;
    protocol: string | null;
    group: string | null;
    verify: Readonly<{ chain: string | null; name: string | null; pin: string | null }>;
  }> | null;
  reasons: readonly Readonly<{ code: string }>[];
  reply: Readonly<{ code: number; enhanced: string | null; text: string }> | null;
}>;

const main = path.join(import.meta.dirname, "../../../src/main.ts");

export class Letterlock implements AsyncDisposable {
  readonly #folder: string;
  readonly #stop: () => Promise<void>;

  /** @param configuration YAML, with the test's folder as its own */
  static async start(namespace: Namespace, configuration: string): Promise<Letterlock> {
    const folder = path.join(namespace.folder, "letterlock");
    mkdirSync(folder);
    const file = path.join(namespace.folder, "letterlock.yaml");
    writeFileSync(file, configuration);
    const log = openSync(namespace.logFile("letterlock"), "a");
    const argv = [main, "start", "--config", file, "--data", folder];
    const child = namespace.spawn(process.execPath, argv, { stdio: ["ignore", log, log] });
    const stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    };
    for (const port of Object.values(ports)) await namespace.accepting(addresses.letterlock, port);
    return new Letterlock(folder, stop);
  }

  private constructor(folder: string, stop: () => Promise<void>) {
    this.#folder = folder;
    this.#stop = stop;
  }

  /** What is known so far of attempts for a recipient. */
  deliveries(recipient: string): Delivery[] {
    return this.#log().filter(({ to }) => to === escapeText(recipient));
  }

  /** Waits for the first attempt for a recipient; fails after the deadline. */
  async delivery(recipient: string, deadlineMs = 60_000): Promise<Delivery> {
    const deadline = AbortSignal.timeout(deadlineMs);
    return new Promise((resolve, reject) => {
      const watcher = watch(this.#folder, { signal: deadline });
      const look = () => {
        const [first] = this.deliveries(recipient);
        if (first === undefined) return;
        watcher.close();
        resolve(first);
      };
      watcher.on("change", look);
      deadline.addEventListener("abort", () => reject(new Error(`no attempt for ${recipient} was recorded`)));
      look();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  /** Whole lines only: the last one may be in the making. */
  #log(): Delivery[] {
    let text = "";
    try {
      text = readFileSync(path.join(this.#folder, "deliveries.jsonl"), "utf8");
    } catch {
      return []; // nothing was tried yet
    }
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Delivery);
  }
}
