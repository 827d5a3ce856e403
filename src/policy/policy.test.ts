import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDomain } from "../mail/domain.ts";
import { builtInRule } from "./decide.ts";
import { createPolicy } from "./policy.ts";
import type { Candidate, OutboundQuestion, PolicySource } from "./rules.ts";

const recipientDomain = parseDomain("a.test");
assert.ok(recipientDomain);
const question: OutboundQuestion = {
  sender: undefined,
  recipient: { text: "x@a.test", localPart: "x", host: { kind: "domain", domain: recipientDomain } },
  recipientDomain,
  nexthop: { kind: "mx", domain: recipientDomain, port: 25 },
  binding: "default",
  bindingGroup: undefined,
  host: undefined,
  address: undefined,
  now: 0,
};

function source(name: string, answers: boolean, more: Partial<PolicySource> = {}): PolicySource {
  const candidate = (verdict: Candidate["verdict"]): Candidate => ({
    from: { source: name, file: undefined, line: undefined, column: undefined, scope: "everywhere" },
    verdict,
    settings: [],
  });
  return {
    name,
    outbound: () => (answers ? builtInRule : undefined),
    candidates: () => [candidate("wins"), candidate("adds"), candidate("expired")],
    ...more,
  };
}

test("candidates: what stands behind the source that answered is shadowed, but for demands", () => {
  const verdicts = (...sources: readonly PolicySource[]): string =>
    createPolicy(sources)
      .candidates(question)
      .map(({ from, verdict }) => `${from.source} ${verdict}`)
      .join(", ");
  const demanding = source("c", true, { requirements: () => [] });
  assert.equal(
    verdicts(source("a", true), source("b", true), demanding),
    "a wins, a adds, a expired, b shadowed, b shadowed, b expired, c shadowed, c adds, c expired",
  );
  assert.equal(verdicts(source("a", false), source("b", true)), "a wins, a adds, a expired, b wins, b adds, b expired");
});
