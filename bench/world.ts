/**
 * Where the bench happens: a scratch folder on a disk, and namespaces of our own for network, processes and mounts.
 *
 * Promises: nothing in it can reach another machine (only a loopback interface exists), and every process started in it
 * ends with it. Leaves to `processes.ts` whose process is whose.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, statfsSync } from "node:fs";
import path from "node:path";

const here = import.meta.dirname;
const tmpfsMagic = 0x01021994;
/** Set for the inner process. */
const insideVariable = "LETTERLOCK_BENCH_CGROUP";

export const tools = {
  load: path.join(here, "bin/load"),
  sink: path.join(here, "bin/sink"),
  crowd: path.join(here, "bin/crowd"),
};

/** Scratch folder, `PB` to the peer scripts. A disk, since memory would make every sync free. */
export const scratch = process.env.PB ?? "/var/tmp/letterlock-bench";
export const certificate = path.join(scratch, "tls/cert.pem");
export const privateKey = path.join(scratch, "tls/key.pem");

/** The accounting group of the peer's processes as the inner process sees it; undefined outside, `""` when there is none. */
export const cgroup = process.env[insideVariable];

/** Throws with a sentence for the operator when this machine cannot run the bench. */
export function prepare(): void {
  if (process.platform !== "linux" || process.getuid?.() !== 0) throw new Error("the bench needs root on Linux");
  execFileSync("make", ["-s", "-C", path.join(here, "src")], { stdio: "inherit" });
  mkdirSync(path.dirname(certificate), { recursive: true });
  mkdirSync(path.join(scratch, "run"), { recursive: true });
  if (statfsSync(scratch).type === tmpfsMagic) throw new Error(`${scratch} is in memory: set PB to a folder on a disk`);
  if (!existsSync(privateKey)) makeCertificate();
}

function makeCertificate(): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", privateKey];
  const names = ["-subj", "/CN=mx.letterlock.test", "-addext", "subjectAltName=DNS:mx.letterlock.test,DNS:sink.test"];
  execFileSync("openssl", ["req", "-x509", ...key, "-out", certificate, "-days", "3650", ...names], {
    stdio: "ignore",
  });
}

/** Runs this same command line again inside the namespaces, and returns its exit code. */
export function reenter(argv: readonly string[]): number {
  const group = makeCgroup();
  const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  // A shell as first process collects the peers' orphans.
  const first = ["bash", "-c", 'ip link set lo up && "$@"; exit $?', "bench"];
  const result = spawnSync("unshare", [...namespaces, ...first, process.execPath, ...argv], {
    stdio: "inherit",
    env: { ...process.env, [insideVariable]: group, PB: scratch },
  });
  if (group !== "") rmdirSync(group);
  return result.status ?? 1;
}

/** Group for CPU accounting: cgroup v1 `cpuacct`, else v2 beside our own, else none. */
function makeCgroup(): string {
  const name = `letterlock-bench-${process.pid}`;
  for (const root of ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"]) {
    if (!existsSync(path.join(root, root.endsWith("cpuacct") ? "cpuacct.usage" : "cgroup.controllers"))) continue;
    try {
      mkdirSync(path.join(root, name));
      return path.join(root, name);
    } catch {
      // Read-only: the sums of /proc do.
    }
  }
  return "";
}
