/**
 * EXTERNAL (RFC 4422 appendix A): the certificate of the TLS handshake says who it is; the one message says, at most, as
 * whom he wants to act.
 */
import { type LoginChecks, malformed } from "./login-checks.ts";
import type { SaslExchange } from "./sasl.ts";
import { maxNameBytes, readText } from "./sasl-text.ts";

export function startExternal(checks: LoginChecks): SaslExchange {
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
