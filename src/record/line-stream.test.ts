import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

const program = `
  import { LineStream } from ${JSON.stringify(new URL("./line-stream.ts", import.meta.url).href)};
  const lines = new LineStream(1, 1, (lost) => lines.write("lost " + lost + "\\n"));
  for (let number = 0; number < 60000; number += 1) {
    lines.write(String(number).padStart(100, ".") + "\\n");
    if (number % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  process.stdin.on("data", () => {}).on("end", () => {});
`;

/** Whole lines in order, and the count of those that are missing, however slowly they are read. */
for (const reader of ["quick", "slow"] as const) {
  test(`lines to a ${reader} reader of a pipe: whole, in order, every loss reported`, async () => {
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.on("error", () => {});
    let text = "";
    if (reader === "slow") await once(child.stdout, "readable");
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(`${"59999".padStart(100, ".")}\n`) || text.includes("lost")) child.stdin.end();
    });
    await once(child, "close");
    const lines = text.trimEnd().split("\n");
    const lost = lines.filter((line) => line.startsWith("lost ")).reduce((sum, line) => sum + Number(line.slice(5)), 0);
    const numbers = lines.filter((line) => !line.startsWith("lost ")).map((line) => Number(line.replace(/^\.*/, "")));
    assert.equal(numbers.length + lost, 60_000);
    assert.ok(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? -1)));
  });
}
