/**
 * The peer's processes: everything in our process namespace that is not the bench itself.
 *
 * CPU comes from the peer's cgroup where there is one. Else it is the sum over /proc of what the processes and their
 * ended children used; orphans end up with the namespace's first process, so its ended children count too.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cgroup } from "./world.ts";

const ticksPerSecond = 100;
/** The shell that is process 1, this process, and the tools that it starts. */
const ours = new Set([1, process.pid]);

export function isOurs(pid: number): void {
  ours.add(pid);
}

export type Memory = Readonly<{ pssMiB: number; processes: number }>;

/** Proportional set size: memory shared by several processes counts once. */
export function peerMemory(): Memory {
  const sizes = peerPids().map((pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0));
  return { pssMiB: sizes.reduce((sum, kib) => sum + kib, 0) / 1024, processes: sizes.length };
}

/** Seconds of CPU that the peer has used since the group, or the namespace, began. */
export function peerCpuSeconds(): number {
  if (!cgroup) return procCpuSeconds();
  const v1 = path.join(cgroup, "cpuacct.usage");
  if (existsSync(v1)) return Number(readFileSync(v1, "utf8")) / 1e9;
  return Number(/usage_usec (\d+)/.exec(readFileSync(path.join(cgroup, "cpu.stat"), "utf8"))?.[1]) / 1e6;
}

/** Seconds that all CPUs of the machine were busy since boot: shows what others did meanwhile. */
export function machineBusySeconds(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = read("/proc/stat").split(/\s+/).map(Number);
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}

/** Sends SIGKILL to every process of the peer until none is left. */
export async function killPeer(): Promise<void> {
  for (let round = 0; round < 500; round++) {
    const alive = peerPids();
    if (alive.length === 0) return;
    for (const pid of alive) kill(pid);
    await sleep(10);
  }
  throw new Error("the peer cannot be killed");
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

function peerPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !ours.has(pid) && !["", "Z", "X"].includes(stat(pid).state));
}

function procCpuSeconds(): number {
  const orphans = stat(1).ended;
  return peerPids().reduce((sum, pid) => sum + stat(pid).own + stat(pid).ended, orphans);
}

/** CPU seconds of a process and of its ended children; state `""` when there is no such process (any more). */
function stat(pid: number): { state: string; own: number; ended: number } {
  const line = read(`/proc/${pid}/stat`);
  // The name in parentheses may hold blanks: count from behind it.
  const [state = "", ...rest] = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = rest.slice(10, 14).map(Number);
  return { state, own: (user + system) / ticksPerSecond, ended: (endedUser + endedSystem) / ticksPerSecond };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
