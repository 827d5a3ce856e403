/**
 * Makes the attempt record of one recipient and attempt out of what was decided, seen and judged. Pure.
 * Whatever a peer or a client wrote is escaped and capped here, once (standards.md AT-28): readings print it as it is.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import type { AttemptEvent, AttemptRecord, AttemptTls } from "../mail/attempt.ts";
import { escapeText } from "../mail/escape.ts";
import { formatNexthop, type Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { Reply } from "../mail/reply.ts";
import type { TlsDecision } from "../policy/decide.ts";
import type { TlsVerdict } from "../policy/judge.ts";
import { describeReason } from "../policy/reasons.ts";
import { describeCertificate, maxAddress, maxReply, maxText } from "../tls/certificate-record.ts";
import type { PeerFacts } from "../tls/peer-facts.ts";

/** Where the attempt ended: the MX host (none for a bare address), and the address if one was tried. */
export type AttemptPlace = Readonly<{ host: string | undefined; address: IpAddress | undefined; port: number }>;

/** How the hop was encrypted. `facts` and `verdict` are missing when no connection came about. */
export type AttemptHop = Readonly<{
  decision: TlsDecision;
  facts: PeerFacts | undefined;
  verdict: TlsVerdict | undefined;
  reusedConnection: boolean;
}>;

export type AttemptInput = Readonly<{
  messageId: string;
  /** The recipient's place in the envelope, from 0. */
  number: number;
  /** 1 for the first. */
  attempt: number;
  event: AttemptEvent;
  from: Mailbox | undefined;
  to: Mailbox;
  binding: string;
  /** Absent when routing failed before it knew. */
  nexthop: Nexthop | undefined;
  place: AttemptPlace | undefined;
  hop: AttemptHop | undefined;
  /** The reply that settled it, from MAIL, RCPT, DATA or the final dot. */
  reply: Reply | undefined;
  /** What went wrong where no reply says it: routing, connection, TLS policy. */
  error: string | undefined;
  status: EnhancedStatus;
  sizeBytes: number;
  uncertain: boolean;
  /** All in ms since 1970: accepted by us, this attempt begun, now. */
  acceptedAt: number;
  startedAt: number;
  now: number;
}>;

export function buildAttempt(input: AttemptInput): AttemptRecord {
  const { messageId, number, attempt, event, place, hop, reply, error, now } = input;
  return {
    id: `${messageId}.${number}.${attempt}`,
    time: new Date(now).toISOString(),
    event,
    messageId,
    from: input.from === undefined ? "" : escapeText(input.from.text, maxAddress),
    to: escapeText(input.to.text, maxAddress),
    attempt,
    binding: escapeText(input.binding, maxText),
    nexthop: input.nexthop === undefined ? null : formatNexthop(input.nexthop),
    mx: place?.host ?? null,
    address: place?.address ?? null,
    port: place?.port ?? null,
    tls: hop === undefined ? null : describeTls(hop),
    rule: hop === undefined ? null : describeRule(hop.decision),
    reasons: hop === undefined ? [] : describeReasons(hop),
    reply: reply === undefined ? null : describeReply(reply),
    error: error === undefined ? null : escapeText(error, maxReply),
    status: input.status,
    sizeBytes: input.sizeBytes,
    uncertain: input.uncertain,
    ageMs: Math.max(0, now - input.acceptedAt),
    durationMs: Math.max(0, now - input.startedAt),
  };
}

function describeTls({ decision, facts, verdict, reusedConnection }: AttemptHop): AttemptTls {
  const handshake = facts?.tls.kind === "done" ? facts.tls.handshake : undefined;
  const checks = verdict?.checks;
  return {
    required: decision.level,
    achieved: verdict?.achieved ?? "none",
    offered: facts?.offered ?? false,
    protocol: handshake?.protocol ?? null,
    cipher: handshake?.cipher ?? null,
    bits: handshake?.bits ?? null,
    group: handshake?.group ?? null,
    resumed: handshake?.resumed ?? false,
    reusedConnection,
    verify: {
      chain: checks?.chain ?? null,
      name: checks?.name ?? null,
      matchedName: checks == null || checks.matchedName === null ? null : escapeText(checks.matchedName, maxText),
      pin: checks?.pin ?? null,
    },
    peer: handshake?.certificate === undefined ? null : describeCertificate(handshake.certificate),
    monitor: verdict?.monitor ?? null,
  };
}

function describeRule({ from }: TlsDecision): AttemptRecord["rule"] {
  const { source, file, line } = from;
  return { source, file: file === undefined ? null : escapeText(file, maxText), line: line ?? null };
}

function describeReasons({ decision, verdict }: AttemptHop): AttemptRecord["reasons"] {
  return [...decision.why, ...(verdict?.why ?? [])].map((reason) => {
    const { code, text, rfc } = describeReason(reason);
    return { code, text: escapeText(text, maxText), rfc };
  });
}

function describeReply({ code, enhanced, lines }: Reply): NonNullable<AttemptRecord["reply"]> {
  return { code, enhanced: enhanced ?? null, text: escapeText(lines.join(" "), maxReply) };
}
