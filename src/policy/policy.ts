/**
 * The policy as the relay asks it: several sources in a stated order, the first that answers wins, and the built-in
 * rule where none does (design: "Policy sources").
 */
import { builtInRule } from "./decide.ts";
import type { Candidate, OutboundQuestion, PolicySource, TlsRule } from "./rules.ts";

export type Policy = Readonly<{
  rule(question: OutboundQuestion): TlsRule;
  /** Every line that was considered, source by source, in order of precedence. */
  candidates(question: OutboundQuestion): readonly Candidate[];
}>;

export function createPolicy(sources: readonly PolicySource[]): Policy {
  return {
    rule(question) {
      for (const source of sources) {
        const rule = source.outbound(question);
        if (rule !== undefined) return rule;
      }
      return builtInRule;
    },
    candidates(question) {
      return sources.flatMap((source) => source.candidates(question));
    },
  };
}
