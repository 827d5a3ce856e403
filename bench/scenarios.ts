/**
 * What is measured. The letters are those of the table in docs/performance.md.
 *
 * a to e are bursts: a fresh relay, a warm-up, then a fixed number of messages over 20 connections, from the first MAIL
 * to the last message at the sink. h is one message at a time at idle. i is SIGKILL in the middle of a, then a restart.
 * j and k are even load beside a crowd (`crowds.ts`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { besideCrowd, type CrowdResult, crowds } from "./crowds.ts";
import { type Peer, queueLength, start, startFresh, target } from "./peer.ts";
import { killPeer, type Memory, machineBusySeconds, peerCpuSeconds, peerMemory } from "./processes.ts";
import { acceptedIds, type Load, Sink, type SinkFigures, sendLoad } from "./tools.ts";

type Burst = Pick<Load, "tls" | "perConnection" | "size"> &
  Readonly<{ domains: number; messages: number; says: string }>;

const a = { tls: "starttls", perConnection: 10, size: 5000, domains: 1 } as const;
export const bursts: Readonly<Record<string, Burst>> = {
  a: { ...a, messages: 30_000, says: "5 KB, 10 messages per connection" },
  b: { ...a, perConnection: 1, messages: 8000, says: "1 message per connection, full handshakes" },
  c: { ...a, size: 100_000, messages: 10_000, says: "100 KB" },
  d: { ...a, tls: "none", messages: 40_000, says: "no TLS on either hop" },
  e: { ...a, domains: 200, messages: 30_000, says: "200 domains, each with its own nexthop" },
};

export type BurstResult = Readonly<{
  kind: "burst";
  accepted: number;
  delivered: number;
  /** Messages per second, from the first MAIL to the last message at the sink. */
  endToEnd: number;
  acceptRate: number;
  p50Ms: number;
  p99Ms: number;
  cpuPer1000: number;
  idleMemory: Memory;
  peakMemory: Memory;
  sinkConnections: number;
  handshakesPer1000: number;
  resumedShare: number;
  inClear: number;
  /** CPUs that neither the relay nor the tools kept busy: above 0.2 the run was disturbed. */
  othersCpus: number;
  errors: Readonly<Record<string, number>>;
  tls: string;
}>;

export type IdleResult = Readonly<{ kind: "idle"; messages: number; p50Ms: number; p90Ms: number; maxMs: number }>;

export type KillResult = Readonly<{
  kind: "kill";
  accepted: number;
  lost: number;
  duplicates: number;
  /** Delivered without our having seen the 250: allowed, the kill came in between. */
  unacknowledged: number;
  queuedAtKill: number;
  leftInQueue: number;
  /** From the restart to the last message at the sink. */
  recoverySeconds: number;
}>;

export type Result = BurstResult | IdleResult | KillResult | CrowdResult;

let tags = 0;

/** One run of one scenario with one peer: started before, killed after. `scale` stretches the number of messages. */
export async function runScenario(letter: string, peer: Peer, scale: number): Promise<Result> {
  await using sink = new Sink(peer.sinkOptions);
  try {
    await startFresh(peer);
    if (letter === "h") return await idle(peer, sink);
    if (letter === "i") return await killed(peer, sink, scale);
    if (letter in crowds) return await besideCrowd(letter, peer, scale, (load) => send(peer, sink, load));
    return await burst(letter, peer, sink, scale);
  } finally {
    await killPeer();
  }
}

async function burst(letter: string, peer: Peer, sink: Sink, scale: number): Promise<BurstResult> {
  const shape = bursts[letter];
  if (!shape) throw new Error(`no scenario ${letter}`);
  const messages = Math.max(100, Math.round(shape.messages * scale * peer.share));
  if (shape.tls === "none") await sink.order("starttls off");
  // Long, since a relay that is compiled while it runs gets faster over the first ten thousand messages.
  await send(peer, sink, { ...shape, messages: Math.ceil(messages / 2) });
  await sleep(500); // what the relay puts off until it is quiet belongs to the warm-up
  return await measure(() => send(peer, sink, { ...shape, messages }));
}

type Sent = Readonly<{ load: Awaited<ReturnType<typeof sendLoad>>; sunk: SinkFigures; sinkCpu: number }>;

