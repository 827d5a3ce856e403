/**
 * What Momentum would have written behind an attempt: the peer's reply, or one of its own (`[internal]`, Message
 * Responses of its manual); for what it has no words for, ours in its form.
 */
import type { AttemptFailure, AttemptRecord } from "../../mail/attempt.ts";
import { reply as replyOf } from "../../mail/reply.ts";
import type { SmtpStage } from "../../mail/smtp-stage.ts";
import { type TlsFailure, wordFailure } from "../../policy/wording.ts";
import { replyText } from "../words/reply-text.ts";

export function responseOf({ event, reply, failure, status, error }: AttemptRecord): string {
  if (event === "expired") return "554 5.4.7 [internal] exceeded max time without delivery";
  if (reply !== null && failure?.kind !== "tls") return replyText(reply);
  const words = failure === null ? undefined : wordsFor(failure, status);
  const code = status.startsWith("5") ? 554 : 451;
  const said = words ?? `${code} ${status} [internal] ${failure?.cause ?? error ?? ""}`;
  return event === "failed" ? final(said) : said;
}

/** Momentum's own are temporary; of mail that is returned at once the same is said for good. Inferred. */
function final(said: string): string {
  return said.replace(/^4\d\d 4/, "554 5");
}

function wordsFor(failure: AttemptFailure, status: string): string | undefined {
  switch (failure.kind) {
    case "tls":
      return ofTls(failure);
    case "route":
      return ofRoute(status);
    case "unreachable":
      return isTimeout(failure)
        ? "450 4.4.1 [internal] Connection Timed Out"
        : "451 4.4.1 [internal] No valid hosts (unable to make any connections)";
    case "greeting":
      return `451 4.4.2 [internal] ${failure.stage === "ehlo" ? "no HELO/EHLO response" : "no banner"}`;
    case "broken":
      return ofBroken(failure);
    case "suspended":
      return "421 4.4.0 [internal] no MXs for this domain could be reached at this time";
    default:
      return undefined;
  }
}

function ofTls({ tls, unproven: [first], cause }: AttemptFailure): string | undefined {
  switch (tls) {
    case "not-offered":
      return asMomentum({ kind: "not-offered" });
    case "refused":
    case "lost":
      return asMomentum({ kind: "refused", reply: replyOf(454, undefined, cause) });
    case "injected":
    case "handshake":
      return asMomentum({ kind: "handshake", text: cause });
    case "unproven":
      // Pins and bits have no words there.
      if (first === undefined || first === "pin" || first === "bits") return undefined;
      return asMomentum({ kind: "unproven", problems: [{ of: first, text: cause }] });
    default:
      return undefined;
  }
}

function asMomentum(failure: TlsFailure): string {
  return wordFailure("momentum", failure, "").text;
}

/** RFC 7505 section 4.1, RFC 3463 section 3.5. */
function ofRoute(status: string): string {
  if (status === "5.1.10" || status === "5.7.27") return "550 5.4.4 [internal] NULL MX domain does not accept mail";
  if (status.startsWith("5")) return "554 5.4.4 [internal] Domain Lookup Failed";
  return "454 4.4.4 [internal] no MX or A for domain";
}

const unanswered: Readonly<Partial<Record<SmtpStage, string>>> = {
  ehlo: "no HELO/EHLO response",
  mail: "no MAIL FROM response",
  rcpt: "no RCPT TO response",
  data: "no DATA response",
  "final-dot": "no BODY response",
};

function ofBroken(failure: AttemptFailure): string {
  const text = isTimeout(failure) && failure.stage !== null ? unanswered[failure.stage] : undefined;
  return `451 4.4.2 [internal] ${text ?? "connection closed by remote host"}`;
}

function isTimeout({ code }: AttemptFailure): boolean {
  return code === "TIMEOUT" || code === "ETIMEDOUT";
}
