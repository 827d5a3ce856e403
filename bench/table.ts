/** The runs as Markdown: medians, their spread, and the ratio to the best durable relay that is not ours. */
import type { CrowdResult } from "./crowds.ts";
import type { BurstResult, IdleResult, KillResult, Result } from "./scenarios.ts";

export type Run = Readonly<{ scenario: string; peer: string; result: Result }>;

/** Not measured against: ourselves, and the tools without a relay. */
const notRivals = ["letterlock", "tools"];

/** One table for each scenario, in the order of the runs. */
export function tables(runs: readonly Run[]): string {
  const byScenario = Map.groupBy(runs, (run) => run.scenario);
  return [...byScenario].map(([letter, same]) => `### ${letter}\n\n${table(same)}`).join("\n\n");
}

function table(runs: readonly Run[]): string {
  const peers = new Set(runs.map((run) => run.peer));
  const bursts = [...peers]
    .map((peer) => [peer, ofKind(runs, peer, "burst")] as const)
    .filter(([, some]) => some.length);
  const idles = [...peers].map((peer) => [peer, ofKind(runs, peer, "idle")] as const).filter(([, some]) => some.length);
  const kills = [...peers].map((peer) => [peer, ofKind(runs, peer, "kill")] as const).filter(([, some]) => some.length);
  const crowds = [...peers]
    .map((peer) => [peer, ofKind(runs, peer, "crowd")] as const)
    .filter(([, some]) => some.length);
  const parts = [];
  if (bursts.length) parts.push(burstTable(bursts));
  if (idles.length) parts.push(idleTable(idles));
  if (kills.length) parts.push(killTable(kills));
  if (crowds.length) parts.push(crowdTable(crowds));
  return parts.join("\n\n");
}

function ofKind<K extends Result["kind"]>(runs: readonly Run[], peer: string, kind: K): Extract<Result, { kind: K }>[] {
  return runs
    .filter((run) => run.peer === peer)
    .map((run) => run.result)
    .filter((result): result is Extract<Result, { kind: K }> => result.kind === kind);
}

type Rows<R> = readonly (readonly [peer: string, results: readonly R[]])[];

function burstTable(rows: Rows<BurstResult>): string {
  const rivals = rows.filter(([peer]) => !notRivals.some((name) => peer.startsWith(name)));
  const best = Math.max(...rivals.map(([, results]) => median(results, (r) => r.endToEnd)));
  const head = [
    ...["relay", "messages/s (min-max)", "× best other", "accepted/s", "p50 ms", "p99 ms", "CPU s per 1000"],
    ...["PSS MiB idle → peak", "handshakes out per 1000", "delivered / accepted", "others' CPUs"],
  ];
  return markdown(
    head,
    rows.map(([peer, results]) => {
      const rate = median(results, (r) => r.endToEnd);
      const memory = (pick: (r: BurstResult) => number) => median(results, pick).toFixed(0);
      return [
        peer,
        `${rate.toFixed(0)} (${spread(results, (r) => r.endToEnd)})`,
        Number.isFinite(best) ? (rate / best).toFixed(1) : "-",
        median(results, (r) => r.acceptRate).toFixed(0),
        median(results, (r) => r.p50Ms).toFixed(1),
        median(results, (r) => r.p99Ms).toFixed(1),
        median(results, (r) => r.cpuPer1000).toFixed(2),
        `${memory((r) => r.idleMemory.pssMiB)} → ${memory((r) => r.peakMemory.pssMiB)}`,
        median(results, (r) => r.handshakesPer1000).toFixed(0),
        `${sum(results, (r) => r.delivered)} / ${sum(results, (r) => r.accepted)}`,
        median(results, (r) => r.othersCpus).toFixed(2),
      ];
    }),
  );
}

function idleTable(rows: Rows<IdleResult>): string {
  return markdown(
    ["relay", "250 to sink p50 ms", "p90 ms", "max ms", "messages"],
    rows.map(([peer, results]) => [
      peer,
      median(results, (r) => r.p50Ms).toFixed(2),
      median(results, (r) => r.p90Ms).toFixed(2),
      median(results, (r) => r.maxMs).toFixed(2),
      String(sum(results, (r) => r.messages)),
    ]),
  );
}

function killTable(rows: Rows<KillResult>): string {
  return markdown(
    ["relay", "kills", "accepted", "lost", "duplicates", "queued at the kill", "left in queue", "seconds to the last"],
    rows.map(([peer, results]) => [
      peer,
      String(results.length),
      String(sum(results, (r) => r.accepted)),
      String(sum(results, (r) => r.lost)),
      String(sum(results, (r) => r.duplicates)),
      String(sum(results, (r) => r.queuedAtKill)),
      String(sum(results, (r) => r.leftInQueue)),
      median(results, (r) => r.recoverySeconds).toFixed(1),
    ]),
  );
}

/** Times over all turns of all runs; the turns without the crowd show what chance alone does. */
function crowdTable(rows: Rows<CrowdResult>): string {
  const times = (results: readonly CrowdResult[], side: "without" | "with", which: "p50Ms" | "p99Ms") => {
    const turns = results.flatMap((result) => result[side]);
    const [least, most] = [Math.min, Math.max].map((pick) => pick(...turns.map((turn) => turn[which])).toFixed(1));
    return `${median(turns, (turn) => turn[which]).toFixed(1)} (${least}-${most})`;
  };
  const ways = Object.keys(rows[0]?.[1][0]?.kibPerClient ?? {}) as (keyof CrowdResult["kibPerClient"])[];
  return markdown(
    [
      ...["relay", "p50 ms without (min-max)", "with", "p99 ms without (min-max)", "with", "cut off", "CPUs"],
      ...ways.map((way) => `KiB per client, ${way}`),
    ],
    rows.map(([peer, results]) => [
      peer,
      ...(["p50Ms", "p99Ms"] as const).flatMap((which) => [
        times(results, "without", which),
        times(results, "with", which),
      ]),
      String(sum(results, (result) => result.lost)),
      median(results, (result) => result.cpus).toFixed(2),
      ...ways.map((way) => median(results, (result) => result.kibPerClient[way] ?? Number.NaN).toFixed(1)),
    ]),
  );
}

function median<R>(results: readonly R[], pick: (result: R) => number): number {
  const sorted = results.map(pick).sort((x, y) => x - y);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function sum<R>(results: readonly R[], pick: (result: R) => number): number {
  return results.map(pick).reduce((total, value) => total + value, 0);
}

function spread<R>(results: readonly R[], pick: (result: R) => number): string {
  const values = results.map(pick);
  return `${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)}`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
