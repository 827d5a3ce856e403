/**
 * What a record tells of how a mail came to be let in or refused: what was demanded of the connection and by which line,
 * what it had, and by what right it goes on. Asks the same questions as the decision did; decides nothing.
 */
import type { Mailbox } from "../mail/address.ts";
import type { EnvelopeSender } from "../mail/envelope.ts";
import type { InboundAchieved, InboundTls } from "../mail/inbound-record.ts";
import type { Origin, PeerRequirement } from "../policy/rules.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import { failureOf } from "./barred.ts";
import type { ClientCase, EnvelopeCheck, JudgedDemand } from "./check-envelope.ts";
import type { RelayRight } from "./relay-check.ts";

type Required = InboundTls["required"];

/** One thing that was asked of the connection. */
type Asked = Readonly<{ level: Required; from: Origin; text: string; unmet: boolean }>;

export type Account = Readonly<{
  required: Required;
  achieved: InboundAchieved;
  monitor: InboundTls["monitor"];
  /** What refused, else what asked for most. */
  rule: Readonly<{ from: Origin; text: string; unmet: boolean }> | undefined;
  relay: RelayRight | undefined;
  relayDenied: boolean;
}>;

const strength: Readonly<Record<Required, number>> = { none: 0, encrypted: 1, trusted: 2, matching: 3 };

/**
 * @param sender undefined before MAIL: no envelope is looked at
 * @param recipients those that were taken, or the one that was refused
 */
export function accountFor(
  check: EnvelopeCheck,
  session: SessionFacts,
  sender: EnvelopeSender | undefined,
  recipients: readonly Mailbox[],
): Account {
  const client = check.caseOf(session);
  const envelopes = recipients.length === 0 ? [undefined] : recipients;
  const judged =
    sender === undefined ? [] : envelopes.flatMap((recipient) => check.demandsOn(client, sender.mailbox, recipient));
  const asked = [...askedByRule(client), ...judged.flatMap(askedBy)];
  const strongest = asked.reduce<Asked | undefined>(
    (best, one) => (best === undefined || strength[one.level] > strength[best.level] ? one : best),
    undefined,
  );
  const verdicts = judged.map(({ verdict }) => verdict.kind);
  return {
    required: strongest?.level ?? "none",
    achieved: achievedBy(client, judged),
    monitor: verdicts.includes("would-fail") ? "would-fail" : verdicts.includes("would-pass") ? "would-pass" : null,
    rule: asked.find(({ unmet }) => unmet) ?? (strongest?.level === "none" ? undefined : strongest),
    ...relayOf(check, client, recipients),
  };
}

function askedBy({ demand: { level, from, text }, verdict }: JudgedDemand): Asked[] {
  return verdict.kind === "void" ? [] : [{ level, from, text, unmet: verdict.kind === "unmet" }];
}

/** Settings of the rule that turn clients away; `unmet` for those that turned this one away. */
function askedByRule({ rule, session, tls }: ClientCase): Asked[] {
  const { barred, rejected, refuse, starttls, clientCertificate, requirements = [] } = rule;
  const asked: Asked[] = [];
  if (barred?.value === true) asked.push({ level: "none", from: barred.from, text: "barred", unmet: true });
  if (rejected !== undefined) {
    asked.push({ level: "none", from: rejected.from, text: rejected.value.text, unmet: true });
  }
  if (refuse !== undefined) asked.push({ level: "none", from: refuse.from, text: refuse.value, unmet: true });
  if (starttls?.value === "require") {
    asked.push({ level: "encrypted", from: starttls.from, text: "STARTTLS required", unmet: tls === undefined });
  }
  if (clientCertificate?.value === "require-trusted") {
    const unmet = tls?.chain.kind !== "trusted";
    asked.push({ level: "trusted", from: clientCertificate.from, text: "trusted client certificate required", unmet });
  }
  if (clientCertificate?.value === "require") {
    const unmet = tls !== undefined && tls.certificate === undefined;
    asked.push({ level: "encrypted", from: clientCertificate.from, text: "client certificate required", unmet });
  }
  const demanded = requirements.map((one): Asked => {
    const unmet = failureOf(one, session, tls) !== undefined;
    return { level: levelOf(one), from: one.from, text: one.text, unmet };
  });
  return [...asked, ...demanded];
}

function levelOf({ verify, bits, extensions }: PeerRequirement): Required {
  if (extensions.length > 0) return "matching";
  if (verify) return "trusted";
  return (bits?.atLeast ?? 0) > 0 ? "encrypted" : "none";
}

function achievedBy({ session, tls }: ClientCase, judged: readonly JudgedDemand[]): InboundAchieved {
  if (session.tls === undefined || tls === undefined) return "none";
  const passed = judged.filter(({ verdict }) => verdict.kind === "met" || verdict.kind === "would-pass");
  const proves = (level: Required) => passed.some(({ demand }) => demand.level === level);
  if (proves("matching")) return "matched";
  return proves("trusted") || (tls.certificate !== undefined && tls.chain.kind === "trusted") ? "trusted" : "encrypted";
}

function relayOf(
  check: EnvelopeCheck,
  client: ClientCase,
  recipients: readonly Mailbox[],
): Pick<Account, "relay" | "relayDenied"> {
  const answers = recipients.map((recipient) => check.relayAnswer(client, recipient));
  const byRight = answers.find((answer) => answer.kind === "by-right");
  return { relay: byRight?.right, relayDenied: answers.some(({ kind }) => kind === "refused") };
}
