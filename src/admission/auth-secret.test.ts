import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { readAuthSecret } from "./auth-secret.ts";

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-secret-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("the secret is made once, stays, and is its owner's alone", (t) => {
  const folder = folderFor(t);
  const secret = readAuthSecret(folder);
  assert.equal(secret.length, 32);
  assert.deepEqual(readAuthSecret(folder), secret);
  assert.deepEqual(readdirSync(folder), ["auth-secret"]);
  assert.equal(statSync(path.join(folder, "auth-secret")).mode & 0o777, 0o600);
  assert.notDeepEqual(readAuthSecret(folderFor(t)), secret);
});

test("a damaged one is no secret", (t) => {
  const folder = folderFor(t);
  writeFileSync(path.join(folder, "auth-secret"), "short");
  assert.throws(() => readAuthSecret(folder), /remove it/);
});

test("processes that race for it all have the same", async (t) => {
  const folder = folderFor(t);
  const script = path.join(folder, "racer.mts");
  const module = new URL("./auth-secret.ts", import.meta.url).href;
  writeFileSync(
    script,
    `import { readAuthSecret } from ${JSON.stringify(module)};
process.once("message", (folder) => process.send(readAuthSecret(folder).toString("hex"), () => process.disconnect()));
process.send("ready");
`,
  );
  const racers = [1, 2, 3].map(() => fork(script, { execArgv: [] }));
  t.after(() => {
    for (const racer of racers) racer.kill();
  });
  const next = (racer: ReturnType<typeof fork>): Promise<unknown> =>
    new Promise((resolve) => {
      racer.once("message", resolve);
    });
  await Promise.all(racers.map(next));
  const answers = racers.map(next);
  for (const racer of racers) racer.send(folder);
  assert.equal(new Set(await Promise.all(answers)).size, 1);
  assert.equal(readAuthSecret(folder).toString("hex"), await answers[0]);
});
