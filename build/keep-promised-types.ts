/**
 * Removes from `dist` the type declarations that nobody can reach: the package promises `index.d.ts` and what it is made
 * of, and its `exports` open nothing else. Last step of `npm run build`.
 */
import { globSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

const dist = path.join(import.meta.dirname, "../dist");
const imported = /(?:from|import)\s*\(?"(\.[^"]+)\.[jt]s"/g;

/** `file`, and all that its declarations name, as deep as it goes. */
function reach(file: string, reached: Set<string>): Set<string> {
  if (reached.has(file)) return reached;
  reached.add(file);
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(imported)) {
    reach(`${path.join(path.dirname(file), name)}.d.ts`, reached);
  }
  return reached;
}

const promised = reach(path.join(dist, "index.d.ts"), new Set());
for (const name of globSync("**/*.d.ts", { cwd: dist })) {
  const file = path.join(dist, name);
  if (!promised.has(file)) rmSync(file);
}
