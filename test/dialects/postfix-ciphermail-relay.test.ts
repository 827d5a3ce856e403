/**
 * Runs `postfix/ciphermail-relay.ts` in a network of its own, since the gateway's next hops are on ports 25 and 10025.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";
import { missing } from "../interop/lab/programs.ts";

const script = path.join(import.meta.dirname, "postfix/ciphermail-relay.ts");

test("postfix: CipherMail's gateway, taken over by a running relay", { skip: missing() }, async () => {
  // A test runner of its own: it must not report to ours.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const inNetwork = ["--net", "--kill-child", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'];
  const child = spawn("unshare", [...inNetwork, process.execPath, script], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = await once(child, "exit");
  assert.equal(code, 0, output);
  assert.match(output, /^ℹ pass [1-9]\d*$/m, output);
});
