/**
 * What is wrong with, or understood differently in, the settings of an smtpd service, and the line it stands on.
 */
import type { Origin } from "../../rules.ts";
import type { PolicyProblem } from "./tls-rule.ts";

/** `fatal` where Postfix would not run. */
export type InboundProblem = Omit<PolicyProblem, "kind"> &
  Readonly<{ from: Origin; fatal: boolean; kind?: "differs" | "warning" | "not-yet" | "applied" }>;