async function send(peer: Peer, sink: Sink, load: Omit<Load, "to" | "tag">): Promise<Sent> {
  await sink.order("reset");
  const before = await sink.figures();
  const figures = await sendLoad({ ...load, to: target(peer), tag: `t${tags++}` });
  const sunk = await drained(sink, figures.accepted, 15_000);
  return { load: figures, sunk, sinkCpu: sunk.cpuSeconds - before.cpuSeconds };
}

async function measure(work: () => Promise<Sent>): Promise<BurstResult> {
  const idleMemory = peerMemory();
  const [cpu, busy, began] = [peerCpuSeconds(), machineBusySeconds(), performance.now()];
  let peakMemory = idleMemory;
  const sampler = setInterval(() => {
    const now = peerMemory();
    if (now.pssMiB > peakMemory.pssMiB) peakMemory = now;
  }, 1000);
  const { load, sunk, sinkCpu } = await work().finally(() => clearInterval(sampler));
  await sleep(300); // outcomes are still being written: their CPU counts
  const used = peerCpuSeconds() - cpu;
  const others = machineBusySeconds() - busy - used - load.cpuSeconds - sinkCpu;
  return {
    kind: "burst",
    accepted: load.accepted,
    delivered: sunk.messages,
    endToEnd: sunk.messages / ((sunk.lastNs - load.firstNs) / 1e9),
    acceptRate: load.perSecond,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    cpuPer1000: (used / sunk.messages) * 1000,
    idleMemory,
    peakMemory,
    sinkConnections: sunk.connections,
    handshakesPer1000: (sunk.handshakes / sunk.messages) * 1000,
    resumedShare: sunk.handshakes ? sunk.resumed / sunk.handshakes : 0,
    inClear: sunk.inClear,
    othersCpus: others / ((performance.now() - began) / 1000),
    errors: Object.fromEntries(Object.entries(load.errors).filter(([, count]) => count > 0)),
    tls: load.tls,
  };
}

async function idle(peer: Peer, sink: Sink): Promise<IdleResult> {
  await send(peer, sink, { ...a, messages: 200 });
  await send(peer, sink, { ...a, messages: 50, connections: 1, perConnection: 1, pauseMs: 100 });
  const arrivals = new Map(sink.ids());
  const waits = acceptedIds()
    .flatMap(([id, ok]) => ((ns) => (ns === undefined ? [] : [(ns - ok) / 1e6]))(arrivals.get(id)))
    .sort((x, y) => x - y);
  const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN;
  return { kind: "idle", messages: waits.length, p50Ms: at(0.5), p90Ms: at(0.9), maxMs: at(1) };
}

async function killed(peer: Peer, sink: Sink, scale: number): Promise<KillResult> {
  const messages = Math.max(1000, Math.round(20_000 * scale * peer.share));
  const load = sendLoad({ ...a, to: target(peer), messages, stopOnError: true, tag: `t${tags++}` });
  while ((await sink.figures()).messages < messages / 10) await sleep(5);
  await killPeer();
  await load;
  const queuedAtKill = queueLength(peer);
  const restartedNs = Number(process.hrtime.bigint()); // CLOCK_MONOTONIC, as at the sink
  await start(peer);
  await drained(sink, Number.POSITIVE_INFINITY, 25_000);
  const accepted = new Set(acceptedIds().map(([id]) => id));
  const { lastNs } = await sink.figures();
  const seen = new Map<string, number>();
  for (const [id] of sink.ids()) seen.set(id, (seen.get(id) ?? 0) + 1);
  return {
    kind: "kill",
    accepted: accepted.size,
    lost: [...accepted].filter((id) => !seen.has(id)).length,
    duplicates: [...seen.values()].reduce((sum, times) => sum + times - 1, 0),
    unacknowledged: [...seen.keys()].filter((id) => !accepted.has(id)).length,
    queuedAtKill,
    leftInQueue: queueLength(peer),
    recoverySeconds: Math.max(0, lastNs - restartedNs) / 1e9,
  };
}

/** Waits until `want` messages are at the sink, or no new one came for `quietMs`. */
async function drained(sink: Sink, want: number, quietMs: number): Promise<SinkFigures> {
  let figures = await sink.figures();
  let changed = performance.now();
  while (figures.messages < want && performance.now() - changed < quietMs) {
    await sleep(100);
    const now = await sink.figures();
    if (now.messages !== figures.messages) changed = performance.now();
    figures = now;
  }
  return figures;
}
