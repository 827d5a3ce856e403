/**
 * May this client send this mail? Asked at MAIL and at each RCPT: demands in Sendmail's form, each source's demand on the
 * envelope, what a user may send as, and whether the recipient is ours or may be relayed to.
 *
 * Promises: an enforced demand that fits and is not met always refuses, whatever else holds; one in monitor mode never
 * does; what hangs on a name that DNS cannot tell now is refused for now alone. Pure, and the same question always gets
 * the same answer, so that the record (`account.ts`) can ask again.
 */
import type { Mailbox } from "../mail/address.ts";
import type { Clock } from "../mail/clock.ts";
import type { EnvelopeSender } from "../mail/envelope.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { InboundPolicy } from "../policy/inbound.ts";
import { type DemandVerdict, judgeDemand, mayRelayByCertificate } from "../policy/judge-inbound.ts";
import type { InboundDemand, InboundQuestion, InboundRule } from "../policy/rules.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import type { HandshakeFacts } from "../tls/peer-facts.ts";
import type { User, UserDirectory } from "../users/user.ts";
import { maySendAs } from "../users/user-limits.ts";
import { rejection, unmetDemand } from "./barred.ts";
import { stillThere } from "./certificate-user.ts";
import { inboundQuestion } from "./question.ts";
import type { RelayAnswer, RelayCheck, RelayRight } from "./relay-check.ts";
import { purposeUnder, underRule } from "./under-rule.ts";

export type EnvelopeTools = Readonly<{
  policy: () => InboundPolicy;
  users: () => UserDirectory;
  relay: () => RelayCheck;
  clock: Clock;
}>;

/** What is known of a client when one of its envelopes is looked at. */
export type ClientCase = Readonly<{
  session: SessionFacts;
  question: InboundQuestion;
  rule: InboundRule;
  /** As the rule's own CAs judge it; undefined: in clear. */
  tls: HandshakeFacts | undefined;
  /** Who logged in, if he still may do so. */
  user: User | undefined;
}>;

export type JudgedDemand = Readonly<{ demand: InboundDemand; unsure: boolean; verdict: DemandVerdict }>;

export type EnvelopeCheck = Readonly<{
  checkSender(session: SessionFacts, sender: EnvelopeSender): Reply | undefined;
  checkRecipient(session: SessionFacts, sender: EnvelopeSender, recipient: Mailbox): Reply | undefined;
  /** What the two look at, for the record. */
  caseOf(session: SessionFacts): ClientCase;
  demandsOn(client: ClientCase, sender: Mailbox | undefined, recipient: Mailbox | undefined): readonly JudgedDemand[];
  relayAnswer(client: ClientCase, recipient: Mailbox): RelayAnswer;
}>;

/** RFC 3463 §3.5: X.4.3, the directory server did not tell. */
const nameUnknown = reply(
  451,
  "4.4.3",
  "The name of your host cannot be looked up now, and what this mail needs hangs on it: try again later",
);
const deniedForNow = reply(450, "4.4.0", "Relaying temporarily denied. Cannot resolve PTR record");
const logInGone = reply(530, "5.7.0", "Authentication required: this log-in does not hold any more");
const notHisSender = reply(553, "5.7.1", "This account may not send from that address");

