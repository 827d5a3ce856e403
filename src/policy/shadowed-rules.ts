/**
 * Inbound rules that can never decide anything, since an earlier one covers all that they say: mistakes worth a warning.
 */
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import type { DomainPattern } from "../mail/domain-pattern.ts";
import { type Coordinates, conditionKinds, coversConditions, type InboundConditions } from "./inbound-conditions.ts";
import { InboundIndex } from "./inbound-index.ts";
import type { ScopedInboundRule } from "./scoped-inbound.ts";

export type Shadowed = Readonly<{ rule: ScopedInboundRule; by: ScopedInboundRule }>;

/** One rule is compared with so many earlier ones that look like it. */
const maxCompared = 100;

/** Rules that end shadow nothing. Not every shadowed rule is found: see `coversConditions`. */
export function shadowedRules(rules: readonly ScopedInboundRule[]): readonly Shadowed[] {
  const lasting = rules
    .map(({ conditions, expiresAt }, number) => ({ conditions, expiresAt, number }))
    .filter(({ expiresAt }) => expiresAt === undefined);
  const index = new InboundIndex(lasting, conditionKinds);
  return rules.flatMap((rule, number): Shadowed[] => {
    let by: ScopedInboundRule | undefined;
    let compared = 0;
    index.visit(exampleOf(rule.conditions), (earlier) => {
      const other = earlier < number ? rules[earlier] : undefined;
      if (other !== undefined && coversRule(other, rule)) by = other;
      compared += 1;
      return other === undefined || by !== undefined || compared >= maxCompared;
    });
    return by === undefined ? [] : [{ rule, by }];
  });
}

function coversRule(outer: ScopedInboundRule, inner: ScopedInboundRule): boolean {
  if (inner.demand !== undefined && outer.demand === undefined) return false;
  if (!Object.keys(inner.settings).every((key) => Object.hasOwn(outer.settings, key))) return false;
  return coversConditions(outer.conditions, inner.conditions);
}

/** An envelope that the rule is about, by the first value of each kind: whatever covers the rule covers it. */
function exampleOf({
  listeners,
  clients,
  clientNames,
  users,
  senderDomains,
  recipientDomains,
}: InboundConditions): Coordinates {
  const clientName = clientNames && (exampleName(clientNames[0]) ?? ("example" as Domain));
  const question = {
    listener: listeners?.[0] ?? "",
    localAddress: undefined,
    localPort: undefined,
    client: clients?.[0]?.address ?? ("0.0.0.0" as IpAddress),
    clientName,
    user: users?.[0],
    now: 0,
    sender: undefined,
    recipient: recipientDomains && { text: "postmaster", localPart: "postmaster", host: undefined },
  };
  const [senderDomain, recipientDomain] = [exampleName(senderDomains?.[0]), exampleName(recipientDomains?.[0])];
  return { question, senderDomain, recipientDomain };
}

function exampleName(pattern: DomainPattern | undefined): Domain | undefined {
  if (pattern === undefined || pattern.kind === "any") return undefined;
  return pattern.kind === "exact" ? pattern.domain : (`x.${pattern.domain}` as Domain);
}
