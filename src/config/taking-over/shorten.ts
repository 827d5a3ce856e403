/**
 * Settings that a wider rule gives anyway, left out: an operator has to read and own what was taken over.
 *
 * A setting is left out only where every rule that may stand behind this one for some mail says the same of it or
 * nothing, and the rule for everything says it too, or nobody does and it is the built-in value. So whatever mail asks,
 * it finds the same value as before (docs/decisions/0002-scopes.md has the order of scopes).
 */
import { formatDomainPattern } from "../../mail/domain-pattern.ts";
import type { ExportedRule } from "../../policy/dialects/dialect.ts";
import type { Sourced, TlsRule } from "../../policy/rules.ts";
import type { ScopedSettings } from "../../policy/scoped-rules.ts";
import { defaultCiphers, defaultGroups } from "../../tls/client-context.ts";

type Rule = Extract<ExportedRule, { kind: "rule" }>;
type Scope = Rule["scope"];

/** What `decide.ts` takes where nobody says anything, whatever the level. */
const builtIn: Partial<Record<keyof TlsRule, unknown>> = {
  anchors: { kind: "system" },
  pins: [],
  protocols: { min: "TLSv1.2", max: "TLSv1.3" },
  ciphers: defaultCiphers,
  groups: defaultGroups,
  minCipherBits: 0,
  sni: { kind: "hostname" },
  fallback: { kind: "after", ms: 300_000 },
  onFailure: "defer",
  proof: "nothing",
  commonName: "never",
  mxPatterns: ["*"],
  wording: "letterlock",
  refuse: false,
  mode: "enforce",
};

/** What a value's text leaves out. */
const notContents = new Set(["from", "pem", "files", "privateKey", "certificateChain"]);
const builtInText = new Map(Object.entries(builtIn).map(([name, value]) => [name, textOf(value)]));

/** @param groupOf the group of a binding */
export function shorten(
  rules: readonly Rule[],
  groupOf: (binding: string) => string | undefined,
): readonly ScopedSettings[] {
  const said = new Said(rules);
  return rules.map(({ scope, settings }) => {
    const behind = said.behind(scope, groupOf);
    const needed = ([name, { value }]: [string, Sourced<unknown>]): boolean => {
      if (name === "level") return true;
      const text = textOf(value);
      return isEverything(scope) ? builtInText.get(name) !== text : !said.isGivenAnyway(name, text, behind);
    };
    return Object.fromEntries(Object.entries(settings).filter(needed));
  });
}

/** By setting: the values, as texts. */
type Values = Map<string, Set<string>>;

/** Who says what, by layer (binding, group, everybody) and by destination. */
class Said {
  readonly #layers = new Map<string, Map<string, Values>>();
  readonly #everything: ReadonlyMap<string, string>;

  constructor(rules: readonly Rule[]) {
    let everything: ScopedSettings = {};
    for (const { scope, settings } of rules) {
      if (isEverything(scope)) everything = { ...settings, ...everything };
      const layer = remember(this.#layers, layerOf(scope), () => new Map<string, Values>());
      for (const destination of destinationsOf(scope)) {
        const values = remember(layer, destination, () => new Map<string, Set<string>>());
        for (const [name, { value }] of Object.entries(settings)) {
          remember(values, name, () => new Set<string>()).add(textOf(value));
        }
      }
    }
    this.#everything = new Map(Object.entries(everything).map(([name, { value }]) => [name, textOf(value)]));
  }

  /** What rules say that may stand behind this one for some mail; more than that does no harm. */
  behind(scope: Scope, groupOf: (binding: string) => string | undefined): readonly Values[] {
    const group = scope.binding === undefined ? undefined : groupOf(scope.binding);
    const names =
      scope.binding === undefined
        ? [...this.#layers.keys()]
        : [`b:${scope.binding}`, ...(group === undefined ? [] : [`g:${group}`]), ""];
    const destinations = widerThan(scope);
    return names.flatMap((name) => {
      const layer = this.#layers.get(name);
      return layer === undefined ? [] : destinations.flatMap((destination) => layer.get(destination) ?? []);
    });
  }

  isGivenAnyway(name: string, value: string, behind: readonly Values[]): boolean {
    if (behind.some((values) => [...(values.get(name) ?? [])].some((other) => other !== value))) return false;
    const inGeneral = this.#everything.get(name);
    const byDefault = builtInText.get(name) === value;
    return inGeneral === undefined ? byDefault : inGeneral === value;
  }
}

function isEverything(scope: Scope): boolean {
  return Object.values(scope).every((coordinate) => coordinate === undefined);
}

function layerOf({ binding, group }: Scope): string {
  if (binding !== undefined) return `b:${binding}`;
  return group === undefined ? "" : `g:${group}`;
}

/** Any of these may stand behind any rule for a nexthop. */
const noNexthop = "no nexthop";
/** Rules for MX hosts, whatever the domain: any of them may stand behind any other rule. */
const someHost = "some host";
const everywhere = "everywhere";

function destinationsOf({ domain, host, nexthop }: Scope): readonly string[] {
  if (nexthop !== undefined) return [`nexthop ${nexthop.toLowerCase()}`];
  if (host !== undefined) return [noNexthop, someHost];
  return [noNexthop, domain === undefined ? everywhere : `domain ${formatDomainPattern(domain)}`];
}

/** Its own destination too: other layers may say something there. */
function widerThan({ domain, nexthop }: Scope): readonly string[] {
  if (nexthop !== undefined) {
    const key = nexthop.toLowerCase();
    return [...[key, ...parentsOf(key)].map((name) => `nexthop ${name}`), noNexthop];
  }
  const ends = [someHost, "domain *", everywhere];
  if (domain === undefined || domain.kind === "any") return ends;
  const name = formatDomainPattern(domain);
  return [...[name, ...parentsOf(name)].map((key) => `domain ${key}`), ...ends];
}

function parentsOf(name: string): string[] {
  const parents: string[] = [];
  for (let dot = name.indexOf(".", 1); dot >= 0; dot = name.indexOf(".", dot + 1)) parents.push(name.slice(dot));
  return parents;
}

/** Equal for values that mean the same: certificates by their contents, demands without their lines. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, contents);
}

function contents(key: string, value: unknown): unknown {
  if (value instanceof Set) return [...value];
  return notContents.has(key) ? undefined : value;
}

function remember<K, T>(known: Map<K, T>, key: K, make: () => T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  return made;
}
