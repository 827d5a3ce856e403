/**
 * What is stored for SCRAM-SHA-256, in PostgreSQL's text form `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY`
 * (base64): verifiers can be taken over from there. The password cannot be read off it, but guesses can be tried on it.
 * RFC 5802 §3, RFC 7677; standards.md AU-7.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { KeyDerivation } from "./key-derivation.ts";
import type { ScramVerifier } from "./user.ts";

/**
 * New verifiers: 9 ms of each log-in's time, on the client's side. Cyrus SASL, with which Postfix logs in, refuses more than
 * 65,536 (docs/decisions/0011-passwords.md).
 */
const newIterations = 60_000;
/** RFC 7677 §4. */
const minIterations = 4096;
const maxIterations = 10_000_000;
const keyBytes = 32;

/** @param password after SASLprep */
export async function makeScramVerifier(password: string, derive: KeyDerivation): Promise<ScramVerifier> {
  const salt = randomBytes(16);
  return { iterations: newIterations, salt, ...(await keysOf({ salt, iterations: newIterations }, password, derive)) };
}

/** A password in clear text held against a verifier, for users who have nothing else. */
export async function fitsVerifier(stored: ScramVerifier, password: string, derive: KeyDerivation): Promise<boolean> {
  return timingSafeEqual((await keysOf(stored, password, derive)).storedKey, stored.storedKey);
}

async function keysOf(
  { salt, iterations }: Pick<ScramVerifier, "salt" | "iterations">,
  password: string,
  derive: KeyDerivation,
): Promise<Pick<ScramVerifier, "storedKey" | "serverKey">> {
  const salted = await derive.pbkdf2({ password, salt, iterations, length: keyBytes });
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return {
    storedKey: createHash("sha256").update(clientKey).digest(),
    serverKey: createHmac("sha256", salted).update("Server Key").digest(),
  };
}

export function formatScramVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  const [saltText, stored, server] = [salt, storedKey, serverKey].map((part) => Buffer.from(part).toString("base64"));
  return `SCRAM-SHA-256$${iterations}:${saltText}$${stored}:${server}`;
}

const form = /^SCRAM-SHA-256\$(\d{1,8}):([A-Za-z0-9+/]{8,88}={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/;

/** @returns what is wrong in words, where it is no verifier that can be used */
export function parseScramVerifier(text: string): ScramVerifier | string {
  const [, count, saltText = "", storedText = "", serverText = ""] = form.exec(text) ?? [];
  if (count === undefined) {
    return text.startsWith("$") ? "this is a password hash: it belongs under password" : "this is no SCRAM verifier";
  }
  const iterations = Number(count);
  if (iterations < minIterations) return `${minIterations} iterations are the least that a client may be asked for`;
  if (iterations > maxIterations) return `${maxIterations} iterations are the most`;
  const [salt, storedKey, serverKey] = [saltText, storedText, serverText].map(fromBase64);
  if (salt === undefined || storedKey === undefined || serverKey === undefined) return "a part of it is not base64";
  return { iterations, salt, storedKey, serverKey };
}

/** Only the canonical spelling. */
function fromBase64(text: string): Buffer | undefined {
  const octets = Buffer.from(text, "base64");
  return octets.toString("base64") === text ? octets : undefined;
}
