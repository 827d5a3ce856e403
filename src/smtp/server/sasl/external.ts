/**
 * EXTERNAL (RFC 4422 appendix A): the certificate of the TLS handshake says who it is; the one message says, at most, as
 * whom he wants to act.
 */
import { type LogInChecks, malformed } from "./log-in-checks.ts";
import type { SaslExchange } from "./sasl.ts";
import { maxNameBytes, readText } from "./sasl-text.ts";

export function startExternal(checks: LogInChecks): SaslExchange {
  return {
    step(response) {
      if (response === undefined) return { kind: "challenge", data: Buffer.alloc(0) };
      const authzid = readText(response, maxNameBytes);
      if (authzid === undefined) return malformed;
      const name = checks.certificateUser();
      return name === undefined
        ? checks.conclude({ name: authzid, authzid }, "wrong")
        : checks.conclude({ name, authzid }, "right");
    },
  };
}
