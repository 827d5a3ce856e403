/**
 * Files as the loader and the dialects see them: read whole, or a reason why not. Handed in, so that tests need no disk.
 */
import { accessSync, closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { SourceFiles } from "../policy/dialects/dialect.ts";

const maxBytes = 64 * 1024 * 1024;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  ELOOP: "its symbolic links go round in a circle",
};

/** Regular files only, 64 MiB at most: a device or pipe would never end. */
export const systemFiles: Required<SourceFiles> = {
  read(path) {
    let handle: number | undefined;
    try {
      handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe must not block us
      const facts = fstatSync(handle);
      if (!facts.isFile()) return { kind: "failed", reason: "it is no regular file" };
      if (facts.size > maxBytes) return { kind: "failed", reason: "it is larger than 64 MiB" };
      return { kind: "found", text: readFileSync(handle, "utf8") };
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      return { kind: "failed", reason: reasons[code] ?? message };
    } finally {
      if (handle !== undefined) closeSync(handle);
    }
  },
  list(path) {
    try {
      const names = readdirSync(path, { encoding: "buffer" });
      return names.toSorted(Buffer.compare).map((name) => name.toString("utf8"));
    } catch {
      return undefined;
    }
  },
  modifiedAt(path) {
    try {
      return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    } catch {
      return undefined; // a name that no file can have, or a folder that we may not look into
    }
  },
  modeOf(path) {
    try {
      return statSync(path, { throwIfNoEntry: false })?.mode;
    } catch {
      return undefined;
    }
  },
  cannotWrite,
};

/** Folders that are missing are made along with the file. */
function cannotWrite(file: string, kind: "file" | "socket"): string | undefined {
  try {
    const facts = statSync(file, { throwIfNoEntry: false });
    if (facts === undefined) return kind === "socket" ? reasons.ENOENT : cannotMakeIn(path.dirname(file));
    if (facts.isDirectory()) return reasons.EISDIR;
    if (facts.isSocket() !== (kind === "socket")) return `it is ${facts.isSocket() ? "a" : "no"} socket`;
    accessSync(file, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    return reasons[code] ?? message;
  }
}

function cannotMakeIn(folder: string): string | undefined {
  const facts = statSync(folder, { throwIfNoEntry: false });
  if (facts === undefined) {
    const why = cannotMakeIn(path.dirname(folder));
    return why === undefined ? undefined : `the folder ${folder} is not there, and cannot be made`;
  }
  if (!facts.isDirectory()) return `${folder} is no folder`;
  accessSync(folder, constants.W_OK | constants.X_OK);
  return undefined;
}
