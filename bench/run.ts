/**
 * `npm run bench`: Letterlock and other mail relays on one machine, in one run, taking turns.
 *
 *     npm run bench -- --scenarios a,b --runs 3 --peers letterlock,postfix,postfix-reuse
 *
 * Prints tables and writes every single run to `results/`. docs/performance.md says how to read them.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { crowds } from "./crowds.ts";
import { type Peer, parsePeer, setup } from "./peer.ts";
import { bursts, runScenario } from "./scenarios.ts";
import { type Run, tables } from "./table.ts";
import { cgroup, prepare, reenter } from "./world.ts";

const usage = `npm run bench -- [options]        (root, Linux, gcc, libssl-dev, iproute2; postfix for its peers)
  --scenarios LIST   of a,b,c,d,e,h,i,j,k (default a,b,c,d,e,h,i)
${Object.entries(bursts)
  .map(([letter, { says }]) => `                       ${letter}  ${says}`)
  .join("\n")}
                       h  one message at a time, idle      i  SIGKILL in the middle, restart
${Object.entries(crowds)
  .map(([letter, { says }]) => `                       ${letter}  ${says}`)
  .join("\n")}
  --peers LIST       of letterlock, postfix, postfix-reuse, postfix-reuse-quickack, tools, NAME:VARIANT, SCRIPT:VARIANT
                     (default letterlock,postfix,postfix-reuse)
  --runs N           per scenario and peer (default 3); the tables show the median
  --scale X          stretches the number of messages (default 1)
The environment variable PB names the scratch folder, on a disk (default /var/tmp/letterlock-bench).`;

const { values: options } = parseArgs({
  options: {
    scenarios: { type: "string", default: "a,b,c,d,e,h,i" },
    peers: { type: "string", default: "letterlock,postfix,postfix-reuse" },
    runs: { type: "string", default: "3" },
    scale: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});

if (options.help) {
  console.log(usage);
} else if (cgroup === undefined) {
  prepare();
  process.exitCode = reenter(process.argv.slice(1));
} else {
  await bench(options.peers.split(",").map(parsePeer), options.scenarios.split(","));
}

async function bench(peers: readonly Peer[], letters: readonly string[]): Promise<void> {
  const runs: Run[] = [];
  const started = new Date();
  for (const peer of peers) setup(peer);
  try {
    for (const letter of letters) await takeTurns(letter, peers, runs);
  } finally {
    // An hour of runs is not thrown away because the last one failed.
    console.log(`\n${tables(runs)}\n\n${save(started, runs)}`);
  }
}

async function takeTurns(letter: string, peers: readonly Peer[], runs: Run[]): Promise<void> {
  for (let turn = 1; turn <= Number(options.runs); turn++) {
    for (const peer of peers) {
      if (peer.script === undefined && !(letter in bursts)) continue;
      const result = await runScenario(letter, peer, Number(options.scale));
      runs.push({ scenario: letter, peer: peer.name, result });
      console.error(`${letter} ${turn} ${peer.name} ${JSON.stringify(result)}`);
    }
  }
}

function save(started: Date, runs: readonly Run[]): string {
  const folder = path.join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${started.toISOString().slice(0, 19).replaceAll(":", "")}.json`);
  writeFileSync(file, JSON.stringify({ started, machine: machine(), runs }, undefined, 1));
  return file;
}

function machine(): Record<string, unknown> {
  const [cpu] = os.cpus();
  const commit = execFileSync("git", ["-C", import.meta.dirname, "describe", "--always", "--dirty"], {
    encoding: "utf8",
  });
  return {
    cpus: os.cpus().length,
    cpu: cpu?.model,
    memoryMiB: Math.round(os.totalmem() / 1024 / 1024),
    kernel: os.release(),
    node: process.version,
    openssl: process.versions.openssl,
    accounting: cgroup === "" ? "/proc" : "cgroup",
    commit: commit.trim(),
  };
}
