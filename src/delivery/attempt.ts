/**
 * One attempt to deliver one job: walk its MX hosts in order, and at each address decide, connect, judge, send.
 * Owns no rules: what must hold is `policy/`'s word, where to go `route/`'s, how to speak `smtp/client`'s.
 *
 * Promises: no octet of a message leaves before a verdict that lets it flow on that connection, for that message;
 * after an uncertain end (connection lost behind the final dot) no other host is tried in the same attempt; a bug on
 * the way ends the walk, and what was delivered until then stays delivered.
 */

import type { Binding, OutboundSettings } from "../config/settings.ts";
import type { IpAddress } from "../mail/address.ts";
import { domainOf } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import { errorTrace } from "../mail/error-text.ts";
import { isIpv6 } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import { formatReply } from "../mail/reply.ts";
import type { Observer } from "../observe/events.ts";
import { type ConnectDecision, decide, inClear, type TlsDecision } from "../policy/decide.ts";
import { judge, mayTryClear, type TlsVerdict } from "../policy/judge.ts";
import type { Policy } from "../policy/policy.ts";
import { because, type Reason } from "../policy/reasons.ts";
import type { QueuedRecipient } from "../queue/queue.ts";
import type { MxHost, Route } from "../route/route.ts";
import type { ConnectionFacts, OpenOptions, OpenResult, SmtpConnection } from "../smtp/client/sender.ts";
import {
  afterSending,
  concludeFailures,
  type Failure,
  type HostContact,
  ourMistake,
  outcomeOf,
  policyFailure,
  type RecipientOutcome,
  statusOf,
} from "./attempt-result.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { DeliveryJob } from "./delivery-job.ts";

export type AttemptTools = Readonly<{
  findRoute: (nexthop: Nexthop) => Promise<Route>;
  policy: () => Policy;
  binding: (name: string) => Binding;
  outbound: () => OutboundSettings;
  pool: ConnectionPool;
  /** Opens within the worker's connection limit: evicts an idle one or waits. */
  open: (options: OpenOptions) => Promise<OpenResult>;
  /** A name for a connection. */
  newId: () => string;
  observe: Observer;
  clock: Clock;
}>;

type Candidate = Readonly<{ nexthop: Nexthop; host: MxHost; address: IpAddress; decision: ConnectDecision }>;

/** A nexthop's own part of the walk. */
type Leg = Readonly<{
  nexthop: Nexthop;
  /** Hosts where TLS could not be had and clear text is allowed, once every host was tried with TLS. */
  clearLater: Candidate[];
}>;

/** The state of one walk: who is still without an end, and what went wrong so far. */
type Walk = {
  readonly job: DeliveryJob;
  readonly binding: Binding;
  pending: QueuedRecipient[];
  readonly outcomes: RecipientOutcome[];
  readonly failures: Failure[];
};

export async function attemptDelivery(job: DeliveryJob, tools: AttemptTools): Promise<readonly RecipientOutcome[]> {
  const walk: Walk = {
    job,
    binding: asSaid(tools.binding(job.mail.binding), job),
    pending: [...job.recipients],
    outcomes: [],
    failures: [],
  };
  try {
    for (const nexthop of [job.nexthop, ...job.alternates]) {
      if (isOver(walk)) break;
      await walkRoute(await tools.findRoute(nexthop), { nexthop, clearLater: [] }, walk, tools);
    }
    for (const recipient of walk.pending) {
      walk.outcomes.push(ended(recipient, concludeFailures(failuresOf(recipient, walk)), walk));
    }
  } catch (error) {
    tools.observe({ kind: "trouble", where: "delivery", error: errorTrace(error) });
    const settled = new Set(walk.outcomes.map(({ recipient }) => recipient));
    for (const recipient of walk.pending) {
      // Whether the message left before it happened is unknown.
      if (!settled.has(recipient)) walk.outcomes.push(ended(recipient, { ...ourMistake, uncertain: true }, walk));
    }
  }
  return walk.outcomes;
}

/** The EHLO name of a binding may be the sender's domain (Momentum's `__message__`). */
function asSaid(binding: Binding, { mail }: DeliveryJob): Binding {
  const sender = mail.sender.mailbox;
  const ehlo = binding.ehloFrom === "sender-domain" && sender !== undefined ? domainOf(sender) : undefined;
  return ehlo === undefined ? binding : { ...binding, ehlo };
}

