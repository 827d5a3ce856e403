/**
 * What becomes of our own rules beside the configuration of another mail server. That answers for all mail, so whatever
 * stands after it is never asked; and a rule of ours that stands before it answers in its place, also where it says
 * nothing of the level. Neither is what its author meant: both are reported.
 */
import { parentOf } from "../mail/domain.ts";
import { type DomainPattern, formatDomainPattern } from "../mail/domain-pattern.ts";
import type { ScopedRule } from "../policy/scoped-rules.ts";
import type { Loading } from "./loading.ts";
import { nameOf, type PolicyOrder } from "./policy-sources.ts";
import type { Binding } from "./settings.ts";

type Scope = ScopedRule["scope"];

export function checkOrder(
  order: PolicyOrder,
  rules: readonly ScopedRule[],
  bindings: ReadonlyMap<string, Binding>,
  loading: Loading,
): void {
  const first = order.find((source) => source !== "letterlock");
  const [top] = rules;
  if (first === undefined || top === undefined) return;
  if (order[0] !== "letterlock") {
    const message = `the TLS rules of this file are never asked: ${nameOf(first)} before them answers for all mail`;
    loading.problems.warning(placeOf(top), message, "put letterlock first in policy:");
    return;
  }
  if (top.settings.level !== undefined && Object.keys(top.scope).length === 0) {
    const message = `this level holds for all mail: ${nameOf(first)} is never asked`;
    loading.problems.warning(placeOf(top), message, "write it at the domains, hosts or bindings that are meant");
    return;
  }
  // A level that ends some day is none to rely on.
  const lasting = rules.filter(({ settings }) => settings.level !== undefined && settings.exception === undefined);
  const levels = new Set(lasting.map(({ scope }) => key(scope)));
  for (const rule of rules) {
    if (rule.settings.level !== undefined || around(rule.scope, bindings).some((scope) => levels.has(key(scope))))
      continue;
    const message = `without a level this rule means level may, whatever ${nameOf(first)} says`;
    loading.problems.warning(placeOf(rule), message, "give it a level");
  }
}

function placeOf({ from }: ScopedRule): Readonly<{ line: number; column: number }> {
  return { line: from.line ?? 1, column: from.column ?? 1 };
}

/** The scope itself and all wider ones that hold wherever it holds. */
function around(
  { nexthop, domain, host, binding, group }: Scope,
  bindings: ReadonlyMap<string, Binding>,
): readonly Scope[] {
  const outer = group ?? bindings.get(binding ?? "")?.group;
  const senders: Scope[] = [{}, ...(binding === undefined ? [] : [{ binding }])];
  if (outer !== undefined) senders.push({ group: outer });
  const destinations = withParents(domain).flatMap((wider): Scope[] => {
    const scope: Scope = wider === undefined ? {} : { domain: wider };
    return withParents(host).map((name) => (name === undefined ? scope : { ...scope, host: name }));
  });
  if (nexthop !== undefined) destinations.push({ nexthop });
  return senders.flatMap((sender) => destinations.map((destination) => ({ ...sender, ...destination })));
}

/** The pattern, all that cover it, and no pattern at all. */
function withParents(pattern: DomainPattern | undefined): readonly (DomainPattern | undefined)[] {
  if (pattern === undefined) return [undefined];
  const found: (DomainPattern | undefined)[] = [pattern];
  const name = pattern.kind === "any" ? undefined : pattern.domain;
  for (let parent = name && parentOf(name); parent !== undefined; parent = parentOf(parent)) {
    found.push({ kind: "below", domain: parent });
  }
  return [...found, { kind: "any" }, undefined];
}

function key({ nexthop, domain, host, binding, group }: Scope): string {
  return [nexthop, domain && formatDomainPattern(domain), host && formatDomainPattern(host), binding, group].join("|");
}
