/**
 * LOGIN: name and password asked for one after the other. Never a standard; clients look for these two words
 * (draft-murchison-sasl-login). The name may come with AUTH.
 */
import { type LogInChecks, malformed } from "./log-in-checks.ts";
import type { SaslExchange, SaslStep } from "./sasl.ts";
import { maxNameBytes, maxPasswordBytes, readText } from "./sasl-text.ts";

const askName: SaslStep = { kind: "challenge", data: Buffer.from("Username:") };
const askPassword: SaslStep = { kind: "challenge", data: Buffer.from("Password:") };

export function startLogin(checks: LogInChecks): SaslExchange {
  let name: string | undefined;
  return {
    step(response) {
      if (response === undefined) return askName;
      if (name === undefined) {
        name = readText(response, maxNameBytes);
        return name ? askPassword : malformed;
      }
      const password = readText(response, maxPasswordBytes);
      return password ? checks.password({ name, authzid: "" }, password) : malformed;
    },
  };
}
