/**
 * The restriction lists of one smtpd service, asked about clients: who may relay, and what is demanded of an envelope
 * (Postfix: INB-16 to INB-19, INB-24, INB-26).
 *
 * Postfix holds its lists against a client when it names its recipients (`smtpd_delay_reject = yes`), else as early as
 * they can be; here the earliest moment is MAIL, and the lists for DATA count at RCPT. What a list refuses whoever the
 * client is in TLS is a demand that nothing meets. `reject_unauth_destination` itself is not: whoever decides on relaying
 * asks `relay`.
 */
import type {
  DemandAnswer,
  EnvelopeQuestion,
  InboundDemand,
  InboundQuestion,
  Pin,
  RelayByCertificate,
  Sourced,
} from "../../rules.ts";
import type { CertificateHolders, Stage, Step } from "./restriction-step.ts";
import { type Asked, type Walked, type WalkTools, walk } from "./restriction-walk.ts";

export type Lists = Readonly<Record<Stage, readonly Step[]>>;

export type Relaying = Readonly<{
  /** Whatever certificate the client shows. */
  anyhow: boolean;
  byCertificate: Sourced<RelayByCertificate> | undefined;
}>;

export type ServiceRestrictions = Readonly<{
  relay(question: InboundQuestion): Relaying;
  /** In Postfix's order: the first that is not met gives the answer. */
  demands(question: EnvelopeQuestion): readonly DemandAnswer[];
}>;

export function createRestrictions(lists: Lists, delayReject: boolean, tools: WalkTools): ServiceRestrictions {
  const early: readonly Stage[] = delayReject ? [] : ["client", "helo", "sender"];
  const late: readonly Stage[] = delayReject
    ? ["client", "helo", "sender", "relay", "recipient", "data", "end_of_data"]
    : ["relay", "recipient", "data", "end_of_data"];
  const used = late.some((stage) => lists[stage].some(mayRefuseHere));
  return {
    relay: (question) => relayOf(lists, question, tools),
    demands(question) {
      const atRecipient = question.recipient !== undefined;
      const asked: Asked = { ...question, envelope: question };
      const stages = atRecipient ? late : early;
      const demands = stages.flatMap((stage) => demandsOf(walk(lists[stage], stage, asked, tools)));
      if (demands.length > 0) return demands.map((demand) => ({ kind: "demand", demand }));
      return used && !atRecipient ? laterOn : [];
    },
  };
}

const laterOn: readonly DemandAnswer[] = [{ kind: "at-recipient" }];

/** Words that say who is let in refuse nobody. */
function mayRefuseHere({ kind }: Step): boolean {
  return kind === "reject" || kind === "need-tls" || kind === "access";
}

/** Both lists must let the mail through; a list that is empty does. */
function relayOf(lists: Lists, question: InboundQuestion, tools: WalkTools): Relaying {
  const asked: Asked = { ...question, envelope: "unknown" };
  const rights = [lists.relay, lists.recipient].map((steps) => rightsOf(walk(steps, "relay", asked, tools)));
  const limits = rights.filter(({ anyhow }) => !anyhow);
  if (limits.length === 0) return { anyhow: true, byCertificate: undefined };
  const [first, ...others] = limits.map(({ holders }) => holders);
  const same = first !== undefined && others.every((other) => other?.value === first.value);
  return { anyhow: false, byCertificate: same ? { value: form(first.value), from: first.from } : undefined };
}

type Rights = Readonly<{ anyhow: boolean; holders: Sourced<CertificateHolders> | undefined }>;

/** Nobody gets in by a check that is not made here, or behind it. */
function rightsOf({ end, unsure, holders }: Walked): Rights {
  const anyhow = (end === "permit" || end === "through") && !unsure;
  const [first] = holders;
  return { anyhow, holders: first && { value: first.holders, from: first.step.from } };
}

const anyTrusted: RelayByCertificate = { kind: "trusted" };
const forms = new WeakMap<readonly Pin[], RelayByCertificate>();

/** The same holders give the same object. */
function form(holders: CertificateHolders): RelayByCertificate {
  if (holders === "trusted") return anyTrusted;
  const made = forms.get(holders) ?? { kind: "match", pins: holders };
  forms.set(holders, made);
  return made;
}

function demandsOf({ end, needTls, holders }: Walked): readonly InboundDemand[] {
  const demands: InboundDemand[] = [];
  if (needTls !== undefined) {
    const { step, answer } = needTls;
    demands.push({ from: step.from, text: step.written, level: "encrypted", mode: "enforce", answer });
  }
  if (typeof end !== "string") {
    const { step, answer } = end;
    const trusted = holders.find((one) => one.holders === "trusted");
    const pins = holders.flatMap((one): readonly Pin[] => (one.holders === "trusted" ? [] : one.holders));
    const base = { from: step.from, text: step.written, mode: "enforce", answer } as const;
    if (trusted !== undefined && pins.length === 0) demands.push({ ...base, level: "trusted" });
    else demands.push({ ...base, level: "matching", pins });
  }
  return demands;
}
