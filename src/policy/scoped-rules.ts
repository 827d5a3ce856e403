/**
 * Letterlock's own rules: settings written at scopes, each setting resolved on its own, the most specific scope first.
 * A scope is a place in two dimensions: whom the mail goes to (nexthop, recipient domain, MX host) and as whom we send
 * it (binding, its group). Where a rule stands decides, never the order in the file:
 *
 *   1. a nexthop as routing wrote it (`[mx.example.com]:25`), then its `.parent`s, the longest first
 *   2. an exact domain; within it first an MX host named there
 *   3. `.parent` domains, the longest first; within each first its MX hosts
 *   4. an MX host on its own (exact, then `.parent`)
 *   5. domain `*`; within it first its MX hosts
 *   6. no destination at all
 *
 * and at each of these: binding before group before global. So what is agreed with a partner is never weakened by what
 * a binding says in general (docs/decisions/0002-scopes.md).
 */
import { LRUCache } from "lru-cache";
import { domainOf } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";
import { type DomainPattern, DomainTable } from "../mail/domain-pattern.ts";
import { formatNexthop, type Nexthop } from "../mail/nexthop.ts";
import { builtInRule } from "./decide.ts";
import type {
  Candidate,
  ClearTextFallback,
  Fallback,
  Origin,
  OutboundQuestion,
  PeerRequirement,
  PolicySource,
  Sourced,
  TlsRule,
} from "./rules.ts";

export type ScopedSettings = Omit<Partial<TlsRule>, "requirements"> &
  Readonly<{
    /**
     * Demands in Sendmail's form: of the MX host, and of the recipient's mail; both must be met. `none` takes back what
     * a wider scope demands.
     */
    hostDemand?: Sourced<PeerRequirement | "none">;
    recipientDemand?: Sourced<PeerRequirement | "none">;
  }>;

/** Settings written at one scope; an absent coordinate means "any". */
export type ScopedRule = Readonly<{
  scope: Readonly<{
    group?: string;
    binding?: string;
    domain?: DomainPattern;
    host?: DomainPattern;
    /** Stands alone: `example.com`, `.example.com`, `[mx.example.com]:26`. */
    nexthop?: string;
  }>;
  settings: ScopedSettings;
  from: Origin;
}>;

type Numbered = ScopedRule & Readonly<{ number: number }>;

/** What one binding, one group or everybody says, by destination. */
class Layer {
  readonly domains = new DomainTable<DestinationRules>();
  readonly hosts = new DomainTable<Numbered>();
  readonly nexthops = new Map<string, Numbered>();
  plain: Numbered | undefined;

  add(rule: Numbered): void {
    const { domain, host, nexthop } = rule.scope;
    if (nexthop !== undefined) {
      this.nexthops.set(nexthop.toLowerCase(), rule);
      return;
    }
    if (domain === undefined) {
      if (host === undefined) this.plain = rule;
      else this.hosts.set(host, rule);
      return;
    }
    const known = this.domains.get(domain);
    const rules = known ?? { pattern: domain, plain: undefined, hosts: undefined };
    if (known === undefined) this.domains.set(domain, rules);
    if (host === undefined) rules.plain = rule;
    else {
      rules.hosts ??= new DomainTable<Numbered>();
      rules.hosts.set(host, rule);
    }
  }
}

type DestinationRules = {
  readonly pattern: DomainPattern;
  plain: Numbered | undefined;
  hosts: DomainTable<Numbered> | undefined;
};

const cacheSize = 20_000;

