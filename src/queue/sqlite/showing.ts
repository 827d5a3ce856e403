/**
 * One message whole, as `queue show` prints it.
 */
import { closeSync, openSync, readSync } from "node:fs";
import path from "node:path";
import type { AttemptTable } from "./attempts.ts";
import type { Listing } from "./listing.ts";
import type { MessageTable } from "./messages.ts";
import type { StoreAnswers } from "./wire.ts";

const headerBytes = 64 * 1024;

export type ShowTables = Readonly<{
  messages: MessageTable;
  attempts: AttemptTable;
  listing: Listing;
  spoolDirectory: string;
}>;

export function showMessage(tables: ShowTables, id: string): StoreAnswers["show"] {
  const found = tables.messages.find(id);
  if (found === undefined) return undefined;
  const { meta, body, spool } = tables.messages.read(found.key);
  const { rows } = tables.listing.entries({ ids: [id] }, 0, undefined, Number.MAX_SAFE_INTEGER);
  const start = spool === null ? body : readStart(path.join(tables.spoolDirectory, spool));
  return { entries: rows, records: tables.attempts.ofMessage(id), header: headerSection(start), meta };
}

/** The first 64 KiB of a file. */
function readStart(file: string): Uint8Array {
  const handle = openSync(file, "r");
  try {
    const start = Buffer.alloc(headerBytes);
    return start.subarray(0, readSync(handle, start, 0, headerBytes, 0));
  } finally {
    closeSync(handle);
  }
}

/** Up to the empty line, at most 64 KiB, as UTF-8; raw: escape before showing. */
function headerSection(bytes: Uint8Array | null): string {
  if (bytes === null) return "";
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, headerBytes));
  const end = start.indexOf("\r\n\r\n");
  return start.toString("utf8", 0, end < 0 ? start.length : end + 2);
}
