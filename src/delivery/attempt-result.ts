/**
 * What one attempt came to, recipient by recipient, before it is turned into records and queue states. Pure.
 */
import type { IpAddress } from "../mail/address.ts";
import type { AttemptFailure } from "../mail/attempt.ts";
import type { Domain } from "../mail/domain.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus, Outcome } from "../mail/outcome.ts";
import { formatReply, type Reply, shortReply } from "../mail/reply.ts";
import type { SmtpStage } from "../mail/smtp-stage.ts";
import type { TlsDecision } from "../policy/decide.ts";
import type { TlsVerdict } from "../policy/judge.ts";
import type { TlsFailure } from "../policy/wording.ts";
import type { QueuedRecipient } from "../queue/queue.ts";
import type { ConnectionFacts, OpenResult, RecipientResult } from "../smtp/client/sender.ts";
import type { PeerFacts } from "../tls/peer-facts.ts";

/** One host as it was met: everything the record says of it. Absent parts were not reached. */
export type HostContact = Readonly<{
  /** Of several that a route names, the one that led here. */
  nexthop: Nexthop;
  host: Domain | undefined;
  address: IpAddress;
  port: number;
  decision: TlsDecision;
  facts?: PeerFacts;
  verdict?: TlsVerdict;
  reusedConnection?: boolean;
  connection?: MetConnection;
  /** When the connection was ready for this message, ms since 1970. */
  readyAt?: number;
}>;

/** `use`: which message on it this is, from 1; 0 where none was begun. */
export type MetConnection = Readonly<{ use: number; facts: ConnectionFacts }>;

/** Why a recipient is not delivered (yet); `permanent` only for what a retry cannot change. */
export type Failure = Readonly<{
  status: EnhancedStatus;
  text: string;
  permanent: boolean;
  /** Policy failures alone obey `on-failure`. */
  kind: "policy" | "route" | "unreachable" | "greeting" | "refused" | "unsuitable" | "broken" | "suspended" | "local";
  /** Of `policy`: what was missing. */
  tls?: TlsFailure;
  /** Where in the conversation, the code of what broke it, and what happened in a few words, without host or reply. */
  stage?: SmtpStage;
  code?: string;
  cause?: string;
  reply?: Reply;
  contact?: HostContact;
  uncertain?: boolean;
  /**
   * `last-word`: it counts as it is when no other failure came after it. `now`: no other host is tried. `waits`: no
   * other host's last word counts against it.
   */
  final?: "last-word" | "now" | "waits";
  /** Absent: it holds for every recipient that was without an end then. */
  of?: QueuedRecipient;
}>;

export const ourMistake: Failure = {
  status: "4.3.0",
  text: "internal error during delivery",
  permanent: false,
  kind: "local",
};

export type RecipientOutcome = Readonly<{
  recipient: QueuedRecipient;
  outcome: Outcome;
  contact: HostContact | undefined;
  reply: Reply | undefined;
  uncertain: boolean;
  /** Why it is not delivered. */
  failure: Failure | undefined;
  /** What went wrong with other hosts before, in the order of the walk. */
  earlier: readonly Failure[];
  /** DS-3: the next hop took over DSN duties for this recipient. */
  dsnPassedOn: boolean;
}>;

/** `4.7.5` from `5.7.5` and back; subject and detail stay. */
export function withClass(status: EnhancedStatus, digit: 4 | 5): EnhancedStatus {
  return `${digit}${status.slice(1)}` as EnhancedStatus;
}

/** The peer's enhanced status when it fits its code, else `x.0.0` (EX-10). */
export function statusOf({ code, enhanced }: Reply): EnhancedStatus {
  const digit = Math.floor(code / 100);
  if (enhanced?.startsWith(`${digit}.`)) return enhanced as EnhancedStatus;
  return digit === 2 ? "2.0.0" : digit === 5 ? "5.0.0" : "4.0.0";
}

/** What a recipient's result means for the walk: an end, or the next host may do better (Postfix does the same). */
export function afterSending(
  result: RecipientResult,
  contact: HostContact,
):
  | Readonly<{ kind: "delivered"; reply: Reply; dsnPassedOn: boolean }>
  | Readonly<{ kind: "final" | "try-next"; failure: Failure }> {
  switch (result.kind) {
    case "delivered":
      return { kind: "delivered", reply: shortReply(result.reply), dsnPassedOn: result.dsnPassedOn };
    case "refused": {
      const reply = shortReply(result.reply);
      const permanent = reply.code >= 500;
      const text = `host said: ${formatReply(reply)} (in reply to ${stageWord(result.stage)})`;
      const { stage } = result;
      const failure: Failure = { status: statusOf(reply), text, permanent, kind: "refused", stage, reply, contact };
      return { kind: permanent ? "final" : "try-next", failure };
    }
    case "unsuitable":
      return {
        kind: "try-next",
        failure: { status: result.status, text: result.text, permanent: true, kind: "unsuitable", contact },
      };
    case "broken": {
      const { status, text, uncertain, stage, code } = result;
      // Another host now could deliver what this one may have taken (CL-8).
      return {
        kind: uncertain ? "final" : "try-next",
        failure: { status, text, permanent: false, kind: "broken", stage, code, cause: text, contact, uncertain },
      };
    }
  }
}

