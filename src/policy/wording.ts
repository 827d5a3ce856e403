/**
 * In whose words a TLS failure is told, and under which enhanced status code: ours say most; a dialect's are those that
 * its operators know from their logs and match on (postfix reference 4.6, sendmail 3.3, momentum 2.4).
 */
import { assertNever } from "../mail/assert-never.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import { formatReply, type Reply } from "../mail/reply.ts";
import type { Wording } from "./rules.ts";

/** What went wrong with one host, apart from words. */
export type TlsFailure =
  | Readonly<{ kind: "not-asked" }>
  | Readonly<{ kind: "not-offered" }>
  | Readonly<{ kind: "refused"; reply: Reply }>
  | Readonly<{ kind: "lost" }>
  | Readonly<{ kind: "injected" }>
  | Readonly<{ kind: "handshake"; text: string }>
  | Readonly<{ kind: "unproven"; problems: readonly Unproven[] }>
  /** A demand on top of the rule, of the host or for this recipient's sake, which has its own words. */
  | Readonly<{ kind: "requirement" | "recipient-requirement"; text: string }>
  /** The rule cannot be followed; no connection was made. */
  | Readonly<{ kind: "rule"; text: string; status: EnhancedStatus }>
  /** The host fits none of the patterns that the policy lists. */
  | Readonly<{ kind: "mx-pattern"; text: string }>;

export type Unproven = Readonly<{ of: "chain" | "expired" | "name" | "pin" | "bits"; text: string }>;

export type Worded = Readonly<{ status: EnhancedStatus; text: string }>;

/** @param peer how the host is called: `mx.example.net[192.0.2.1]` */
export function wordFailure(wording: Wording, failure: TlsFailure, peer: string): Worded {
  switch (wording) {
    case "letterlock":
      return ours(failure, peer);
    case "postfix":
      return asPostfix(failure, peer);
    case "sendmail":
      return asSendmail(failure, peer, 454);
    case "sendmail-403":
      return asSendmail(failure, peer, 403);
    case "momentum":
      return asMomentum(failure, peer);
    default:
      return assertNever(wording);
  }
}

function ours(failure: TlsFailure, peer: string): Worded {
  switch (failure.kind) {
    case "not-asked":
      return { status: "4.7.4", text: `TLS was not asked of ${peer}` };
    case "not-offered":
      return { status: "4.7.4", text: `TLS is required, but was not offered by host ${peer}` };
    case "refused": {
      const said = formatReply(failure.reply);
      return {
        status: transientStatus(failure.reply.enhanced),
        text: `TLS is required, but host ${peer} refused to start TLS: ${said}`,
      };
    }
    case "lost":
      return { status: "4.4.2", text: `lost connection with ${peer} at STARTTLS` };
    case "injected":
      return { status: "4.7.5", text: `${peer} sent octets in clear after its reply to STARTTLS` };
    case "handshake":
      return { status: "4.7.5", text: `TLS handshake with ${peer} failed: ${failure.text}` };
    case "unproven": {
      const problems = failure.problems.map(({ text }) => text).join("; ");
      return { status: "4.7.5", text: `server certificate or cipher of ${peer} not accepted: ${problems}` };
    }
    case "rule":
      return { status: failure.status, text: failure.text };
    case "mx-pattern":
    case "requirement":
    case "recipient-requirement":
      return { status: "4.7.5", text: failure.text };
    default:
      return assertNever(failure);
  }
}

function asPostfix(failure: TlsFailure, peer: string): Worded {
  switch (failure.kind) {
    case "refused":
      return { ...ours(failure, peer), status: transientStatus(failure.reply.enhanced, "4.0.0") };
    case "lost":
      return { status: "4.4.2", text: `lost connection with ${peer} while receiving the STARTTLS response` };
    case "handshake":
      return { status: "4.7.5", text: "Cannot start TLS: handshake failure" };
    case "unproven":
      return { status: "4.7.5", text: "Server certificate not verified" };
    case "mx-pattern":
      return { status: "4.3.0", text: "server unavailable or unable to receive mail" };
    default:
      return ours(failure, peer);
  }
}

/** What fails without any requirement; those that fail a requirement speak with its own reply (`requirements.ts`). */
function asSendmail(failure: TlsFailure, peer: string, code: 403 | 454): Worded {
  const said = (text: string): Worded => ({ status: "4.7.0", text: `${code} 4.7.0 ${text}` });
  switch (failure.kind) {
    case "handshake":
      return said("TLS handshake failed.");
    case "refused":
      return failure.reply.code >= 400
        ? { status: "4.0.0", text: formatReply(failure.reply) }
        : said("STARTTLS failed.");
    case "rule":
      return said(failure.text);
    default:
      return ours(failure, peer);
  }
}

function asMomentum(failure: TlsFailure, peer: string): Worded {
  const said = (status: EnhancedStatus, text: string, code = 451): Worded => ({
    status,
    text: `${code} ${status} [internal] ${text}`,
  });
  switch (failure.kind) {
    case "not-offered":
      return said("4.7.6", "STARTTLS required but not advertised");
    case "refused":
      return said("4.7.5", "no tls go-ahead");
    case "handshake":
      return said("4.7.5", "TLS negotiation failed");
    case "unproven": {
      const [first] = failure.problems;
      if (first?.of === "expired") return said("4.7.5", "certificate expired", 454);
      if (first?.of === "chain") return said("4.7.5", "remote node SSL certificate not signed by a valid CA");
      if (first?.of === "name") return said("4.7.5", "SSL certificate subject does not match host");
      return ours(failure, peer);
    }
    default:
      return ours(failure, peer);
  }
}

/** A refusal of STARTTLS is no verdict on the message: its class becomes 4 (QU-8). */
function transientStatus(enhanced: string | undefined, without: EnhancedStatus = "4.7.0"): EnhancedStatus {
  const [, subject, detail] = /^\d\.(\d{1,3})\.(\d{1,3})$/.exec(enhanced ?? "") ?? [];
  return subject === undefined ? without : `4.${Number(subject)}.${Number(detail)}`;
}
