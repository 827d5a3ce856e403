/**
 * Runs `powermta/seed-relay.ts` where the founding article's inbound example stands as it was published: a machine with the
 * address 1.2.3.4 and with files under /etc/pmta.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { missing } from "../interop/lab/programs.ts";

const script = path.join(import.meta.dirname, "powermta/seed-relay.ts");

/** A network of its own, and an /etc that is a copy: both end with the process. */
const furnish = `
  ip link set lo up
  ip addr add 1.2.3.4/32 dev lo
  mount -t tmpfs tmpfs "$0"
  cp -a /etc/. "$0"
  mkdir -p "$0/pmta"
  mount --bind "$0" /etc
  exec "$@"`;

test("powermta: the published inbound example, word for word, on a running relay", { skip: missing() }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-etc-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // A test runner of its own: it must not report to ours.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const flags = ["--net", "--mount", "--kill-child", "sh", "-eu", "-c", furnish, folder, process.execPath, script];
  const child = spawn("unshare", flags, { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = await once(child, "exit");
  assert.equal(code, 0, output);
  assert.match(output, /^ℹ pass [1-9]\d*$/m, output);
});
