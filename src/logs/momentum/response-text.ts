/**
 * What Momentum would have written behind an attempt: the peer's reply, or one of its own (`[internal]`, Message
 * Responses of its manual); for what it has no words for, ours in its form.
 */
import type { AttemptFailure, AttemptRecord, RecordedReply } from "../../mail/attempt.ts";

export function responseOf({ event, reply, failure, status, error }: AttemptRecord): string {
  if (event === "expired") return "554 5.4.7 [internal] exceeded max time without delivery";
  if (reply !== null && failure?.kind !== "tls") return replyText(reply);
  const words = failure === null ? undefined : wordsFor(failure, status);
  const said = words ?? internal(status.startsWith("5") ? 554 : 451, status, failure?.cause ?? error ?? "");
  return inOneLine(event === "failed" ? final(said) : said);
}

export function replyText({ code, enhanced, text }: RecordedReply): string {
  return enhanced === null ? `${code} ${text}` : `${code} ${enhanced} ${text}`;
}

type Words = Readonly<{ code: number; status: string; text: string }>;

/** Momentum's own are temporary; of mail that is returned at once the same is said for good. Inferred. */
function final({ code, status, text }: Words): Words {
  return { code: code < 500 ? 554 : code, status: status.replace(/^4/, "5"), text };
}

function inOneLine({ code, status, text }: Words): string {
  return status === "" ? `${code} ${text}` : `${code} ${status} ${text}`;
}

function internal(code: number, status: string, text: string): Words {
  return { code, status, text: `[internal] ${text}` };
}

function wordsFor(failure: AttemptFailure, status: string): Words | undefined {
  switch (failure.kind) {
    case "tls":
      return ofTls(failure);
    case "route":
      return ofRoute(status);
    case "unreachable":
      return isTimeout(failure)
        ? internal(450, "4.4.1", "Connection Timed Out")
        : internal(451, "4.4.1", "No valid hosts (unable to make any connections)");
    case "greeting":
      return internal(451, "4.4.2", failure.stage === "ehlo" ? "no HELO/EHLO response" : "no banner");
    case "broken":
      return ofBroken(failure);
    case "suspended":
      return internal(421, "4.4.0", "no MXs for this domain could be reached at this time");
    default:
      return undefined;
  }
}

function ofTls({ tls, unproven }: AttemptFailure): Words | undefined {
  switch (tls) {
    case "not-offered":
      return internal(451, "4.7.6", "STARTTLS required but not advertised");
    case "refused":
    case "lost":
      return internal(451, "4.7.5", "no tls go-ahead");
    case "injected":
    case "handshake":
      return internal(451, "4.7.5", "TLS negotiation failed");
    case "unproven":
      return ofCertificate(unproven);
    default:
      return undefined;
  }
}

/** The first that is wrong; pins and bits have no words there. */
function ofCertificate([first]: AttemptFailure["unproven"]): Words | undefined {
  if (first === "expired") return { code: 454, status: "", text: "certificate expired" };
  if (first === "chain") return internal(451, "4.7.5", "remote node SSL certificate not signed by a valid CA");
  if (first === "name") return internal(451, "4.7.5", "SSL certificate subject does not match host");
  return undefined;
}

/** RFC 7505 section 4.1, RFC 3463 section 3.5. */
function ofRoute(status: string): Words | undefined {
  if (status === "5.1.10" || status === "5.7.27") {
    return internal(550, "5.4.4", "NULL MX domain does not accept mail");
  }
  if (status.startsWith("5")) return internal(554, "5.4.4", "Domain Lookup Failed");
  return internal(454, "4.4.4", "no MX or A for domain");
}

const unanswered: Readonly<Partial<Record<NonNullable<AttemptFailure["stage"]>, string>>> = {
  ehlo: "no HELO/EHLO response",
  mail: "no MAIL FROM response",
  rcpt: "no RCPT TO response",
  data: "no DATA response",
  "final-dot": "no BODY response",
};

function ofBroken(failure: AttemptFailure): Words {
  const text = isTimeout(failure) && failure.stage !== null ? unanswered[failure.stage] : undefined;
  return internal(451, "4.4.2", text ?? "connection closed by remote host");
}

function isTimeout({ code }: AttemptFailure): boolean {
  return code === "TIMEOUT" || code === "ETIMEDOUT";
}
