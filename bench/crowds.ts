/**
 * j and k: what a crowd that only holds its connections costs the others, and in memory.
 *
 * One relay takes the same even load again and again, by turns with and without the crowd, so that whatever else goes on
 * on the machine meets both alike. Then fresh relays, without load: memory with a few of the crowd, and with many more.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Peer, startFresh, target } from "./peer.ts";
import { peerCpuSeconds, peerMemory } from "./processes.ts";
import { Crowd, type CrowdWay, type Load, type LoadFigures } from "./tools.ts";

type Shape = Readonly<{ ways: readonly CrowdWay[]; says: string }>;

export const crowds: Readonly<Record<string, Shape>> = {
  j: { ways: ["idle", "idle-tls"], says: "even load beside 1,000 clients that keep silent, half of them inside TLS" },
  k: {
    ways: ["slow", "slow-tls", "data", "data-tls"],
    says: "even load beside 1,000 clients at one octet a second, half inside TLS, half in DATA",
  },
};

type Times = Readonly<{ p50Ms: number; p99Ms: number }>;

export type CrowdResult = Readonly<{
  kind: "crowd";
  clients: number;
  /** One for each turn. */
  without: readonly Times[];
  with: readonly Times[];
  /** Cut off although they were within every time-out. */
  lost: number;
  /** That the relay needs for the crowd alone, in CPUs. */
  cpus: number;
  /** Of all the relay's processes; the kernel's own memory for a connection is not in it. */
  kibPerClient: Readonly<Partial<Record<CrowdWay, number>>>;
}>;

const clients = 1000;
const turns = 8;
const settleMs = 8000;
/** About 180 messages a second. */
const evenLoad = { tls: "starttls", perConnection: 10, size: 5000, connections: 20, pauseMs: 100 } as const;

export async function besideCrowd(
  letter: string,
  peer: Peer,
  scale: number,
  send: (load: Omit<Load, "to" | "tag">) => Promise<Readonly<{ load: LoadFigures }>>,
): Promise<CrowdResult> {
  const shape = crowds[letter];
  if (!shape) throw new Error(`no crowd ${letter}`);
  const messages = Math.max(100, Math.round(1500 * scale));
  const measure = async (): Promise<Times> => {
    const { load } = await send({ ...evenLoad, messages });
    return { p50Ms: load.p50Ms, p99Ms: load.p99Ms };
  };
  await send({ ...evenLoad, pauseMs: 0, messages: 10 * messages });
  const result = { without: [] as Times[], with: [] as Times[], lost: 0, cpus: 0 };
  for (let turn = 0; turn < turns; turn++) {
    // Coming and going of so many is a load of its own, with garbage to collect; what is asked is what staying costs.
    await sleep(settleMs);
    result.without.push(await measure());
    await using crowd = new Crowd(target(peer), clients, shape.ways);
    await crowd.allStand();
    await sleep(settleMs);
    result.with.push(await measure());
    result.lost += (await crowd.figures()).lost;
    if (turn === turns - 1) result.cpus = await cpusOverTenSeconds();
  }
  const kibPerClient: Partial<Record<CrowdWay, number>> = {};
  for (const way of shape.ways) kibPerClient[way] = await kibPer(way, peer);
  return { kind: "crowd", clients, ...result, kibPerClient };
}

async function cpusOverTenSeconds(): Promise<number> {
  const before = peerCpuSeconds();
  await sleep(10_000);
  return (peerCpuSeconds() - before) / 10;
}

/** What 500 clients cost at first, code that is loaded and heaps that grow, is left out. */
async function kibPer(way: CrowdWay, peer: Peer): Promise<number> {
  const [few, more] = [500, 2000];
  await startFresh(peer);
  await using first = new Crowd(target(peer), few, [way]);
  await first.allStand();
  await sleep(3000);
  const before = peerMemory().pssMiB;
  await using second = new Crowd(target(peer), more, [way], few);
  await second.allStand();
  await sleep(10_000);
  return ((peerMemory().pssMiB - before) * 1024) / more;
}
