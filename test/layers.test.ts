/**
 * Imports point left only (docs/architecture.md): reads the import lines of every file under src/ to prove it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const tiers: readonly (readonly string[])[] = [
  ["mail"],
  ["observe", "dns", "tls"],
  ["smtp", "dane", "mta-sts", "tlsrpt", "users"],
  ["policy"],
  ["route", "queue", "record", "dsn", "config"],
  ["admission", "logs"],
  ["delivery", "probe"],
  ["lab"],
  ["server"],
  ["admin", "cli"],
  ["main"],
];
const root = path.join(import.meta.dirname, "../src");

function roomOf(file: string): string {
  const [first = ""] = path.relative(root, file).split(path.sep);
  return first.replace(/\.ts$/, "");
}

function tierOf(room: string): number {
  const tier = tiers.findIndex((rooms) => rooms.includes(room));
  assert.notEqual(tier, -1, `src/${room} is in no tier of test/layers.test.ts`);
  return tier;
}

function offences(file: string): string[] {
  const from = roomOf(file);
  if (from === "index") return [];
  const found: string[] = [];
  for (const [, target = ""] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) {
    const to = roomOf(path.resolve(path.dirname(file), target));
    if (to === from) continue;
    if (tierOf(to) >= tierOf(from)) found.push(`${path.relative(root, file)} imports ${target}`);
  }
  return found;
}

test("imports point left only", () => {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  assert.ok(files.length > 20);
  assert.deepEqual(
    files.flatMap((name) => offences(path.join(root, name))),
    [],
  );
});
