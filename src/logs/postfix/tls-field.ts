/**
 * The `tls=` field of Postfix 3.11's delivery lines: what was required, what came of it (postfix reference 4.5).
 * `verify` held; `may:none` went out with less than the level names; `!verify` stopped the mail; `verify?` was never
 * found out; `unknown?` the rule itself could not be followed.
 */
import type { AttemptFailure, AttemptTls } from "../../mail/attempt.ts";
import { provingLevels } from "../../policy/rules.ts";

/** @returns undefined where no host was met */
export function tlsField(tls: AttemptTls | null, failure: AttemptFailure | null): string | undefined {
  if (tls === null) return undefined;
  const { required } = tls;
  if (failure !== null) {
    if (failure.kind === "rule") return "unknown?";
    if (failure.kind === "tls") return undecided.has(failure.tls ?? "") ? `${required}?` : `!${required}`;
    if (unmet.has(failure.kind) && tls.protocol === null) return `${required}?`;
  }
  return isMet(tls) ? required : `${required}:${tls.achieved === "none" ? "none" : "encrypt"}`;
}

const undecided: ReadonlySet<string> = new Set(["handshake", "lost"]);
const unmet: ReadonlySet<string> = new Set(["unreachable", "greeting", "suspended", "route", "local", "broken"]);

function isMet({ required, achieved }: AttemptTls): boolean {
  if (required === "none") return true;
  return provingLevels.has(required) ? achieved === "verified" : achieved !== "none";
}
