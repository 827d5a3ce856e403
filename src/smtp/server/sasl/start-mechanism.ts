/**
 * A mechanism by its name.
 */
import { assertNever } from "../../../mail/assert-never.ts";
import { startCramMd5 } from "./cram-md5.ts";
import { startExternal } from "./external.ts";
import type { LogInChecks } from "./log-in-checks.ts";
import { startLogin } from "./login.ts";
import { startPlain } from "./plain.ts";
import type { SaslContext, SaslExchange, SaslMechanism } from "./sasl.ts";
import { startScram } from "./scram.ts";

export function startMechanism(mechanism: SaslMechanism, context: SaslContext, checks: LogInChecks): SaslExchange {
  switch (mechanism) {
    case "PLAIN":
      return startPlain(checks);
    case "LOGIN":
      return startLogin(checks);
    case "CRAM-MD5":
      return startCramMd5(checks);
    case "EXTERNAL":
      return startExternal(checks);
    case "SCRAM-SHA-256":
      return startScram(checks, { plus: false, context });
    case "SCRAM-SHA-256-PLUS":
      return startScram(checks, { plus: true, context });
    default:
      return assertNever(mechanism);
  }
}
