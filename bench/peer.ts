/**
 * The relays under test. Each is a script in `peers/` (or anywhere, by path) with the same four verbs, and a variant.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { killPeer } from "./processes.ts";
import { cgroup } from "./world.ts";

export type Peer = Readonly<{
  name: string;
  /** undefined: no relay at all, load goes straight to the sink and shows what the tools themselves can do. */
  script: string | undefined;
  variant: string;
  sinkOptions: readonly string[];
  /** Messages per run against the scenario's number, so that slow relays do not take all day. */
  share: number;
}>;

const relayAddress = { host: "127.0.0.1", port: 2525 };
const aliases: Readonly<Record<string, string>> = {
  "postfix-reuse": "postfix:reuse",
  // The same with TCP_QUICKACK at the sink: without it Postfix waits 40 ms for every reply on a reused connection.
  "postfix-reuse-quickack": "postfix:reuse",
};

/** `NAME`, `NAME:VARIANT` or `/path/to/script.sh:VARIANT`; `tools` is no relay at all. */
export function parsePeer(name: string): Peer {
  if (name === "tools") return { name, script: undefined, variant: "", sinkOptions: [], share: 1 };
  const [base = "", variant = ""] = (aliases[name] ?? name).split(":");
  const script = base.includes("/") ? base : path.join(import.meta.dirname, "peers", `${base}.sh`);
  if (!existsSync(script)) throw new Error(`no such peer: ${name}`);
  const sinkOptions = name.endsWith("-quickack") ? ["--quickack"] : [];
  return { name, script, variant, sinkOptions, share: base === "letterlock" ? 1 : 0.1 };
}

/** Where load for this peer goes. */
export function target(peer: Peer): string {
  return peer.script ? `${relayAddress.host}:${relayAddress.port}` : "127.0.1.1:2526";
}

export function setup(peer: Peer): void {
  if (peer.script) run(peer.script, ["setup"], "");
}

/** Starts the relay in its accounting group and waits for its greeting. */
export async function start(peer: Peer): Promise<void> {
  if (!peer.script) return;
  run(peer.script, ["start", peer.variant], cgroup ? `echo 0 > ${cgroup}/cgroup.procs; ` : "");
  for (let tries = 0; tries < 600; tries++) {
    if (await greets()) return;
    await sleep(50);
  }
  throw new Error(`${peer.name} does not answer on ${relayAddress.host}:${relayAddress.port}`);
}

/** Kills what runs, empties the queue and starts anew. */
export async function startFresh(peer: Peer): Promise<void> {
  await killPeer();
  if (peer.script) run(peer.script, ["clean"], "");
  await start(peer);
}

/** Messages in the queue, as the peer's own script counts them. */
export function queueLength(peer: Peer): number {
  return peer.script ? Number(run(peer.script, ["qlen"], "")) : 0;
}

function run(script: string, args: readonly string[], before: string): string {
  const command = `${before}exec bash "$0" "$@"`;
  // Only files for the background processes to hold: a pipe would keep this call waiting for them.
  const output = args[0] === "qlen" ? "pipe" : "ignore";
  const result = spawnSync("bash", ["-c", command, script, ...args], {
    encoding: "utf8",
    stdio: ["ignore", output, "inherit"],
  });
  if (result.status !== 0) throw new Error(`${script} ${args.join(" ")} failed with ${result.status}`);
  return result.stdout ?? "";
}

function greets(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(relayAddress);
    socket.setTimeout(5000);
    for (const end of ["error", "close", "timeout"]) socket.once(end, () => resolve(false));
    socket.once("data", (data) => {
      resolve(data.toString("latin1").startsWith("220"));
      socket.end("QUIT\r\n");
    });
    socket.once("timeout", () => socket.destroy());
  });
}
