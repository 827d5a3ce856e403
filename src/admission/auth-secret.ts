/**
 * The secret behind what strangers are told at log-in (`strangers.ts`): made once, kept in the data folder, so that all
 * workers, and the same relay tomorrow, tell the same.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import path from "node:path";

const bytes = 32;

/**
 * Reads it, or makes it. Workers may race: the file appears whole or not at all, and the first one stays.
 *
 * @returns 32 octets. Throws where the file cannot be made, read, or holds something else
 */
export function readAuthSecret(dataDirectory: string): Buffer {
  const file = path.join(dataDirectory, "auth-secret");
  const secret = readExisting(file) ?? make(file);
  if (secret.length === bytes) return secret;
  throw new Error(`${file} is damaged (${secret.length} octets, not ${bytes}): remove it, a new one is made`);
}

function make(file: string): Buffer {
  const fresh = `${file}.${process.pid}`;
  writeNew(fresh, randomBytes(bytes));
  try {
    linkSync(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(fresh);
  }
  return readFileSync(file);
}

function writeNew(file: string, octets: Buffer): void {
  const handle = openSync(file, "w", 0o600);
  try {
    writeSync(handle, octets);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function readExisting(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
