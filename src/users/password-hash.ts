/**
 * Stored passwords: scrypt and argon2id in PHC text, `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH` (base64 without padding).
 * Promises: a text that is not exactly of that form, or that would cost more than a log-in may, is no hash.
 * Not here: how many run at once (`admission/`), what is prepared before (`saslprep.ts`).
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Argon2Cost, KeyDerivation, ScryptCost } from "./key-derivation.ts";
import type { PasswordHash } from "./user.ts";

export const passwordSchemes = ["argon2id", "scrypt"] as const;
export type PasswordScheme = (typeof passwordSchemes)[number];

/** What new passwords get: docs/decisions/0011-passwords.md. */
const newArgon2: Argon2Cost = { memoryKiB: 19_456, passes: 2, parallelism: 1 };
const newScrypt: ScryptCost = { costLog2: 15, blockSize: 8, parallelization: 3 };
const saltBytes = 16;
const hashBytes = 32;

/** Most that checking one password may take: memory, and memory times passes. Far above any advice. */
const maxMemoryKiB = 256 * 1024;
const maxWorkKiB = 8 * maxMemoryKiB;

/** @param password after SASLprep */
export async function hashPassword(
  scheme: PasswordScheme,
  password: string,
  derive: KeyDerivation,
): Promise<PasswordHash> {
  const salt = randomBytes(saltBytes);
  const asked = { password, salt, length: hashBytes };
  if (scheme === "scrypt") {
    return { kind: "scrypt", ...newScrypt, salt, hash: await derive.scrypt({ ...asked, ...newScrypt }) };
  }
  return { kind: "argon2id", ...newArgon2, salt, hash: await derive.argon2id({ ...asked, ...newArgon2 }) };
}

/** @param password after SASLprep. Rejects when the machine cannot do it now. */
export async function fitsHash(stored: PasswordHash, password: string, derive: KeyDerivation): Promise<boolean> {
  const asked = { ...stored, password, length: stored.hash.length };
  const found = stored.kind === "scrypt" ? await derive.scrypt({ ...asked, ...stored }) : await argon2id(asked, stored);
  return timingSafeEqual(found, stored.hash);

  function argon2id(question: typeof asked, cost: Argon2Cost): Promise<Buffer> {
    return derive.argon2id({ ...question, ...cost });
  }
}

export function formatPasswordHash(stored: PasswordHash): string {
  const end = `${toBase64(stored.salt)}$${toBase64(stored.hash)}`;
  return stored.kind === "scrypt"
    ? `$scrypt$ln=${stored.costLog2},r=${stored.blockSize},p=${stored.parallelization}$${end}`
    : `$argon2id$v=19$m=${stored.memoryKiB},t=${stored.passes},p=${stored.parallelism}$${end}`;
}

const phc =
  /^\$(?:scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})|argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,4}),p=(\d{1,3}))\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** @returns what is wrong in words, where it is no hash that can be used */
export function parsePasswordHash(text: string): PasswordHash | string {
  const match = phc.exec(text);
  if (match === null) return describeStranger(text);
  const [, ln, r, p, m, t, lanes, saltText = "", hashText = ""] = match;
  const salt = fromBase64(saltText);
  const hash = fromBase64(hashText);
  if (salt === undefined || hash === undefined) return "the salt or the hash is not base64";
  if (ln !== undefined) {
    const cost = { costLog2: Number(ln), blockSize: Number(r), parallelization: Number(p) };
    return scryptTrouble(cost) ?? { kind: "scrypt", ...cost, salt, hash };
  }
  const cost = { memoryKiB: Number(m), passes: Number(t), parallelism: Number(lanes) };
  return argon2Trouble(cost) ?? { kind: "argon2id", ...cost, salt, hash };
}

function scryptTrouble({ costLog2, blockSize, parallelization }: ScryptCost): string | undefined {
  if (costLog2 < 10 || blockSize < 1 || parallelization < 1)
    return "the cost is too low: ln=10, r=1, p=1 are the least";
  const memoryKiB = (2 ** costLog2 * blockSize) / 8;
  return tooCostly(memoryKiB, parallelization);
}

function argon2Trouble({ memoryKiB, passes, parallelism }: Argon2Cost): string | undefined {
  if (memoryKiB < 1024 || passes < 1 || parallelism < 1) return "the cost is too low: m=1024, t=1, p=1 are the least";
  if (memoryKiB < 8 * parallelism) return "m must be at least eight times p";
  return tooCostly(memoryKiB, passes);
}

function tooCostly(memoryKiB: number, times: number): string | undefined {
  if (memoryKiB > maxMemoryKiB) return "checking one password would take more than 256 MiB";
  return memoryKiB * times > maxWorkKiB ? "checking one password would take too long" : undefined;
}

/** The usual mistakes, each in its own words. Nothing of the text is repeated: it may be a password. */
function describeStranger(text: string): string {
  if (/^\$argon2(?:i|d)\$/.test(text)) return "this is argon2i or argon2d, not argon2id";
  if (text.startsWith("$argon2id$") && !text.includes("$v=19$")) return "this argon2id hash is not of version 19";
  if (/^\$(?:1|2[aby]?|5|6|7|y)\$/.test(text)) return "this is a crypt(3) hash, of which none is supported";
  if (text.startsWith("SCRAM-SHA-256$")) return "this is a SCRAM verifier: it belongs under scram";
  if (/^\$(?:scrypt|argon2id)\$/.test(text)) return "this hash is damaged or cut off";
  return "this is no password hash; a password in clear text is never stored here";
}

function toBase64(octets: Uint8Array): string {
  return Buffer.from(octets).toString("base64").replace(/=+$/, "");
}

/** Only the one spelling that `toBase64` writes. */
function fromBase64(text: string): Buffer | undefined {
  const octets = Buffer.from(text, "base64");
  return toBase64(octets) === text ? octets : undefined;
}
