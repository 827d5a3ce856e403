/**
 * A network of a test's own: one loopback interface where ports 25 and 53 are free, `192.0.2.0/24` for the hosts in it
 * and `198.51.100.0/24` for strangers, and a resolver on 127.0.0.1.
 *
 * Promises: everything started in it ends with it. The namespace belongs to one process that waits for its input to
 * end, so it is gone when the test is, also when the test is killed; nothing has a name that could be left behind.
 */
import assert from "node:assert/strict";
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type PeerRoot, peerRoots, rootOf } from "./programs.ts";

/** What a program said and how it ended. `code` is null when a signal ended it. */
export type Finished = Readonly<{ code: number | null; stdout: string; stderr: string }>;

/** Where every root folder sees the test's own folder. */
export const inRoot = "/mnt";

const roots = peerRoots.map((peer) => `'${rootOf(peer)}'`).join(" ");
const furnish = `
  ip link set lo up
  ip addr add 192.0.2.1/32 dev lo
  ip route add local 192.0.2.0/24 dev lo src 192.0.2.1
  ip route add local 198.51.100.0/24 dev lo
  mount --bind "$0/resolv.conf" /etc/resolv.conf
  for root in ${roots}; do
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/run"
    mount --bind "$0" "$root${inRoot}"
    mount --bind "$0/resolv.conf" "$root/etc/resolv.conf"
  done
  echo ready
  read -r _ || exit 0`;

export class Namespace implements AsyncDisposable {
  /** The test's own folder, seen as `/mnt` in every root folder. */
  readonly folder: string;
  readonly #holder: ChildProcess;
  readonly #pid: string;

  static async create(): Promise<Namespace> {
    const folder = mkdtempSync(path.join(tmpdir(), "letterlock-interop-"));
    chmodSync(folder, 0o755);
    mkdirSync(path.join(folder, "log"));
    writeFileSync(path.join(folder, "resolv.conf"), "nameserver 127.0.0.1\noptions edns0 trust-ad\n");
    const flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-eu", "-c", furnish, folder];
    const holder = spawn("unshare", flags, { stdio: ["pipe", "pipe", "pipe"] });
    const output = collect(holder);
    await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
    assert.equal(output.stdout, "ready\n", output.stderr);
    return new Namespace(folder, holder);
  }

  private constructor(folder: string, holder: ChildProcess) {
    this.folder = folder;
    this.#holder = holder;
    this.#pid = String(holder.pid);
  }

  /** Runs a program of this machine to its end. Fails only when it cannot be started. */
  async run(command: string, argv: readonly string[], input: string | Uint8Array = ""): Promise<Finished> {
    const child = this.spawn(command, argv, { stdio: ["pipe", "pipe", "pipe"] });
    const output = collect(child);
    child.stdin?.on("error", () => {}); // the program may end before it has read everything
    child.stdin?.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...output };
  }

  /**
   * Starts a program of this machine; signals to the child reach the program itself, and it ends with the test.
   * It is outside the namespace's process ids, so that its pid is what it says.
   */
  spawn(command: string, argv: readonly string[], options: SpawnOptions): ChildProcess {
    const dying = ["setpriv", "--pdeathsig", "TERM", "--"];
    return spawn("nsenter", [...this.#enter("--net", "--mount"), ...dying, command, ...argv], options);
  }

  /** Runs a program of a root folder to its end. */
  async runIn(peer: PeerRoot, argv: readonly string[], input = ""): Promise<Finished> {
    return this.run("chroot", [rootOf(peer), ...argv], input);
  }

  /** Starts a daemon of a root folder, in the foreground; what it says goes to `log/NAME`. It ends with the namespace. */
  daemon(name: string, peer: PeerRoot, argv: readonly string[]): void {
    const enter = this.#enter("--net", "--mount", `--pid=/proc/${this.#pid}/ns/pid_for_children`);
    const log = openSync(this.logFile(name), "a");
    spawn("nsenter", [...enter, "chroot", rootOf(peer), ...argv], { stdio: ["ignore", log, log] });
    closeSync(log);
  }

  /** How programs in a root folder name a file of the test's folder. */
  asInRoot(file: string): string {
    return path.join(inRoot, path.relative(this.folder, file));
  }

  logFile(name: string): string {
    return path.join(this.folder, "log", name);
  }

  /** Waits until something listens at the address; fails after 30 s. */
  async accepting(address: string, port: number): Promise<void> {
    const knock = "until (exec 3<>/dev/tcp/$0/$1) 2>/dev/null; do sleep 0.05; done";
    const { code } = await this.run("timeout", ["30", "bash", "-c", knock, address, String(port)]);
    assert.equal(code, 0, `nothing listens at ${address}:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#holder, "exit");
    this.#holder.stdin?.end();
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** `unshare` is in the namespaces but for the process ids, which begin with its child. */
  #enter(...kinds: readonly string[]): string[] {
    return ["--target", this.#pid, ...kinds, "--"];
  }
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("latin1").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding("latin1").on("data", (text: string) => {
    output.stderr += text;
  });
  return output;
}