function stageWord(stage: string): string {
  const words: Record<string, string> = {
    mail: "MAIL FROM",
    rcpt: "RCPT TO",
    data: "DATA",
    body: "the message",
    "final-dot": "end of DATA",
  };
  return words[stage] ?? stage.toUpperCase();
}

/**
 * The end of the walk for a recipient that no host took: the last failure speaks, unless some other host might still
 * take the mail later while the last one said never (and its rule does not make that the last word). `on-failure:
 * bounce` counts where every host failed for its rule and every one of those rules says so.
 *
 * @param failures in the order of the walk
 */
export function concludeFailures(failures: readonly Failure[]): Failure {
  const last = failures.at(-1) ?? {
    status: "4.4.1",
    text: "no host could be tried",
    permanent: false,
    kind: "unreachable" as const,
  };
  if (failures.length > 0 && failures.every(asksForBounce)) {
    return { ...last, status: withClass(last.status, 5), permanent: true };
  }
  const waiting = last.final === "last-word" ? failures.findLast(({ final }) => final === "waits") : undefined;
  if (waiting !== undefined) return waiting;
  if (!last.permanent || last.final !== undefined) return last;
  return failures.findLast(({ permanent }) => !permanent) ?? last;
}

/** Not where the rule only has the mail wait (clear text at another age), nor where it only watches. */
function asksForBounce({ kind, contact }: Failure): boolean {
  if (kind !== "policy" || contact?.decision.kind !== "connect") return false;
  const { onFailure, clearText, monitor } = contact.decision;
  return onFailure === "bounce" && clearText !== "not-yet" && !monitor;
}

/** What a verdict that stops the mail means to the walk. */
export function policyFailure(verdict: Extract<TlsVerdict, { text: string }>, contact: HostContact): Failure {
  const { status, text, failure: tls } = verdict;
  const base = { status, text, kind: "policy", tls, contact } as const;
  if (verdict.kind === "clear-again" || verdict.severity === "defer") return { ...base, permanent: false };
  if (verdict.severity === "wait") return { ...base, permanent: false, final: "waits" };
  return { ...base, permanent: true, final: verdict.severity === "bounce" ? "now" : "last-word" };
}

/** How records tell of a connection that a message is begun on, or that ended before (`use` 0). */
export function met(facts: ConnectionFacts, use: number): Required<Pick<HostContact, "connection">> {
  return { connection: { use, facts } };
}

/** Why a host was not spoken to. */
export function notOpened(
  opened: Extract<OpenResult, { kind: "refused" | "unreachable" }>,
  contact: HostContact,
): Failure {
  if (opened.kind === "unreachable") {
    const { status, text, stage, code } = opened;
    const where = opened.connection === undefined ? contact : { ...contact, ...met(opened.connection, 0) };
    return { status, text, permanent: false, kind: "unreachable", stage, code, cause: text, contact: where };
  }
  const { reply, stage } = opened;
  const where = stage === "greeting" ? "greeting" : "EHLO";
  const text = `host ${contact.host ?? contact.address} refused to talk (${where}): ${formatReply(reply)}`;
  return {
    status: statusOf(reply),
    text,
    permanent: reply.code >= 500,
    kind: "greeting",
    stage,
    reply,
    contact: { ...contact, ...met(opened.connection, 0) },
  };
}

/** As the record tells it, apart from words. Text is raw. */
export function recordedFailure({ kind, tls, stage, code, cause, contact, text }: Failure): AttemptFailure {
  const byRule = contact?.decision.kind === "refuse";
  const missing = tls === undefined || tls.kind === "rule" ? null : tls.kind;
  return {
    kind: kind === "policy" ? (byRule ? "rule" : "tls") : kind,
    stage: stage ?? null,
    tls: missing,
    unproven: tls?.kind === "unproven" ? tls.problems.map(({ of }) => of) : [],
    code: code ?? handshakeCode(contact) ?? null,
    cause: cause ?? (tls === undefined ? text : tlsCause(tls)),
  };
}

function handshakeCode(contact: HostContact | undefined): string | undefined {
  const tls = contact?.facts?.tls;
  return tls?.kind === "failed" ? tls.code : undefined;
}

function tlsCause(tls: TlsFailure): string {
  if (tls.kind === "refused") return formatReply(tls.reply);
  if (tls.kind === "unproven") return tls.problems.map(({ text }) => text).join("; ");
  return "text" in tls ? tls.text : tls.kind;
}

export function outcomeOf({ status, text, permanent }: Failure): Outcome {
  return permanent
    ? { kind: "failed", status: withClass(status, 5), text }
    : { kind: "deferred", status: withClass(status, 4), text };
}
