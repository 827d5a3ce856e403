/**
 * Files that are not on any disk, for whoever is handed `SourceFiles`.
 */
import path from "node:path";
import type { SourceFiles } from "../policy/dialects/dialect.ts";

/** Names are resolved against `folder`. All were modified at one moment, except those whose time is given. */
export function textFiles(
  files: Readonly<Record<string, string>>,
  { folder = "/", times = {} }: Readonly<{ folder?: string; times?: Readonly<Record<string, number>> }> = {},
): SourceFiles {
  const texts = new Map(Object.entries(files).map(([name, text]) => [path.resolve(folder, name), text]));
  return {
    read(file) {
      const text = texts.get(file);
      return text === undefined ? { kind: "failed", reason: "there is no such file" } : { kind: "found", text };
    },
    list(wanted) {
      const below = `${wanted.replace(/\/$/, "")}/`;
      const names = [...texts.keys()].flatMap((file) =>
        file.startsWith(below) ? [file.slice(below.length).replace(/\/.*/, "")] : [],
      );
      return names.length === 0 ? undefined : [...new Set(names)].toSorted();
    },
    modifiedAt: (file) => (texts.has(file) ? (times[file] ?? 1_000) : undefined),
  };
}
