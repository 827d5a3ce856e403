/**
 * The policy as the relay asks it: several sources in a stated order, the first that answers wins, and the built-in
 * rule where none does; demands in Sendmail's form come on top, from every source (design: "Policy sources").
 */
import type { Mailbox } from "../mail/address.ts";
import { builtInRule } from "./decide.ts";
import type { Candidate, OutboundQuestion, PolicySource, TlsRule } from "./rules.ts";

export type Policy = Readonly<{
  rule(question: OutboundQuestion): TlsRule;
  /** Recipients of one domain with different keys may stand under different rules. */
  recipientKey(recipient: Mailbox): string;
  /** Every line that was considered, source by source, in order of precedence. */
  candidates(question: OutboundQuestion): readonly Candidate[];
}>;

export function createPolicy(sources: readonly PolicySource[]): Policy {
  const demanding = sources.filter(({ requirements }) => requirements !== undefined);
  const keyed = sources.filter(({ recipientKey }) => recipientKey !== undefined);
  return {
    rule(question) {
      const rule = firstAnswer(sources, question);
      const requirements = demanding.flatMap((source) => source.requirements?.(question) ?? []);
      return requirements.length === 0 ? rule : { ...rule, requirements };
    },
    recipientKey(recipient) {
      return keyed.map((source) => source.recipientKey?.(recipient) ?? "").join("|");
    },
    candidates(question) {
      let answered = false;
      return sources.flatMap((source) => {
        const own = source.candidates(question);
        const seen = answered ? own.map((candidate) => passedOver(candidate, source)) : own;
        answered ||= source.outbound(question) !== undefined;
        return seen;
      });
    },
  };
}

/** Of a source that comes behind the one that answered only the demands count: they come on top of any rule. */
function passedOver(candidate: Candidate, { requirements }: PolicySource): Candidate {
  const counts = candidate.verdict === "expired" || (candidate.verdict === "adds" && requirements !== undefined);
  return counts ? candidate : { ...candidate, verdict: "shadowed" };
}

function firstAnswer(sources: readonly PolicySource[], question: OutboundQuestion): TlsRule {
  for (const source of sources) {
    const rule = source.outbound(question);
    if (rule !== undefined) return rule;
  }
  return builtInRule;
}
