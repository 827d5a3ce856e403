/**
 * Letterlock's own inbound rules: an ordered list. The first rule all of whose conditions hold says what is demanded of
 * an envelope; of the settings for a client, each comes from the first rule that has it. Expired rules are as if they
 * were not written. While DNS cannot tell a client's name, rules that hang on names never make anything weaker
 * (`unsure-inbound.ts`).
 */
import { LRUCache } from "lru-cache";
import { anchorsId, type TrustAnchors } from "../tls/handshake-settings.ts";
import {
  type ConditionKind,
  type Coordinates,
  conditionKinds,
  coordinatesOf,
  createMatcher,
  type InboundConditions,
  type Matcher,
} from "./inbound-conditions.ts";
import { InboundIndex } from "./inbound-index.ts";
import type {
  DemandAnswer,
  EnvelopeQuestion,
  InboundDemand,
  InboundQuestion,
  InboundRule,
  Origin,
  PolicySource,
} from "./rules.ts";
import { mergeUnsure, strictestDemand, unmeetable } from "./unsure-inbound.ts";

export type ScopedInboundRule = Readonly<{
  from: Origin;
  conditions: InboundConditions;
  demand: InboundDemand | undefined;
  /** Only in rules without conditions on sender and recipient: those are not known when a client connects. */
  settings: InboundRule;
  /** ms since 1970: from then on it does not apply. */
  expiresAt: number | undefined;
}>;

type Numbered = ScopedInboundRule & Readonly<{ number: number; matches: Matcher }>;

const cacheSize = 20_000;

/** Rules that may apply by a name that is not known: above this many nothing is taken before it is. */
const maxUnsure = 100;

export function compileInboundRules(
  rules: readonly ScopedInboundRule[],
): Required<Pick<PolicySource, "inbound" | "demands" | "certificateDemands">> {
  const numbered = rules.map((rule, number) => ({ ...rule, number, matches: createMatcher(rule.conditions) }));
  const demanding = new OpenIndexes(numbered.filter(({ demand }) => demand !== undefined));
  const setting = new OpenIndexes(numbered.filter(({ settings }) => Object.keys(settings).length > 0));
  const certificates = new OpenIndexes(certificateRules(numbered));
  const merged = new LRUCache<string, InboundRule>({ max: cacheSize });
  const anchors = new LRUCache<string, readonly TrustAnchors[]>({ max: cacheSize });
  return {
    demands(question) {
      const answer = demandOf(demanding, question);
      return answer === undefined ? [] : [answer];
    },
    inbound(question) {
      const found = applicable(setting, question);
      if (found.length === 0) return undefined;
      const key = found.map(({ rule, maybe }) => `${rule.number}${maybe ? "?" : ""}`).join(",");
      const known = merged.get(key) ?? mergeUnsure(found.map(({ rule, maybe }) => ({ ...rule, maybe })));
      merged.set(key, known);
      return known;
    },
    certificateDemands(question) {
      const found = applicable(certificates, question);
      if (found.length === 0) return undefined;
      const key = found.map(({ rule }) => rule.number).join(",");
      const known = anchors.get(key) ?? distinct(found.flatMap(({ rule }) => rule.demand?.anchors ?? []));
      anchors.set(key, known);
      return known;
    },
  };
}

/** One index for each set of kinds that questions leave open; those for names that cannot be told when first needed. */
class OpenIndexes {
  readonly #rules: ReadonlyMap<number, Numbered>;
  readonly #made = new Map<string, InboundIndex>();

  constructor(rules: readonly Numbered[]) {
    this.#rules = new Map(rules.map((rule) => [rule.number, rule]));
    for (const open of [[], ["recipientDomains"]] as const) this.#index(new Set(open));
  }

  /** Rules that are not expired and whose every condition holds that is not open, in order, until `visit` says true. */
  visit(at: Coordinates, open: ReadonlySet<ConditionKind>, visit: (rule: Numbered) => boolean): void {
    if (this.#rules.size === 0) return;
    const { now } = at.question;
    this.#index(open).visit(at, (number) => {
      const rule = this.#rules.get(number);
      if (rule === undefined || (rule.expiresAt !== undefined && rule.expiresAt <= now)) return false;
      return rule.matches(at, open) && visit(rule);
    });
  }

  #index(open: ReadonlySet<ConditionKind>): InboundIndex {
    const key = [...open].join();
    const kinds = conditionKinds.filter((kind) => !open.has(kind));
    const index = this.#made.get(key) ?? new InboundIndex([...this.#rules.values()], kinds);
    this.#made.set(key, index);
    return index;
  }
}

function demandOf(rules: OpenIndexes, question: EnvelopeQuestion): DemandAnswer | undefined {
  const open = new Set<ConditionKind>();
  if (question.recipient === undefined) open.add("recipientDomains");
  if (question.clientNameUnknown) open.add("clientNames");
  const maybe: InboundDemand[] = [];
  let [certain, later]: [InboundDemand | undefined, boolean] = [undefined, false];
  rules.visit(coordinatesOf(question), open, ({ demand, conditions }) => {
    later = question.recipient === undefined && conditions.recipientDomains !== undefined;
    if (later || demand === undefined) return true;
    const hangsOnName = question.clientNameUnknown === true && conditions.clientNames !== undefined;
    if (hangsOnName) maybe.push(demand);
    else certain = demand;
    return !hangsOnName || maybe.length >= maxUnsure;
  });
  if (later) return { kind: "at-recipient" };
  const found = maybe.length < maxUnsure ? strictestDemand(maybe, certain) : unmeetable(maybe);
  if (found === undefined) return undefined;
  return { kind: "demand", demand: found.demand, ...(found.unsure ? { unsure: true as const } : {}) };
}

type Applicable = Readonly<{ rule: Numbered; maybe: boolean }>;

function applicable(rules: OpenIndexes, question: InboundQuestion): readonly Applicable[] {
  const found: Applicable[] = [];
  const open = new Set<ConditionKind>(question.clientNameUnknown ? ["clientNames"] : []);
  rules.visit(coordinatesOf({ ...question, sender: undefined, recipient: undefined }), open, (rule) => {
    found.push({ rule, maybe: question.clientNameUnknown === true && rule.conditions.clientNames !== undefined });
    return false;
  });
  return found;
}

/**
 * Who may have to show a certificate, told before the handshake by address and name alone: rules that differ only in
 * what is known later are one.
 */
function certificateRules(rules: readonly Numbered[]): Numbered[] {
  const kinds = new Map<string, Numbered>();
  for (const rule of rules) {
    const { level, anchors } = rule.demand ?? {};
    if (level !== "trusted" && level !== "matching") continue;
    const { listeners, clients, clientNames } = rule.conditions;
    const conditions = {
      ...(listeners === undefined ? {} : { listeners }),
      ...(clients === undefined ? {} : { clients }),
      ...(clientNames === undefined ? {} : { clientNames }),
    };
    const key = JSON.stringify([conditions, anchors && anchorsId(anchors)]);
    const known = kinds.get(key);
    const expiresAt = known === undefined ? rule.expiresAt : laterOf(known.expiresAt, rule.expiresAt);
    kinds.set(key, { ...(known ?? rule), conditions, expiresAt, matches: createMatcher(conditions) });
  }
  return [...kinds.values()];
}

function laterOf(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : Math.max(left, right);
}

function distinct(anchors: readonly TrustAnchors[]): readonly TrustAnchors[] {
  return [...new Map(anchors.map((each) => [anchorsId(each), each])).values()];
}