/** What went wrong for everybody, and for this recipient alone. */
function failuresOf(recipient: QueuedRecipient, { failures }: Walk): readonly Failure[] {
  return failures.filter(({ of }) => of === undefined || of === recipient);
}

/** Everybody has an end, or a rule says that no other host may be tried. */
function isOver({ pending, failures }: Walk): boolean {
  return pending.length === 0 || failures.at(-1)?.final === "now";
}

async function walkRoute(route: Route, leg: Leg, walk: Walk, tools: AttemptTools): Promise<void> {
  if (route.kind === "hosts") return walkHosts(route.hosts, leg, walk, tools);
  const { status, text, code } = route;
  walk.failures.push({ status, text, permanent: route.kind === "fail", kind: "route", code });
}

async function walkHosts(hosts: readonly MxHost[], leg: Leg, walk: Walk, tools: AttemptTools): Promise<void> {
  let left = tools.outbound().maxAddressesPerAttempt;
  for (const host of hosts) {
    for (const address of host.addresses) {
      if (left === 0 || isOver(walk)) break;
      left -= 1;
      await tryAddress(host, address, leg, walk, tools);
    }
  }
  for (const candidate of leg.clearLater) {
    if (isOver(walk)) break;
    await tryInClear(candidate, leg, walk, tools);
  }
}

async function tryAddress(host: MxHost, address: IpAddress, leg: Leg, walk: Walk, tools: AttemptTools): Promise<void> {
  const decision = decideFor(host, address, leg.nexthop, walk, tools);
  if (decision.kind === "refuse") {
    const contact: HostContact = { nexthop: leg.nexthop, host: host.name, address, port: host.port, decision };
    const { status, text, failure: tls } = decision;
    walk.failures.push({ status, text, permanent: false, kind: "policy", tls, contact });
    return;
  }
  const candidate: Candidate = { nexthop: leg.nexthop, host, address, decision };
  const key = poolKey(host, address, walk.binding, decision);
  const pooled = takeJudged(key, candidate, tools);
  if (pooled !== undefined) {
    const before = walk.failures.length;
    const { connection, contact } = pooled;
    const broke = await closingOnThrow(connection, () =>
      sendOver(connection, key, { ...contact, reusedConnection: true }, walk, tools),
    );
    // A pooled connection may have died unseen: that says nothing about the host.
    if (!broke) return;
    walk.failures.length = before;
  }
  await tryFresh(candidate, key, leg, walk, tools);
}

/** An idle connection under this very decision, judged again for this message (PO-9). */
function takeJudged(
  key: string,
  candidate: Candidate,
  { pool }: AttemptTools,
): Readonly<{ connection: SmtpConnection; contact: HostContact }> | undefined {
  const connection = pool.take(key);
  if (connection === undefined) return undefined;
  const { host, address, decision } = candidate;
  const verdict = judge(decision, connection.facts, peerName(host, address));
  if (verdict.kind !== "flow") {
    connection.quit();
    return undefined;
  }
  return {
    connection,
    contact: {
      ...contactOf(candidate),
      facts: connection.facts,
      verdict,
      ...met(connection.connection, connection.messages + 1),
    },
  };
}

function contactOf({ nexthop, host, address, decision }: Candidate): HostContact {
  return { nexthop, host: host.name, address, port: host.port, decision };
}

/** How records tell of a connection that a message is begun on, or that ended before (`use` 0). */
function met(facts: ConnectionFacts, use: number): Required<Pick<HostContact, "connection">> {
  return { connection: { use, facts } };
}

async function tryFresh(candidate: Candidate, key: string, leg: Leg, walk: Walk, tools: AttemptTools): Promise<void> {
  const opened = await tools.open(openOptions(candidate, walk.binding, tools.outbound(), tools.newId()));
  if (opened.kind === "refused" || opened.kind === "unreachable") {
    walk.failures.push(notOpened(opened, contactOf(candidate)));
    return;
  }
  const clearTry =
    opened.kind === "open"
      ? await closingOnThrow(opened.connection, () => useFresh(candidate, key, opened, walk, tools))
      : await useFresh(candidate, key, opened, walk, tools);
  if (clearTry === undefined) return;
  if (clearTry.decision.clearTextTurn === "same-host") await tryInClear(clearTry, leg, walk, tools);
  else leg.clearLater.push(clearTry);
}

