/**
 * PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd` in one message.
 */
import { type Identity, type LogInChecks, malformed } from "./log-in-checks.ts";
import type { SaslExchange } from "./sasl.ts";
import { maxNameBytes, maxPasswordBytes, readText } from "./sasl-text.ts";

export function startPlain(checks: LogInChecks): SaslExchange {
  return {
    step(response) {
      if (response === undefined) return { kind: "challenge", data: Buffer.alloc(0) };
      const message = parsePlain(response);
      return message === undefined ? malformed : checks.password(message, message.password);
    },
  };
}

/** `undefined` unless it is exactly three parts, the last two not empty, each within its bound. */
export function parsePlain(octets: Buffer): (Identity & Readonly<{ password: string }>) | undefined {
  const first = octets.indexOf(0);
  const second = octets.indexOf(0, first + 1);
  if (first < 0 || second < 0) return undefined;
  const authzid = readText(octets.subarray(0, first), maxNameBytes);
  const name = readText(octets.subarray(first + 1, second), maxNameBytes);
  const password = readText(octets.subarray(second + 1), maxPasswordBytes);
  return authzid === undefined || !name || !password ? undefined : { authzid, name, password };
}
