/**
 * A real syslog daemon of a root folder, on an address of this process's own, with a datagram socket, UDP, TCP and TLS.
 * It tells in JSON how it understood each message. It ends with the test, also when the test is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { eventually } from "../../logs/sink-lab.ts";
import { inRoot } from "../lab/namespace.ts";
import { type PeerRoot, rootOf } from "../lab/programs.ts";

/** A message as the daemon parsed it; values as it writes them. */
export type Seen = Readonly<{
  facility: string;
  severity: string;
  host: string;
  program: string;
  pid: string;
  time: string;
  text: string;
}>;

export type DaemonKind = Readonly<{
  name: string;
  peer: PeerRoot;
  /** It finds its configuration, certificates and files in `/mnt`. */
  argv: readonly string[];
  configuration: (address: string) => string;
  /** What it takes for the program of `postfix/smtp[123]: ` in RFC 3164. */
  programOf: (name: string) => string;
}>;

/** Nobody else's: 127.64.0.0/10, by process id. */
export const ownAddress = `127.${64 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
export const ports = { udp3164: 513, udp: 514, tcp: 601, tls: 6514, misnamed: 6515, unknown: 6516 } as const;

const enter = `mount --bind "$0" "$1${inRoot}"; exec chroot "$@"`;

export class SyslogDaemon implements AsyncDisposable {
  readonly #kind: DaemonKind;
  /** With `tls.pem` and `tls.key`, and those of further TLS ports. */
  readonly #folder: string;
  #child: ChildProcess | undefined;

  constructor(kind: DaemonKind, folder: string) {
    this.#kind = kind;
    this.#folder = folder;
    writeFileSync(path.join(folder, "daemon.conf"), kind.configuration(ownAddress));
  }

  /** The like of /dev/log. */
  get socket(): string {
    return path.join(this.#folder, "dev-log");
  }

  async start(): Promise<void> {
    const { name, peer, argv } = this.#kind;
    rmSync(this.socket, { force: true });
    const flags = ["--mount", "--pid", "--fork", "--kill-child=TERM", "sh", "-eu", "-c", enter];
    const dying = ["--pdeathsig", "KILL", "--", "unshare", ...flags, this.#folder, rootOf(peer), ...argv];
    const child = spawn("setpriv", dying, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk));
    const isUp = async () => existsSync(this.socket) && (await accepts(ports.tcp));
    await eventually(isUp, `${name} is up`).catch((cause: unknown) => {
      throw new Error(said, { cause });
    });
  }

  /** By SIGTERM; returns when it is gone. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const gone = once(child, "close");
    const [daemon] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").split(" ");
    if (daemon !== undefined && daemon !== "") process.kill(Number(daemon), "SIGTERM");
    await gone;
  }

  /** Messages so far, in their order. */
  seen(facility: string): readonly Seen[] {
    const messages = this.lines("seen").map((line) => JSON.parse(line) as Seen);
    return messages.filter((message) => message.facility === facility);
  }

  /** Whole lines of a file that it writes. */
  lines(file: string): readonly string[] {
    const at = path.join(this.#folder, file);
    return existsSync(at) ? readFileSync(at, "utf8").split("\n").slice(0, -1) : [];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, ownAddress);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
