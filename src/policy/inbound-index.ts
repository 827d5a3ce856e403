/**
 * Which of many rules may apply, found without looking at all of them. Each rule is kept under the values of that one
 * of its conditions that the fewest rules share; a question visits the rules under its own values, in the order of the
 * list. Whether a visited rule applies is for the visitor to find out.
 */
import { AddressTable } from "../mail/address-table.ts";
import type { Domain } from "../mail/domain.ts";
import { type DomainPattern, DomainTable, formatDomainPattern } from "../mail/domain-pattern.ts";
import type { Cidr } from "../mail/ip.ts";
import type { ConditionKind, Coordinates, InboundConditions } from "./inbound-conditions.ts";

type DomainKind = "senderDomains" | "recipientDomains" | "clientNames";

/** Rule numbers in ascending order. */
type Numbers = number[];

type IndexedRule = Readonly<{ number: number; conditions: InboundConditions }>;

export class InboundIndex {
  readonly #always: Numbers = [];
  readonly #names = { listeners: new Map<string, Numbers>(), users: new Map<string, Numbers>() };
  readonly #domains: Readonly<Record<DomainKind, DomainTable<Numbers>>> = {
    senderDomains: new DomainTable(),
    recipientDomains: new DomainTable(),
    clientNames: new DomainTable(),
  };
  readonly #clients = new AddressTable<Numbers>();
  readonly #used = new Set<ConditionKind>();

  /**
   * @param rules in ascending order of their numbers
   * @param kinds those whose value every question will have
   */
  constructor(rules: readonly IndexedRule[], kinds: readonly ConditionKind[]) {
    const sharing = countSharing(rules, kinds);
    for (const { number, conditions } of rules) {
      const kind = rarest(conditions, kinds, sharing);
      if (kind === undefined) this.#always.push(number);
      else this.#add(kind, conditions, number);
    }
  }

  /** Each rule that may apply once, in ascending order, until `visit` returns true. */
  visit(at: Coordinates, visit: (number: number) => boolean): void {
    const lists = this.#lists(at);
    if (lists.length === 1) {
      lists[0]?.some(visit);
      return;
    }
    const positions = lists.map(() => 0);
    for (let last = -1; ; ) {
      let [least, from] = [Number.POSITIVE_INFINITY, -1];
      lists.forEach((list, which) => {
        const number = list[positions[which] ?? 0];
        if (number !== undefined && number < least) [least, from] = [number, which];
      });
      if (from < 0) return;
      positions[from] = (positions[from] ?? 0) + 1;
      if (least !== last && visit(least)) return;
      last = least;
    }
  }

  #lists({ question, senderDomain, recipientDomain }: Coordinates): Numbers[] {
    const lists = this.#always.length === 0 ? [] : [this.#always];
    const push = (found: Numbers | undefined): void => {
      if (found !== undefined) lists.push(found);
    };
    const used = this.#used;
    const domains = (kind: DomainKind, domain: Domain | undefined): void => {
      if (used.has(kind)) lists.push(...this.#domains[kind].findAll(domain));
    };
    domains("senderDomains", senderDomain);
    if (question.recipient !== undefined) domains("recipientDomains", recipientDomain);
    if (question.clientName !== undefined) domains("clientNames", question.clientName);
    push(this.#names.listeners.get(question.listener));
    if (question.user !== undefined) {
      push(this.#names.users.get(question.user));
      push(this.#names.users.get("*"));
    }
    if (used.has("clients")) lists.push(...this.#clients.findAll(question.client));
    return lists;
  }

  #add(kind: ConditionKind, conditions: InboundConditions, number: number): void {
    this.#used.add(kind);
    if (kind === "clients") for (const block of conditions.clients ?? []) addTo(this.#clients, block, number);
    else if (kind === "listeners" || kind === "users") {
      for (const name of conditions[kind] ?? []) addTo(this.#names[kind], name, number);
    } else for (const pattern of conditions[kind] ?? []) addTo(this.#domains[kind], pattern, number);
  }
}

type Table<K> = Readonly<{ get(key: K): Numbers | undefined; set(key: K, value: Numbers): unknown }>;

function addTo<K>(table: Table<K>, key: K, number: number): void {
  const numbers = table.get(key);
  if (numbers === undefined) table.set(key, [number]);
  else if (numbers.at(-1) !== number) numbers.push(number);
}

type Sharing = ReadonlyMap<ConditionKind, ReadonlyMap<string, number>>;

function countSharing(rules: readonly IndexedRule[], kinds: readonly ConditionKind[]): Sharing {
  const counts = new Map(kinds.map((kind) => [kind, new Map<string, number>()]));
  for (const { conditions } of rules) {
    if (hasOneOf(conditions, kinds)) continue;
    for (const [kind, byValue] of counts) {
      for (const value of conditions[kind] ?? []) {
        const text = textOf(value);
        byValue.set(text, (byValue.get(text) ?? 0) + 1);
      }
    }
  }
  return counts;
}

/** No choice is to be made: most rules have one kind of condition, and there may be very many. */
function hasOneOf(conditions: InboundConditions, kinds: readonly ConditionKind[]): boolean {
  let given = 0;
  for (const kind of kinds) if (conditions[kind] !== undefined) given += 1;
  return given <= 1;
}

function rarest(
  conditions: InboundConditions,
  kinds: readonly ConditionKind[],
  sharing: Sharing,
): ConditionKind | undefined {
  if (hasOneOf(conditions, kinds)) return kinds.find((kind) => conditions[kind] !== undefined);
  let [best, fewest]: [ConditionKind | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  for (const kind of kinds) {
    const values = conditions[kind];
    if (values === undefined) continue;
    let most = 0;
    for (const value of values) most = Math.max(most, sharing.get(kind)?.get(textOf(value)) ?? 0);
    if (most < fewest) [best, fewest] = [kind, most];
  }
  return best;
}

function textOf(value: string | Cidr | DomainPattern): string {
  if (typeof value === "string") return value;
  return "prefix" in value ? `${value.address}/${value.prefix}` : formatDomainPattern(value);
}