/** Rules of equal scope: the later one replaces the earlier (the loader reports such doubles). */
export function compileScopedRules(rules: readonly ScopedRule[], name = "letterlock"): PolicySource {
  const layers = new Map<string, Layer>();
  rules.forEach((rule, number) => {
    const key = layerKey(rule.scope);
    const layer = layers.get(key) ?? new Layer();
    layers.set(key, layer);
    layer.add({ ...rule, number });
  });
  const merged = new LRUCache<string, TlsRule>({ max: cacheSize });

  function applicable(question: OutboundQuestion): Numbered[] {
    const { binding, bindingGroup } = question;
    const mine: Layer[] = [];
    for (const key of [`b:${binding}`, bindingGroup === undefined ? undefined : `g:${bindingGroup}`, ""]) {
      const layer = key === undefined ? undefined : layers.get(key);
      if (layer !== undefined) mine.push(layer);
    }
    const byNexthop = inOrderOfNexthops(mine, question.nexthop);
    const others = inOrder(mine, question.recipientDomain ?? domainOf(question.recipient), question.host);
    return byNexthop.length === 0 ? others : [...byNexthop, ...others];
  }

  const demanding = rules.some(({ settings }) => settings.hostDemand ?? settings.recipientDemand);
  const live = (question: OutboundQuestion): Numbered[] =>
    applicable(question).filter((rule) => !isExpired(rule, question.now));

  return {
    name,
    ...(demanding ? { requirements: (question) => demandsOf(live(question)) } : {}),
    outbound(question) {
      const found = live(question);
      if (found.length === 0) return undefined;
      const key = found.map((rule) => rule.number).join(",");
      const rule = merged.get(key) ?? merge(found);
      merged.set(key, rule);
      return rule;
    },
    candidates(question) {
      return describeCandidates(applicable(question), question.now);
    },
  };
}

function layerKey({ binding, group }: ScopedRule["scope"]): string {
  if (binding !== undefined) return `b:${binding}`;
  return group === undefined ? "" : `g:${group}`;
}

function inOrderOfNexthops(layers: readonly Layer[], nexthop: Nexthop): Numbered[] {
  const asking = layers.filter(({ nexthops }) => nexthops.size > 0);
  if (asking.length === 0) return [];
  return nexthopKeys(nexthop).flatMap((key) => asking.flatMap(({ nexthops }) => nexthops.get(key) ?? []));
}

/** As routing wrote it; a bare domain's parents too, each with a leading dot. */
function nexthopKeys(nexthop: Nexthop): string[] {
  const name = (nexthop.written ?? formatNexthop(nexthop)).toLowerCase();
  const keys = [name];
  if (/[[\]:]/.test(name)) return keys;
  for (let dot = name.indexOf("."); dot > 0; dot = name.indexOf(".", dot + 1)) keys.push(name.slice(dot));
  return keys;
}

function inOrder(layers: readonly Layer[], domain: Domain | undefined, host: Domain | undefined): Numbered[] {
  const byDomain = layers.flatMap((layer, layerNumber) =>
    layer.domains.findAll(domain).map((rules) => ({ rules, layerNumber, key: specificity(rules.pattern) })),
  );
  byDomain.sort((left, right) => right.key - left.key || left.layerNumber - right.layerNumber);
  const found: Numbered[] = [];
  const push = (rule: Numbered | undefined): void => {
    if (rule !== undefined) found.push(rule);
  };
  const pushDomains = (any: boolean): void => {
    const some = byDomain.filter(({ rules }) => (rules.pattern.kind === "any") === any);
    for (let at = 0; at < some.length; ) {
      const key = some[at]?.key;
      const peers = some.slice(at).filter((entry) => entry.key === key);
      if (host !== undefined)
        for (const { rules } of peers) for (const rule of rules.hosts?.findAll(host) ?? []) push(rule);
      for (const { rules } of peers) push(rules.plain);
      at += peers.length;
    }
  };
  pushDomains(false);
  if (host !== undefined) for (const layer of layers) for (const rule of layer.hosts.findAll(host)) push(rule);
  pushDomains(true);
  for (const layer of layers) push(layer.plain);
  return found;
}

/** Larger is more specific: the exact name, then the length of the `.parent`, then `*`. */
function specificity(pattern: DomainPattern): number {
  if (pattern.kind === "any") return -1;
  return pattern.kind === "exact" ? 1000 : pattern.domain.length;
}