export function createEnvelopeCheck(tools: EnvelopeTools): EnvelopeCheck {
  const caseOf = (session: SessionFacts): ClientCase => clientCase(session, tools);
  const demandsOn = (client: ClientCase, sender: Mailbox | undefined, recipient: Mailbox | undefined) =>
    judgeDemands(client, tools.policy(), sender, recipient);
  const relayAnswer = (client: ClientCase, recipient: Mailbox): RelayAnswer => {
    const { rule, session } = client;
    const wording = rule.wording?.value ?? "letterlock";
    return tools.relay()({ address: session.clientAddress, otherRight: () => otherRight(client), wording }, recipient);
  };
  return {
    caseOf,
    demandsOn,
    relayAnswer,
    checkSender(session, { mailbox }) {
      const client = caseOf(session);
      return (
        unmetAt("mail", client) ?? firstRefusal(demandsOn(client, mailbox, undefined)) ?? userRefusal(client, mailbox)
      );
    },
    checkRecipient(session, sender, recipient) {
      const client = caseOf(session);
      const { rejected, requirementsAt } = client.rule;
      const answer = relayAnswer(client, recipient);
      const denied = answer.kind === "refused" ? deniedWhile(client, answer.reply) : undefined;
      return (
        // What is looked at this late is looked at after the right to relay (Sendmail's check_rcpt).
        (requirementsAt?.value === "rcpt" ? denied : undefined) ??
        unmetAt("rcpt", client) ??
        (rejected?.value.at === "rcpt" ? rejection(rejected.value) : undefined) ??
        firstRefusal(demandsOn(client, sender.mailbox, recipient)) ??
        // What a rule gives to whoever logged in goes with the log-in.
        userRefusal(client, sender.mailbox) ??
        denied
      );
    },
  };
}

/** Sendmail: whom DNS cannot name now may be one who relays. */
function deniedWhile({ rule, session }: ClientCase, denied: Reply): Reply {
  const unsure = rule.wording?.value === "sendmail" && session.clientName.kind === "unknown";
  return unsure ? deniedForNow : denied;
}

function clientCase(session: SessionFacts, { policy, users, clock }: EnvelopeTools): ClientCase {
  const question = inboundQuestion(session, clock.now());
  const rule = policy().rule(question);
  const tls = session.tls === undefined ? undefined : underRule(session.tls.handshake, rule);
  const { login, clientAddress } = session;
  const user = login === undefined ? undefined : stillThere(login.user, { client: clientAddress, tls }, users());
  return { session, question, rule, tls, user };
}

/** A client inside TLS that does not meet them is barred already; here it is held to them once more. */
function unmetAt(command: "mail" | "rcpt", { rule, session, tls }: ClientCase): Reply | undefined {
  const at = tls === undefined ? (rule.requirementsAt?.value ?? "mail") : "mail";
  return at === command ? unmetDemand(rule, session, tls) : undefined;
}

function judgeDemands(
  { session, question, rule }: ClientCase,
  policy: InboundPolicy,
  sender: Mailbox | undefined,
  recipient: Mailbox | undefined,
): JudgedDemand[] {
  const { handshake } = session.tls ?? {};
  const anchors = rule.clientAnchors?.value;
  return policy.demands({ ...question, sender, recipient }).flatMap((answer) => {
    if (answer.kind === "at-recipient") return [];
    const { demand, unsure = false } = answer;
    const source = demand.anchors === undefined ? rule.clientAnchors?.from.source : demand.from.source;
    const peer = { handshake, anchors, purpose: purposeUnder(rule, source) };
    return [{ demand, unsure, verdict: judgeDemand(demand, peer, question.now) }];
  });
}

/** A demand that surely fits speaks before one of which nobody knows. */
function firstRefusal(judged: readonly JudgedDemand[]): Reply | undefined {
  let unsureRefusal: Reply | undefined;
  for (const { unsure, verdict } of judged) {
    if (verdict.kind !== "unmet") continue;
    if (!unsure) return verdict.reply;
    unsureRefusal = nameUnknown;
  }
  return unsureRefusal;
}

function userRefusal({ session, user }: ClientCase, sender: Mailbox | undefined): Reply | undefined {
  if (session.login === undefined) return undefined;
  if (user === undefined) return logInGone;
  return maySendAs(user, sender) ? undefined : notHisSender;
}

function otherRight({ rule, user, tls }: ClientCase): RelayRight | undefined {
  if (rule.relay?.value === true) return "network";
  if (user?.mayRelay === true) return "user";
  const wish = rule.relayByCertificate?.value;
  return wish !== undefined && tls !== undefined && mayRelayByCertificate(wish, tls) ? "certificate" : undefined;
}
