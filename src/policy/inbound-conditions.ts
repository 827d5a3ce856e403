/**
 * To whom one of our own inbound rules applies: up to six kinds of conditions, any value of each, all kinds that are
 * given. What is not known yet (the recipient at MAIL, a name that DNS cannot tell now) is left open by the one who asks.
 */
import { domainOf, type IpAddress } from "../mail/address.ts";
import { AddressTable } from "../mail/address-table.ts";
import type { Domain } from "../mail/domain.ts";
import { type DomainPattern, DomainTable, formatDomainPattern } from "../mail/domain-pattern.ts";
import { type Cidr, inCidr, isIpv6 } from "../mail/ip.ts";
import type { EnvelopeQuestion } from "./rules.ts";

/** Each list has at least one value. */
export type InboundConditions = Readonly<{
  /** By name. */
  listeners?: readonly string[];
  clients?: readonly Cidr[];
  /** Of the verified PTR name; `*`: whoever has one. */
  clientNames?: readonly DomainPattern[];
  /** `*`: whoever logged in. */
  users?: readonly string[];
  /** `*` is the null sender too. */
  senderDomains?: readonly DomainPattern[];
  recipientDomains?: readonly DomainPattern[];
}>;

export type ConditionKind = keyof InboundConditions;

export const conditionKinds = [
  "senderDomains",
  "recipientDomains",
  "clients",
  "users",
  "clientNames",
  "listeners",
] as const satisfies readonly ConditionKind[];

/** An envelope as conditions look at it. */
export type Coordinates = Readonly<{
  question: EnvelopeQuestion;
  senderDomain: Domain | undefined;
  recipientDomain: Domain | undefined;
}>;

export function coordinatesOf(question: EnvelopeQuestion): Coordinates {
  const { sender, recipient } = question;
  return {
    question,
    senderDomain: sender && domainOf(sender),
    recipientDomain: recipient && domainOf(recipient),
  };
}

export type Matcher = (at: Coordinates, open: ReadonlySet<ConditionKind>) => boolean;

/** @returns whether every kind that is given and not open holds */
export function createMatcher(conditions: InboundConditions): Matcher {
  const tests = conditionKinds.flatMap((kind): (readonly [ConditionKind, (at: Coordinates) => boolean])[] => {
    const test = testOf(kind, conditions);
    return test === undefined ? [] : [[kind, test]];
  });
  return (at, open) => tests.every(([kind, test]) => open.has(kind) || test(at));
}

function testOf(kind: ConditionKind, conditions: InboundConditions): ((at: Coordinates) => boolean) | undefined {
  switch (kind) {
    case "listeners": {
      const names = conditions.listeners && new Set(conditions.listeners);
      return names && (({ question }) => names.has(question.listener));
    }
    case "users": {
      const names = conditions.users && new Set(conditions.users);
      return names && (({ question: { user } }) => user !== undefined && (names.has(user) || names.has("*")));
    }
    case "clients": {
      const covers = conditions.clients && blocksTest(conditions.clients);
      return covers && (({ question }) => covers(question.client));
    }
    case "clientNames": {
      const covers = conditions.clientNames && domainsTest(conditions.clientNames);
      return covers && (({ question: { clientName: name } }) => name !== undefined && covers(name));
    }
    case "senderDomains": {
      const covers = conditions.senderDomains && domainsTest(conditions.senderDomains);
      return covers && ((at) => covers(at.senderDomain));
    }
    case "recipientDomains": {
      const covers = conditions.recipientDomains && domainsTest(conditions.recipientDomains);
      return covers && ((at) => covers(at.recipientDomain));
    }
  }
}

/** A table for each of very many rules would cost more memory than a look at a few values costs time. */
const fewValues = 4;

function domainsTest(patterns: readonly DomainPattern[]): (name: Domain | undefined) => boolean {
  if (patterns.length <= fewValues) return (name) => patterns.some((pattern) => coversDomain(pattern, name));
  const table = new DomainTable<true>();
  for (const pattern of patterns) table.set(pattern, true);
  return (name) => table.find(name) === true;
}

function coversDomain(pattern: DomainPattern, name: Domain | undefined): boolean {
  if (pattern.kind === "any") return true;
  if (name === undefined) return false;
  return pattern.kind === "exact" ? name === pattern.domain : name.endsWith(`.${pattern.domain}`);
}

function blocksTest(blocks: readonly Cidr[]): (address: IpAddress) => boolean {
  if (blocks.length <= fewValues) return (address) => blocks.some((block) => inCidr(address, block));
  const table = new AddressTable<true>();
  for (const block of blocks) table.set(block, true);
  return (address) => table.findAll(address).length > 0;
}

/** Lists whose comparison would cost more steps than this are not compared. */
const maxComparisons = 10_000;

/** Does everything that fulfils `inner` fulfil `outer` too? No where that takes several values of `outer` together. */
export function coversConditions(outer: InboundConditions, inner: InboundConditions): boolean {
  return conditionKinds.every((kind) => {
    const [wide, narrow] = [outer[kind], inner[kind]];
    if (wide === undefined) return true;
    if (narrow === undefined || narrow.length * wide.length > maxComparisons) return false;
    return narrow.every((value) => wide.some((other) => coversValue(other, value)));
  });
}

type Value = string | Cidr | DomainPattern;

function coversValue(outer: Value, inner: Value): boolean {
  if (typeof outer === "string" || typeof inner === "string") return outer === inner || outer === "*";
  if ("prefix" in outer) return "prefix" in inner && coversBlock(outer, inner);
  if (outer.kind === "any") return true;
  if ("prefix" in inner || inner.kind === "any") return false;
  if (outer.kind === "exact") return inner.kind === "exact" && inner.domain === outer.domain;
  return inner.domain.endsWith(`.${outer.domain}`) || (inner.kind === "below" && inner.domain === outer.domain);
}

function coversBlock(outer: Cidr, inner: Cidr): boolean {
  return (
    isIpv6(outer.address) === isIpv6(inner.address) && outer.prefix <= inner.prefix && inCidr(inner.address, outer)
  );
}

/** In the order in which one writes them. */
const written = [
  "listeners",
  "clients",
  "clientNames",
  "users",
  "senderDomains",
  "recipientDomains",
] as const satisfies readonly ConditionKind[];

/** `listeners mx; clients 192.0.2.0/24`, each as it is written, for logs. */
export function describeConditions(conditions: InboundConditions): string {
  const parts = written.flatMap((kind) => {
    const values = conditions[kind];
    if (values === undefined) return [];
    const words = kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const shown = values.slice(0, 3).map(describeValue).join(", ");
    return [`${words} ${shown}${values.length > 3 ? ` and ${values.length - 3} more` : ""}`];
  });
  return parts.length === 0 ? "everybody" : parts.join("; ");
}

function describeValue(value: Value): string {
  if (typeof value === "string") return value;
  return "prefix" in value ? `${value.address}/${value.prefix}` : formatDomainPattern(value);
}