function isExpired({ settings }: ScopedRule, now: number): boolean {
  return settings.exception !== undefined && settings.exception.value.expiresAt <= now;
}

function demandsOf(rules: readonly Numbered[]): readonly PeerRequirement[] {
  const ofHost = rules.find(({ settings }) => settings.hostDemand)?.settings.hostDemand;
  const ofRecipient = rules.find(({ settings }) => settings.recipientDemand)?.settings.recipientDemand;
  return [ofHost, ofRecipient].flatMap((demand) =>
    demand === undefined || demand.value === "none" ? [] : [demand.value],
  );
}

/** Each setting from the first rule that has it; the exception shown is that of the rule which gave the level. */
function merge(rules: readonly Numbered[]): TlsRule {
  let result: ScopedSettings = {};
  for (const { settings } of rules) {
    const { exception, hostDemand: _, recipientDemand: __, ...rest } = settings;
    const givesLevel = result.level === undefined && settings.level !== undefined;
    result = { ...rest, ...result, ...(givesLevel && exception !== undefined ? { exception } : {}) };
  }
  return { level: builtInRule.level, ...result };
}

function describeCandidates(rules: readonly Numbered[], now: number): Candidate[] {
  const taken = new Set<string>();
  let won = false;
  return rules.map((rule): Candidate => {
    const names = Object.keys(rule.settings).filter((key) => key !== "exception");
    const settings = names.map((key) => `${settingName(key)}: ${describeSetting(rule.settings, key)}`);
    if (isExpired(rule, now)) return { from: rule.from, settings, verdict: "expired" };
    const fresh = names.filter((key) => !taken.has(key));
    for (const key of fresh) taken.add(key);
    if (!won && fresh.includes("level")) {
      won = true;
      return { from: rule.from, settings, verdict: "wins" };
    }
    return { from: rule.from, settings, verdict: fresh.length > 0 ? "adds" : "shadowed" };
  });
}

function settingName(key: string): string {
  const names: Record<string, string> = {
    anchors: "ca",
    hostDemand: "demand-of-host",
    recipientDemand: "demand-of-recipient",
  };
  return names[key] ?? key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function describeSetting(settings: ScopedSettings, key: string): string {
  const value: unknown = settings[key as keyof ScopedSettings]?.value;
  return describeValue(value);
}

/** `at-once`, `after 300s same-host unproven`: as the setting is written. */
export function describeFallback(fallback: Fallback): string {
  if (fallback.kind === "never") return "never";
  const words = [fallback.kind === "after" ? `after ${fallback.ms / 1000}s` : "at-once"];
  if (fallback.turn === "same-host") words.push("same-host");
  if (fallback.alsoUnproven === true) words.push("unproven");
  return words.join(" ");
}

type Shape = Readonly<
  Partial<Record<"kind" | "name" | "text" | "files" | "digest" | "of" | "algorithm" | "min" | "max", unknown>>
>;

/** A setting's value in words, as an operator would write it. */
export function describeValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(describeValue).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  const shape: Shape = value;
  if (shape.kind === "name") return String(shape.name);
  if (shape.kind === "below") return `.${String(shape.name)}`;
  if (shape.kind === "after" || shape.kind === "at-once") return describeFallback(value as ClearTextFallback);
  if (shape.kind === "bundle") return describeValue(shape.files);
  if (typeof shape.kind === "string") return shape.kind;
  if (typeof shape.text === "string") return shape.text;
  if (typeof shape.digest === "string") return `${String(shape.of)}:${String(shape.algorithm)}:${shape.digest}`;
  if (typeof shape.min === "string")
    return shape.min === shape.max ? shape.min : `${shape.min} to ${String(shape.max)}`;
  if (typeof shape.name === "string") return shape.name;
  return "set";
}