/** A bug must not leak a connection: its place is one of few. */
async function closingOnThrow<T>(connection: SmtpConnection, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    connection.quit();
    throw error;
  }
}

/** @returns the same host to be tried in clear, where TLS could not be had and the decision allows that */
async function useFresh(
  candidate: Candidate,
  key: string,
  opened: Extract<OpenResult, { kind: "open" | "tls-broken" }>,
  walk: Walk,
  tools: AttemptTools,
): Promise<Candidate | undefined> {
  const { host, address, decision } = candidate;
  const contact = contactOf(candidate);
  const { facts } = opened;
  const verdict = judge(decision, facts, peerName(host, address));
  const connection = opened.kind === "open" ? opened.connection.connection : opened.connection;
  const judged: HostContact = { ...contact, facts, verdict, ...met(connection, 0) };
  if (verdict.kind !== "flow" || opened.kind === "tls-broken") {
    if (opened.kind === "open") opened.connection.quit();
    return notFlowing(candidate, judged, verdict, walk);
  }
  const unready = await opened.connection.prepare();
  if (unready !== undefined) {
    opened.connection.quit();
    if (unready.kind === "tls-broken") {
      // A TLS 1.3 peer finds fault with our certificate only after the handshake looked done to us.
      const late = judge(decision, unready.facts, peerName(host, address));
      return notFlowing(candidate, { ...judged, facts: unready.facts, verdict: late }, late, walk);
    }
    walk.failures.push(notOpened(unready, judged));
    return undefined;
  }
  const first = { ...judged, reusedConnection: false, ...met(opened.connection.connection, 1) };
  const broke = await sendOver(opened.connection, key, first, walk, tools);
  if (!broke || facts.tls.kind !== "done" || !mayTryClear(decision)) return undefined;
  return withReasons(candidate, [because("fallback-clear", walk.failures.at(-1)?.text)]);
}

function notFlowing(
  candidate: Candidate,
  contact: HostContact,
  verdict: TlsVerdict,
  walk: Walk,
): Candidate | undefined {
  if (verdict.kind === "flow") return undefined;
  walk.failures.push(policyFailure(verdict, contact));
  return verdict.kind === "clear-again" ? withReasons(candidate, verdict.why) : undefined;
}

/** What went wrong with TLS stays part of the story when clear text is used afterwards. */
function withReasons(candidate: Candidate, why: readonly Reason[]): Candidate {
  const { decision } = candidate;
  return { ...candidate, decision: { ...decision, why: [...decision.why, ...why] } };
}

/** The last resort of an opportunistic rule: the same host on a new connection, without asking for TLS (OUT-8). */
async function tryInClear(
  { nexthop, host, address, decision }: Candidate,
  leg: Leg,
  walk: Walk,
  tools: AttemptTools,
): Promise<void> {
  if (host.implicitTls) return;
  const again = inClear(decision);
  await tryFresh(
    { nexthop, host, address, decision: again },
    poolKey(host, address, walk.binding, again),
    leg,
    walk,
    tools,
  );
}

/** @returns true when the connection broke before the end of the message was certain: nobody was settled by it. */
async function sendOver(
  connection: SmtpConnection,
  key: string,
  contact: HostContact,
  walk: Walk,
  tools: AttemptTools,
): Promise<boolean> {
  const { mail } = walk.job;
  const sent = walk.pending;
  const readyAt = tools.clock.now();
  const results = await connection.send({
    sender: mail.sender,
    recipients: sent.map(({ recipient }) => recipient),
    body: mail.body,
    facts: mail.facts,
  });
  // Nobody looks for a connection made in clear after TLS broke: the next message tries TLS again.
  const { decision } = contact;
  const isLast = connection.messages >= tools.outbound().maxMessagesPerConnection;
  if (isLast || (decision.kind === "connect" && decision.retryInClear)) connection.quit();
  else tools.pool.give(key, connection);
  return takeResults(sent, results, { ...contact, readyAt }, walk);
}

