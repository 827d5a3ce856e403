/**
 * Where an accounting section's lines go: numbered files, or a program behind `|` (reference, section 3.1).
 */
import path from "node:path";
import type { LogTarget } from "../../../mail/log-definition.ts";
import type { AccountingLines } from "./accounting-lines.ts";
import { parseInterval } from "./accounting-values.ts";
import { textOf } from "./lines.ts";
import type { Place } from "./parse.ts";

const ofFiles = [
  "move-to",
  "move-interval",
  "max-size",
  "delete-after",
  "world-readable",
  "count-moved-records",
  "sync",
] as const;
const ofPrograms = ["retry-interval", "write-timeout"] as const;
const leastBytes = 1024 ** 2;

/**
 * @param written the argument of the section
 * @param folder absolute: relative names stand in it
 */
export function targetOf(written: string, place: Place, lines: AccountingLines, folder: string): LogTarget | undefined {
  if (!written.startsWith("|")) return filesOf(written, place, lines, folder);
  const command = written.slice(1).trim();
  if (command === "") {
    lines.notes.error(place, "<acct-file |>: there is no command", "write the program behind the |");
    return undefined;
  }
  lines.withoutEffect(ofFiles, "records go to a program");
  const retryMs = lines.interval("retry-interval") ?? 300_000;
  return { kind: "program", command, retryMs, writeTimeoutMs: lines.interval("write-timeout") ?? 60_000 };
}

function filesOf(written: string, place: Place, lines: AccountingLines, folder: string): LogTarget {
  lines.withoutEffect(ofPrograms, "records go to a file");
  const file = path.resolve(folder, unixName(written));
  if (file !== path.resolve(written)) {
    lines.notes.differs(place, `<acct-file ${written}>: the files stand beside ${file}`, "write the whole path");
  }
  const moveTo = moveFolder(file, lines, folder);
  return {
    kind: "numbered-files",
    path: file,
    moveTo,
    intervalMs: moveInterval(moveTo, lines),
    maxBytes: maxBytes(lines),
    deleteAfterMs: deleteAfter(moveTo, lines),
    worldReadable: lines.flag("world-readable", false),
    countMoved: lines.flag("count-moved-records", false),
    sync: lines.flag("sync", false),
  };
}

/** `log\acct.csv` of Windows; of a whole path there the last part. */
function unixName(written: string): string {
  return written.replace(/^[a-z]:.*\\/i, "").replaceAll("\\", "/");
}

/** Moving into the folder that the files are in already is none (the guide, delete-after). */
function moveFolder(file: string, lines: AccountingLines, folder: string): string | undefined {
  const written = lines.text("move-to");
  if (written === undefined || written === "") return undefined;
  const moveTo = path.resolve(folder, unixName(written));
  if (moveTo !== path.dirname(file)) return moveTo;
  lines.withoutEffect(["move-to"], "the files are in this folder already");
  return undefined;
}

/** Without it a new file begins at midnight, which is once a day. */
function moveInterval(moveTo: string | undefined, lines: AccountingLines): number | undefined {
  const line = lines.last("move-interval");
  const intervalMs = lines.interval("move-interval");
  if (line === undefined || intervalMs === undefined) return undefined;
  if (moveTo === undefined) {
    lines.notes.warning(line, "move-interval has no effect without move-to", "write move-to FOLDER, or remove it");
    return undefined;
  }
  if (intervalMs > 0) return intervalMs;
  lines.notes.error(line, "move-interval: 0 is no interval", "write an interval such as 5m or 1d12h");
  return undefined;
}

function maxBytes(lines: AccountingLines): number {
  const line = lines.last("max-size");
  const bytes = lines.bytes("max-size");
  if (line === undefined || bytes === undefined) return 250 * leastBytes;
  if (bytes < leastBytes)
    lines.notes.warning(line, `max-size: ${textOf(line.value)} is less than 1M; 1M is used`, "write 1M or more");
  return Math.max(leastBytes, bytes);
}

function deleteAfter(moveTo: string | undefined, lines: AccountingLines): number | undefined {
  const line = lines.last("delete-after");
  const text = line === undefined ? "8d" : textOf(line.value).toLowerCase();
  const ms = /^\d+d$/.test(text) ? parseInterval(text) : undefined;
  if (line !== undefined && ms === undefined && text !== "never") {
    lines.notes.error(
      line,
      `delete-after: "${text}" is no number of days`,
      "write a number of days such as 8d, or never",
    );
  }
  if (moveTo === undefined) return ms;
  lines.withoutEffect(["delete-after"], "finished files are moved, and deleted by nobody");
  return undefined;
}
