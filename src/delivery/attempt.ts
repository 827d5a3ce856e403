/**
 * One attempt to deliver one job: walk its MX hosts in order, and at each address decide, connect, judge, send.
 * Owns no rules: what must hold is `policy/`'s word, where to go `route/`'s, how to speak `smtp/client`'s.
 *
 * Promises: no octet of a message leaves before a verdict that lets it flow on that connection, for that message;
 * after an uncertain end (connection lost behind the final dot) no other host is tried in the same attempt; a bug on
 * the way ends the walk, and what was delivered until then stays delivered.
 */
import type { Binding, OutboundSettings } from "../config/settings.ts";
import type { Clock } from "../mail/clock.ts";
import { errorTrace } from "../mail/error-text.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import type { Observer } from "../observe/events.ts";
import { inClear } from "../policy/decide.ts";
import { judge, mayTryClear, type TlsVerdict } from "../policy/judge.ts";
import type { Policy } from "../policy/policy.ts";
import { because } from "../policy/reasons.ts";
import type { MxHost, Route } from "../route/route.ts";
import type { OpenOptions, OpenResult, SmtpConnection } from "../smtp/client/sender.ts";
import { type HostContact, met, notOpened, policyFailure, type RecipientOutcome } from "./attempt-result.ts";
import {
  type Candidate,
  candidateFor,
  contactOf,
  decideFor,
  openOptions,
  peerName,
  type Target,
  withReasons,
} from "./candidate.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { DeliveryJob } from "./delivery-job.ts";
import { beginWalk, endByMistake, endOfHosts, isOver, takeResults, type Walk } from "./walk.ts";

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

/** A nexthop's own part of the walk. */
type Leg = Readonly<{
  nexthop: Nexthop;
  /** Hosts where TLS could not be had and clear text is allowed, once every host was tried with TLS. */
  clearLater: Candidate[];
}>;

export async function attemptDelivery(job: DeliveryJob, tools: AttemptTools): Promise<readonly RecipientOutcome[]> {
  const walk = beginWalk(job, tools.binding(job.mail.binding));
  try {
    for (const nexthop of [job.nexthop, ...job.alternates]) {
      if (isOver(walk)) break;
      await walkRoute(await tools.findRoute(nexthop), { nexthop, clearLater: [] }, walk, tools);
    }
    endOfHosts(walk);
  } catch (error) {
    tools.observe({ kind: "trouble", where: "delivery", error: errorTrace(error) });
    endByMistake(walk);
  }
  return walk.outcomes;
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
      await tryAddress({ nexthop: leg.nexthop, host, address }, leg, walk, tools);
    }
  }
  for (const candidate of leg.clearLater) {
    if (isOver(walk)) break;
    await tryInClear(candidate, leg, walk, tools);
  }
}

async function tryAddress(target: Target, leg: Leg, walk: Walk, tools: AttemptTools): Promise<void> {
  const decision = decideFor(target, walk, tools.policy(), tools.clock.now());
  if (decision.kind === "refuse") {
    const { status, text, failure: tls } = decision;
    const contact = contactOf(target, decision);
    walk.failures.push({ status, text, permanent: false, kind: "policy", tls, contact });
    return;
  }
  const candidate = candidateFor(target, decision, walk.binding);
  const pooled = takeJudged(candidate, tools);
  if (pooled !== undefined) {
    const before = walk.failures.length;
    const { connection, contact } = pooled;
    const broke = await closingOnThrow(connection, () =>
      sendOver(connection, candidate.poolKey, { ...contact, reusedConnection: true }, walk, tools),
    );
    // A pooled connection may have died unseen: that says nothing about the host.
    if (!broke) return;
    walk.failures.length = before;
  }
  await tryFresh(candidate, leg, walk, tools);
}

/** An idle connection under this very decision, judged again for this message (PO-9). */
function takeJudged(
  candidate: Candidate,
  { pool }: AttemptTools,
): Readonly<{ connection: SmtpConnection; contact: HostContact }> | undefined {
  const connection = pool.take(candidate.poolKey);
  if (connection === undefined) return undefined;
  const verdict = judge(candidate.decision, connection.facts, peerName(candidate));
  if (verdict.kind !== "flow") {
    connection.quit();
    return undefined;
  }
  const { facts } = connection;
  const contact = { ...contactOf(candidate, candidate.decision), facts, verdict };
  return { connection, contact: { ...contact, ...met(connection.connection, connection.messages + 1) } };
}

async function tryFresh(candidate: Candidate, leg: Leg, walk: Walk, tools: AttemptTools): Promise<void> {
  const opened = await tools.open(openOptions(candidate, walk.binding, tools.outbound(), tools.newId()));
  if (opened.kind === "refused" || opened.kind === "unreachable") {
    walk.failures.push(notOpened(opened, contactOf(candidate, candidate.decision)));
    return;
  }
  const clearTry =
    opened.kind === "open"
      ? await closingOnThrow(opened.connection, () => useFresh(candidate, opened, walk, tools))
      : await useFresh(candidate, opened, walk, tools);
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
  opened: Extract<OpenResult, { kind: "open" | "tls-broken" }>,
  walk: Walk,
  tools: AttemptTools,
): Promise<Candidate | undefined> {
  const { decision } = candidate;
  const { facts } = opened;
  const verdict = judge(decision, facts, peerName(candidate));
  const connection = opened.kind === "open" ? opened.connection.connection : opened.connection;
  const judged: HostContact = { ...contactOf(candidate, decision), facts, verdict, ...met(connection, 0) };
  if (verdict.kind !== "flow" || opened.kind === "tls-broken") {
    if (opened.kind === "open") opened.connection.quit();
    return notFlowing(candidate, judged, verdict, walk);
  }
  const unready = await opened.connection.prepare();
  if (unready !== undefined) {
    opened.connection.quit();
    if (unready.kind === "tls-broken") {
      // A TLS 1.3 peer finds fault with our certificate only after the handshake looked done to us.
      const late = judge(decision, unready.facts, peerName(candidate));
      return notFlowing(candidate, { ...judged, facts: unready.facts, verdict: late }, late, walk);
    }
    walk.failures.push(notOpened(unready, judged));
    return undefined;
  }
  const first = { ...judged, reusedConnection: false, ...met(opened.connection.connection, 1) };
  const broke = await sendOver(opened.connection, candidate.poolKey, first, walk, tools);
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

/** The last resort of an opportunistic rule: the same host on a new connection, without asking for TLS (OUT-8). */
async function tryInClear(candidate: Candidate, leg: Leg, walk: Walk, tools: AttemptTools): Promise<void> {
  if (candidate.host.implicitTls) return;
  const again = candidateFor(candidate, inClear(candidate.decision), walk.binding);
  await tryFresh(again, leg, walk, tools);
}

/** @returns as `takeResults` */
async function sendOver(
  connection: SmtpConnection,
  poolKey: string,
  contact: HostContact,
  walk: Walk,
  tools: AttemptTools,
): Promise<boolean> {
  const { mail } = walk.job;
  const readyAt = tools.clock.now();
  const results = await connection.send({
    sender: mail.sender,
    recipients: walk.pending.map(({ recipient }) => recipient),
    body: mail.body,
    facts: mail.facts,
  });
  // Nobody looks for a connection made in clear after TLS broke: the next message tries TLS again.
  const { decision } = contact;
  const isLast = connection.messages >= tools.outbound().maxMessagesPerConnection;
  if (isLast || (decision.kind === "connect" && decision.retryInClear)) connection.quit();
  else tools.pool.give(poolKey, connection);
  return takeResults(results, { ...contact, readyAt }, walk);
}
