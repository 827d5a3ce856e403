/**
 * SR-15 seen from outside, by the system calls: the log that holds a message is synced before its 250 is written.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { CountingClient } from "./counting-client.ts";
import { RecordingSink } from "./recording-sink.ts";
import { RelayUnderTest } from "./relay-under-test.ts";

const hasStrace = spawnSync("strace", ["-V"]).status === 0;

test("SR-15: the queue's log is synced before 250", { skip: hasStrace ? false : "needs strace" }, async (t) => {
  const dataDirectory = mkdtempSync(path.join(os.tmpdir(), "letterlock-strace-"));
  t.after(() => rmSync(dataDirectory, { recursive: true }));
  const trace = path.join(dataDirectory, "trace");
  const calls = "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg";
  await using sink = await RecordingSink.listen();
  sink.holdBack(); // no attempt ends: all syncs of the log are those of accepting
  const wrapper = ["strace", "-f", "-y", "-s", "64", "-e", calls, "-o", trace];
  await using relay = await RelayUnderTest.start({ dataDirectory, workers: 1, sinkPort: sink.port, wrapper });
  const client = new CountingClient({ sizeBytes: 2000, onChange: () => undefined });
  await client.send(relay.port, 1, () => client.acknowledged.size >= 3);
  sink.letGo();
  await relay.stop();

  const told = readTrace(readFileSync(trace, "utf8"));
  assert.deepEqual(told.filter((step) => step === "ask" || step === "250").slice(0, 6), [
    "ask",
    "250",
    "ask",
    "250",
    "ask",
    "250",
  ]);
  for (const message of told.join(" ").split("ask").slice(1)) {
    // What was logged for this message is synced, and that has returned, when the 250 is written.
    assert.match(message, /^ (?:(?:log|synced) )*log synced 250\b/, `in ${told.join(" ")}`);
  }
});

type Step = "ask" | "log" | "synced" | "250";

/**
 * The trace as steps: the 354 that asks for a message, a write to the WAL, the return of a sync of the WAL, the 250 that
 * takes responsibility. A call that another thread's interrupts is traced in two lines, begin and return.
 */
function readTrace(trace: string): Step[] {
  const syncing = new Set<string>();
  return trace.split("\n").flatMap((line): Step[] => {
    const [thread = ""] = line.split(" ");
    if (line.includes("354 End data")) return ["ask"];
    if (line.includes('"250 2.0.0 Ok: queued')) return ["250"];
    if (/ p?write(?:64)?\(\d+<[^>]*-wal>/.test(line)) return ["log"];
    if (/ f(?:data)?sync\(\d+<[^>]*-wal>/.test(line)) {
      if (/= 0$/.test(line)) return ["synced"];
      syncing.add(thread);
    } else if (/ <\.\.\. f(?:data)?sync resumed>.*= 0$/.test(line) && syncing.delete(thread)) return ["synced"];
    return [];
  });
}
