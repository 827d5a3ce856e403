/**
 * The package as a user gets it: built and packed from a copy of the tree, unpacked into an empty folder beside exactly
 * the dependencies that a user would have, none of ours for development. Asks no registry.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.join(import.meta.dirname, "../..");

/** Not part of the sources: made, or kept, beside them. */
const besides = new Set(["node_modules", "dist", "data", "test", "bench"]);

export type Installed = Disposable &
  Readonly<{
    /** An empty folder, apart from `node_modules`. */
    folder: string;
    /** What the tarball holds, as paths inside it. */
    files: readonly string[];
    tarballBytes: number;
    /** The command, as npm puts it on the path. */
    command: string;
  }>;

type Packed = Readonly<{ filename: string; size: number; files: readonly Readonly<{ path: string }>[] }>;

export function installPackage(): Installed {
  const base = mkdtempSync(path.join(tmpdir(), "letterlock-package-"));
  const packed = pack(path.join(base, "tree"));
  const folder = path.join(base, "user");
  const modules = path.join(folder, "node_modules");
  const home = path.join(modules, "letterlock");
  mkdirSync(home, { recursive: true });
  execFileSync("tar", ["-xzf", path.join(base, "tree", packed.filename), "--strip-components=1", "-C", home]);
  for (const name of runTimeModules()) cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  const command = path.join(modules, ".bin/letterlock");
  mkdirSync(path.dirname(command), { recursive: true });
  chmodSync(path.join(home, "dist/main.js"), 0o755);
  symlinkSync("../letterlock/dist/main.js", command);
  return {
    folder,
    files: packed.files.map((file) => file.path),
    tarballBytes: packed.size,
    command,
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}

function pack(tree: string): Packed {
  mkdirSync(tree);
  for (const name of readdirSync(root)) {
    if (besides.has(name) || name.startsWith(".") || name.endsWith(".tgz")) continue;
    cpSync(path.join(root, name), path.join(tree, name), { recursive: true });
  }
  symlinkSync(path.join(root, "node_modules"), path.join(tree, "node_modules"));
  const output = execFileSync("npm", ["pack", "--json", "--loglevel=error"], { cwd: tree, encoding: "utf8" });
  const [packed] = Object.values(JSON.parse(output) as Record<string, Packed>);
  if (packed === undefined) throw new Error(`npm pack said ${output}`);
  return packed;
}

/** What `npm install letterlock` would bring along, by the lock file. */
function runTimeModules(): readonly string[] {
  const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([name, { dev, optional }]) => name !== "" && dev !== true && optional !== true)
    .map(([name]) => name);
}
