/**
 * CRAM-MD5 (RFC 2195): HMAC-MD5 of a challenge under the password, which the server must therefore know in clear text.
 * Only for users whom another mail server's configuration brings along with theirs.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type LogInChecks, malformed } from "./log-in-checks.ts";
import type { SaslExchange } from "./sasl.ts";
import { maxNameBytes, readText } from "./sasl-text.ts";

/** @param challenge fresh for each exchange, of the form of a message identifier (RFC 2195 §2) */
export function startCramMd5(checks: LogInChecks, challenge = freshChallenge()): SaslExchange {
  let isAsked = false;
  return {
    step(response) {
      if (!isAsked) {
        isAsked = true;
        // The server speaks first: there is no initial response.
        return response === undefined ? { kind: "challenge", data: Buffer.from(challenge) } : malformed;
      }
      const message = response === undefined ? undefined : parseCramMd5(response);
      if (message === undefined) return malformed;
      const digest = createHmac("md5", checks.sharedSecret(message.name)).update(challenge).digest();
      const proof = timingSafeEqual(digest, message.digest) ? "right" : "wrong";
      return checks.conclude({ name: message.name, authzid: "" }, proof);
    },
  };
}

function freshChallenge(): string {
  return `<${randomBytes(16).toString("hex")}@letterlock.invalid>`;
}

/** `NAME DIGEST`, the digest in 32 lower-case hexadecimal digits; names may contain spaces. */
export function parseCramMd5(octets: Buffer): Readonly<{ name: string; digest: Buffer }> | undefined {
  const text = readText(octets, maxNameBytes + 33);
  const [, name, hex = ""] = /^(.+) ([0-9a-f]{32})$/s.exec(text ?? "") ?? [];
  if (name === undefined || Buffer.byteLength(name) > maxNameBytes) return undefined;
  return { name, digest: Buffer.from(hex, "hex") };
}
