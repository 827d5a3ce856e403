/**
 * Sendmail's log inside the namespace: a stream socket that its root folder sees as /dev/log, lines kept by tag.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { inRoot, type Namespace } from "../lab/namespace.ts";
import { rootOf } from "../lab/programs.ts";

/** The root's own /dev is shared by all tests: it is covered, in this namespace alone. */
const cover = `
  mkdir "$0"
  mount -t tmpfs tmpfs "$0"
  cd "$1/dev"
  cp -a null zero full random urandom "$0"
  ln -s ${inRoot}/syslog "$0/log"
  mount --bind "$0" "$1/dev"`;

export class Syslog implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #lines = new Map<string, Spoken[]>();
  /** Open connections by tag. */
  readonly #speakers = new Map<string, number>();
  #heard = Promise.withResolvers<void>();

  static async open(namespace: Namespace): Promise<Syslog> {
    const device = path.join(namespace.folder, "dev");
    const { code, stderr } = await namespace.run("sh", ["-euc", cover, device, rootOf("sendmail")]);
    assert.equal(code, 0, stderr);
    const syslog = new Syslog();
    syslog.#server.listen(path.join(namespace.folder, "syslog"));
    await once(syslog.#server, "listening");
    return syslog;
  }

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      let rest = "";
      let tag = "";
      socket.setEncoding("latin1").on("data", (text: string) => {
        const records = (rest + text).split("\0");
        rest = records.pop() ?? "";
        for (const record of records) {
          if (tag === "") this.#count(readRecord(record).tag, 1);
          tag ||= readRecord(record).tag;
          this.#keep(readRecord(record));
        }
      });
      socket.on("close", () => {
        this.#sockets.delete(socket);
        this.#count(tag, -1);
      });
    });
  }

  /** Everything said under the tag, once the condition holds and whoever spoke has gone; fails after the deadline. */
  async all(
    tag: string,
    holds: (lines: readonly string[]) => boolean,
    deadlineMs = 20_000,
  ): Promise<readonly string[]> {
    const deadline = AbortSignal.timeout(deadlineMs);
    const late = new Promise<void>((resolve) => deadline.addEventListener("abort", () => resolve()));
    for (;;) {
      const lines = this.spoken(tag).map(({ line }) => line);
      if (this.#speakers.get(tag) === 0 && holds(lines)) return lines;
      assert.ok(!deadline.aborted, `${tag}: ${lines.join("\n")}`);
      await Promise.race([this.#heard.promise, late]);
    }
  }

  /** What has been said under the tag so far. */
  spoken(tag: string): readonly Spoken[] {
    return this.#lines.get(tag) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #keep({ tag, ...spoken }: Record): void {
    const before = this.#lines.get(tag);
    if (before === undefined) this.#lines.set(tag, [spoken]);
    else before.push(spoken);
    this.#tell();
  }

  #count(tag: string, change: number): void {
    this.#speakers.set(tag, (this.#speakers.get(tag) ?? 0) + change);
    this.#tell();
  }

  #tell(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }
}

/** A line and the process that said it. */
export type Spoken = Readonly<{ line: string; pid: string }>;

type Record = Spoken & Readonly<{ tag: string }>;

/** `<22>Nov 22 02:48:58 TAG[414]: text` */
function readRecord(record: string): Record {
  const [, tag = "", pid = "", line = ""] = /^<\d+>.{15} ([^[:]+)(?:\[(\d+)\])?: (.*)/s.exec(record) ?? [];
  return { tag, pid, line };
}
