/**
 * Makes the attempt record of one recipient and attempt out of what was decided, seen and judged. Pure.
 * Whatever a peer or a client wrote is escaped and capped here, once (standards.md AT-28): readings print it as it is.
 */
import type { IpAddress, Mailbox } from "../mail/address.ts";
import type {
  AttemptConnection,
  AttemptEvent,
  AttemptFailure,
  AttemptRecord,
  AttemptTls,
  EarlierHost,
  MessageOrigin,
} from "../mail/attempt.ts";
import { escapeText } from "../mail/escape.ts";
import { isoTime } from "../mail/iso-time.ts";
import { formatNexthop, type Nexthop } from "../mail/nexthop.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { Reply } from "../mail/reply.ts";
import type { TlsDecision } from "../policy/decide.ts";
import type { TlsVerdict } from "../policy/judge.ts";
import { describeReason } from "../policy/reasons.ts";
import { describeCertificate, maxAddress, maxReply, maxText } from "../tls/certificate-record.ts";
import type { PeerFacts } from "../tls/peer-facts.ts";
import { recordedOrcpt } from "./envelope-parameters.ts";

/** Where the attempt ended: the MX host (none for a bare address), and the address if one was tried. */
export type AttemptPlace = Readonly<{ host: string | undefined; address: IpAddress | undefined; port: number }>;

/** Of the lines of an EHLO reply: characters of all that are kept, and of one. Each recipient's record has them. */
const maxKeywords = 1024;
const maxKeyword = 128;

/** How the hop was encrypted. `facts` and `verdict` are missing when no connection came about. */
export type AttemptHop = Readonly<{
  decision: TlsDecision;
  facts: PeerFacts | undefined;
  verdict: TlsVerdict | undefined;
  reusedConnection: boolean;
}>;

/** One host and what came of it, raw. */
export type HostMet = Readonly<{
  place: AttemptPlace | undefined;
  hop: AttemptHop | undefined;
  /** Absent where none came about. */
  connection: AttemptConnection | undefined;
  /** The reply that settled it: greeting, EHLO, MAIL, RCPT, DATA or the final dot. */
  reply: Reply | undefined;
  /** What went wrong, as its rule's system words it. */
  error: string | undefined;
  status: EnhancedStatus;
  /** Undefined: delivered. */
  failure: AttemptFailure | undefined;
}>;

export type AttemptInput = HostMet &
  Readonly<{
    messageId: string;
    /** The recipient's place in the envelope, from 0. */
    number: number;
    /** 1 for the first. */
    attempt: number;
    event: AttemptEvent;
    from: Mailbox | undefined;
    to: Mailbox;
    /** As it came. */
    orcpt: string | undefined;
    /** Taken together with it, itself included. */
    recipients: number;
    /** Undefined: this is the first attempt. */
    firstTriedAt: number | undefined;
    leads: boolean;
    binding: string;
    bindingGroup: string | undefined;
    origin: MessageOrigin;
    /** Absent when routing failed before it knew. */
    nexthop: Nexthop | undefined;
    /** In the order of the walk. */
    earlier: readonly HostMet[];
    sizeBytes: number;
    uncertain: boolean;
    /** All in ms since 1970: accepted by us, this attempt begun, a connection ready for the message, now. */
    acceptedAt: number;
    startedAt: number;
    /** Undefined: never. */
    readyAt: number | undefined;
    now: number;
  }>;

export function buildAttempt(input: AttemptInput): AttemptRecord {
  const { messageId, number, attempt, event, hop, now, startedAt } = input;
  const host = describeHost(input, maxReply);
  return {
    id: `${messageId}.${number}.${attempt}`,
    time: new Date(now).toISOString(),
    event,
    messageId,
    from: input.from === undefined ? "" : escapeText(input.from.text, maxAddress),
    to: escapeText(input.to.text, maxAddress),
    orcpt: recordedOrcpt(input.orcpt),
    recipients: input.recipients,
    attempt,
    firstTriedAt: isoTime(input.firstTriedAt ?? startedAt),
    leads: input.leads,
    binding: escapeText(input.binding, maxText),
    bindingGroup: input.bindingGroup === undefined ? null : escapeText(input.bindingGroup, maxText),
    origin: input.origin,
    nexthop: input.nexthop === undefined ? null : formatNexthop(input.nexthop),
    mx: host.mx,
    address: host.address,
    port: host.port,
    connection: host.connection,
    earlier: input.earlier.map((met) => describeHost(met, maxText)),
    tls: host.tls,
    rule: host.rule,
    reasons: hop === undefined ? [] : describeReasons(hop),
    reply: host.reply,
    error: host.error,
    failure: host.failure,
    status: host.status,
    sizeBytes: input.sizeBytes,
    uncertain: input.uncertain,
    ageMs: Math.max(0, now - input.acceptedAt),
    durationMs: Math.max(0, now - startedAt),
    connectMs: Math.max(0, (input.readyAt ?? now) - startedAt),
  };
}

/** @param most characters of a reply, and of what is said of it */
function describeHost(met: HostMet, most: number): EarlierHost {
  const { place, hop, connection, reply, error, status, failure } = met;
  return {
    mx: place?.host ?? null,
    address: place?.address ?? null,
    port: place?.port ?? null,
    connection: connection === undefined ? null : describeConnection(connection),
    tls: hop === undefined ? null : describeTls(hop),
    rule: hop === undefined ? null : describeRule(hop.decision),
    reply: reply === undefined ? null : describeReply(reply, most),
    error: error === undefined ? null : escapeText(error, most),
    failure: failure === undefined ? null : { ...failure, cause: escapeText(failure.cause, maxText) },
    status,
  };
}

const keywords = new WeakMap<readonly string[], readonly string[]>();

/** A peer's keywords are the same for each message of a connection. */
function describeConnection({
  id,
  use,
  localAddress,
  localPort,
  keywords: said,
}: AttemptConnection): AttemptConnection {
  let described = keywords.get(said);
  if (described === undefined) {
    described = describeKeywords(said);
    keywords.set(said, described);
  }
  return { id, use, localAddress, localPort, keywords: described };
}

/** The first of them. */
function describeKeywords(said: readonly string[]): readonly string[] {
  let room = maxKeywords;
  return said
    .map((line) => escapeText(line, maxKeyword))
    .filter(({ length }) => {
      room -= length;
      return room >= 0;
    });
}

function describeTls({ decision, facts, verdict, reusedConnection }: AttemptHop): AttemptTls {
  const handshake = facts?.tls.kind === "done" ? facts.tls.handshake : undefined;
  const checks = verdict?.checks;
  return {
    required: decision.level,
    achieved: verdict?.achieved ?? "none",
    offered: facts?.offered ?? false,
    refusal: facts?.tls.kind === "refused" ? describeReply(facts.tls.reply, maxText) : null,
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

function describeReply({ code, enhanced, lines }: Reply, most: number): NonNullable<AttemptRecord["reply"]> {
  return { code, enhanced: enhanced ?? null, text: escapeText(lines.join(" "), most) };
}
