/**
 * The policy as those ask it who let clients in. An `InboundRule` is put together setting by setting: each source in its
 * order, what our own configuration says of the listener behind our own rules, then the defaults; demands in Sendmail's
 * form add up over all of them. Demands on an envelope are not merged at all: each source's stands for itself and must be met.
 *
 * Pure. A merged rule is the same object as long as the sources answer with the same objects, so that what is made
 * from it can be kept by identity.
 */
import type { TrustAnchors } from "../tls/handshake-settings.ts";
import type {
  DemandAnswer,
  EnvelopeQuestion,
  InboundQuestion,
  InboundRule,
  Origin,
  PolicySource,
  Sourced,
} from "./rules.ts";

export type InboundSetting = Exclude<keyof InboundRule, "requirements">;

/** One setting, as `explain` shows it. */
export type ConsideredSetting = Readonly<{
  setting: InboundSetting;
  value: unknown;
  from: Origin;
  /** Who else had a word on it, in the order of precedence. */
  passedOver: readonly Sourced<unknown>[];
}>;

export type InboundPolicy = Readonly<{
  rule(question: InboundQuestion): InboundRule;
  /** Each must be met. */
  demands(question: EnvelopeQuestion): readonly DemandAnswer[];
  /**
   * Undefined: no demand on what this client sends can need a certificate of it. Else the CAs that demands name on
   * their own, beside those of the rule.
   */
  certificateDemands(question: InboundQuestion): readonly TrustAnchors[] | undefined;
  /** Every setting that anybody has a word on, in alphabetical order. */
  considered(question: InboundQuestion): readonly ConsideredSetting[];
}>;

/** The source of our own rules. */
const ownSource = "letterlock";

/**
 * @param own what our configuration says of this listener: a rule about some of its clients goes before it
 * @param defaults what holds where nobody says anything
 */
export function createInboundPolicy(
  sources: readonly PolicySource[],
  own: (listener: string) => InboundRule | undefined,
  defaults: InboundRule,
): InboundPolicy {
  const merge = createMerge();
  const begin = sources[0]?.name === ownSource ? 1 : 0;
  const answers = (question: InboundQuestion): readonly InboundRule[] => {
    const listener = own(question.listener);
    const told = sources.map((source) => source.inbound?.(question));
    const all = [...told.slice(0, begin), listener, ...told.slice(begin), defaults];
    return all.filter((answer) => answer !== undefined);
  };
  return {
    rule: (question) => merge(answers(question)),
    demands: (question) => sources.flatMap((source) => source.demands?.(question) ?? []),
    certificateDemands(question) {
      const wanted = sources.map((source) => source.certificateDemands?.(question)).filter((one) => one !== undefined);
      return wanted.length === 0 ? undefined : wanted.flat();
    },
    considered(question) {
      const all = answers(question);
      return consider(all, merge(all));
    },
  };
}

/** The rule of one sequence of answers; `next` leads on to longer ones. */
type Merged = { rule: InboundRule; next: WeakMap<InboundRule, Merged> };

/** Answers are shared objects: a sequence that was met before leads to the rule that was made then. */
function createMerge(): (answers: readonly InboundRule[]) => InboundRule {
  const start: Merged = { rule: {}, next: new WeakMap() };
  return (answers) => {
    let at = start;
    for (const answer of answers) {
      const known = at.next.get(answer) ?? { rule: mergeTwo(at.rule, answer), next: new WeakMap() };
      at.next.set(answer, known);
      at = known;
    }
    return at.rule;
  };
}

/** What stands first counts; demands add up. */
function mergeTwo(first: InboundRule, second: InboundRule): InboundRule {
  const requirements = [...(first.requirements ?? []), ...(second.requirements ?? [])];
  const both = { ...second, ...first, ...(requirements.length === 0 ? {} : { requirements }) };
  return { ...both, ...boundedRelay(both) };
}

/**
 * Whom a source lets relay by his chain he names by its own CAs: under those that another source brings (the system's,
 * asked for so that certificates are seen) strangers would fit. So only those stay who need no CA.
 */
function boundedRelay({ relayByCertificate, clientAnchors }: InboundRule): Pick<InboundRule, "relayByCertificate"> {
  if (relayByCertificate === undefined || clientAnchors === undefined) return {};
  const { value, from } = relayByCertificate;
  if (from.source === clientAnchors.from.source) return {};
  const pins = "pins" in value ? value.pins : [];
  return { relayByCertificate: { value: { kind: "match", pins, names: [], issuers: [] }, from } };
}

function consider(answers: readonly InboundRule[], merged: InboundRule): ConsideredSetting[] {
  const settings = new Set(answers.flatMap((answer) => Object.keys(answer) as (keyof InboundRule)[]));
  return [...settings].toSorted().flatMap((setting) => {
    if (setting === "requirements") return [];
    const [winner, ...passedOver] = answers.flatMap((answer) => answer[setting] ?? []) as Sourced<unknown>[];
    return winner === undefined ? [] : [{ setting, ...winner, value: merged[setting]?.value, passedOver }];
  });
}