function takeResults(
  sent: readonly QueuedRecipient[],
  results: Awaited<ReturnType<SmtpConnection["send"]>>,
  contact: HostContact,
  walk: Walk,
): boolean {
  const still: QueuedRecipient[] = [];
  let broken = false;
  sent.forEach((recipient, index) => {
    const result = results[index];
    if (result === undefined) throw new Error("a recipient without a result");
    const next = afterSending(result, contact);
    if (next.kind === "delivered") {
      const text = formatReply(next.reply);
      walk.outcomes.push({
        recipient,
        outcome: { kind: "delivered", status: statusOf(next.reply), text },
        contact,
        reply: next.reply,
        uncertain: recipient.uncertain,
        dsnPassedOn: next.dsnPassedOn,
        failure: undefined,
        earlier: earlierHosts(recipient, walk),
      });
    } else if (next.kind === "final") walk.outcomes.push(ended(recipient, next.failure, walk));
    else {
      still.push(recipient);
      walk.failures.push({ ...next.failure, of: recipient });
      broken ||= next.failure.kind === "broken";
    }
  });
  walk.pending = still;
  return broken && still.length === sent.length;
}

function ended(recipient: QueuedRecipient, failure: Failure, walk: Walk): RecipientOutcome {
  return {
    recipient,
    outcome: outcomeOf(failure),
    contact: failure.contact,
    reply: failure.reply,
    uncertain: failure.uncertain === true || recipient.uncertain,
    dsnPassedOn: false,
    failure,
    earlier: earlierHosts(recipient, walk, failure),
  };
}

/** Hosts that were met in vain, but for the one whose failure is the end. */
function earlierHosts(recipient: QueuedRecipient, walk: Walk, end?: Failure): readonly Failure[] {
  if (walk.failures.length === 0) return [];
  const others = failuresOf(recipient, walk).filter(({ contact }) => contact !== undefined);
  return others.filter(({ contact, text }) => contact !== end?.contact || text !== end?.text);
}

function notOpened(opened: Extract<OpenResult, { kind: "refused" | "unreachable" }>, contact: HostContact): Failure {
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

function decideFor(
  host: MxHost,
  address: IpAddress,
  nexthop: Nexthop,
  { job, binding }: Walk,
  { policy, clock }: AttemptTools,
): TlsDecision {
  const now = clock.now();
  const recipient = job.lead.recipient.mailbox;
  const rule = policy().rule({
    sender: job.mail.sender.mailbox,
    recipient,
    recipientDomain: domainOf(recipient),
    nexthop,
    binding: binding.name,
    bindingGroup: binding.group,
    host: host.name,
    address,
    now,
  });
  return decide(
    rule,
    {
      nexthop,
      host: host.name,
      address,
      mxStatus: host.mxStatus,
      implicitTls: host.implicitTls,
      messageAgeMs: now - job.mail.arrival.at,
    },
    binding.clientCertificate,
  );
}

function openOptions(
  { host, address, decision }: Candidate,
  binding: Binding,
  outbound: OutboundSettings,
  id: string,
): OpenOptions {
  return {
    id,
    address,
    port: host.port,
    localAddress: sourceAddress(binding, address),
    ehlo: binding.ehlo,
    implicitTls: host.implicitTls,
    starttls: decision.starttls,
    handshake: decision.handshake,
    timeouts: outbound.timeouts,
    eightBitWithoutExtension: outbound.eightBitWithoutExtension,
  };
}

function sourceAddress(binding: Binding, address: IpAddress): IpAddress | undefined {
  return isIpv6(address) ? binding.sourceAddress6 : binding.sourceAddress4;
}

/** With all that a peer sees of the binding: a reload may have changed it under the same name. */
function poolKey(host: MxHost, address: IpAddress, binding: Binding, { id }: ConnectDecision): string {
  const source = sourceAddress(binding, address) ?? "";
  const wrapped = host.implicitTls ? "implicit" : "";
  return `${address}|${host.port}|${wrapped}|${host.name ?? ""}|${binding.name}|${source}|${binding.ehlo}|${id}`;
}

function peerName({ name }: MxHost, address: IpAddress): string {
  return name === undefined ? `[${address}]` : `${name}[${address}]`;
}
