/**
 * The policy in our own terms, for `letterlock import`: a rule for each next-hop that some policy table or transport names,
 * each `.parent` of a table, and everything else. Each is what Postfix answers there, whichever table said it.
 *
 * Never weaker: where a pattern may answer first, and where one next-hop is asked for under two transports that think
 * differently of it, the rule refuses, and is listed as what cannot be said.
 */
import { parseDomainPattern } from "../../../mail/domain-pattern.ts";
import { defaultCiphers, defaultGroups } from "../../../tls/client-context.ts";
import type { TlsLevel, TlsRule } from "../../rules.ts";
import type { ScopedSettings } from "../../scoped-rules.ts";
import type { ExportedRule, RoutingSource } from "../dialect.ts";
import type { KnownNexthops } from "./dead-lines.ts";
import { nameIn, routeAt } from "./export-places.ts";
import type { LookupTable } from "./lookup-table.ts";
import { keysToAsk, lookUpPolicy } from "./policy-table.ts";
import type { Services } from "./services.ts";
import { originOf, type SmtpClient, scopeOf } from "./smtp-client.ts";

type Rule = Extract<ExportedRule, { kind: "rule" }>;
type Cannot = Extract<ExportedRule, { kind: "cannot" }>;

export type Exported = Readonly<{
  client: SmtpClient;
  services: Services;
  known: KnownNexthops;
  routing: RoutingSource;
  /** Domains and `.parent`s that routing tells apart. */
  places: () => readonly string[];
}>;

export function exportRules(exported: Exported): readonly ExportedRule[] {
  return new Exporter(exported).run();
}

type Made = Readonly<{ rule: Rule; cannot: readonly Cannot[] }>;

/** What Postfix answers at one key. `unsure`: why it may answer something else to some. */
type Answer = Readonly<{ rule: TlsRule; written: string; unsure: string | undefined }>;

class Exporter {
  readonly #from: Exported;
  readonly #clients: ReadonlySet<SmtpClient>;
  /** By next-hop: the transports that are written with it. */
  readonly #transports = new Map<string, string[]>();

  constructor(from: Exported) {
    this.#from = from;
    this.#clients = new Set([from.client, ...from.services.clients.values()]);
    for (const { transport, nexthop } of from.known.choices) {
      this.#transports.set(nexthop, [...(this.#transports.get(nexthop) ?? []), transport]);
    }
  }

  run(): readonly ExportedRule[] {
    const made = new Map([...this.#keys()].map((key) => [key, this.#at(key)] as const));
    const rules = new Map([...made].map(([key, { rule }]) => [key, rule]));
    const needed = [...made].filter(([key, { rule }]) => !isGivenAnyway(key, rule, rules));
    return [
      ...needed.map(([, { rule }]) => complete(rule, rules)),
      ...needed.flatMap(([, { cannot }]) => cannot),
      ...[...new Set(this.#tables("pattern"))].flatMap(patternsIn),
    ];
  }

  /** The rule for everything comes last, under the empty key. */
  #keys(): ReadonlySet<string> {
    const tables = this.#tables("fixed");
    const keys = new Set(tables.flatMap((table) => table.entries().map(({ key }) => key.toLowerCase())));
    // With one opinion for all transports there is nothing to tell apart.
    if (this.#clients.size > 1) for (const key of [...this.#transports.keys(), ...this.#from.places()]) keys.add(key);
    keys.add("");
    return keys;
  }

  #tables(wanted: LookupTable["kind"]): readonly LookupTable[] {
    const all = [...this.#clients].flatMap(({ policyTables }) => policyTables);
    return all.filter(({ kind }) => kind === wanted);
  }

  #at(key: string): Made {
    const answers = [...this.#clientsFor(key)].map((client) => answerAt(client, key));
    const first = answers[0] ?? answerAt(this.#from.client, key);
    const { rule, written, unsure } = first;
    const { requirements: _, ...settings } = rule;
    const { from } = rule.level;
    const made = { kind: "rule", scope: key === "" ? {} : { nexthop: key }, from, written } as const;
    const isTorn = answers.some((one) => !means(one.rule, rule));
    if (unsure === undefined && !isTorn) return { rule: { ...made, settings }, cannot: [] };
    const why = unsure ?? `transports that lead to ${key} treat it differently`;
    const refuse = { value: `not taken over: ${why}`, from };
    const cannot = (isTorn ? answers : [first]).map((one): Cannot => {
      const said = one.written || "all other mail";
      return { kind: "cannot", from: one.rule.level.from, written: said, why: `${why}: mail waits` };
    });
    return { rule: { ...made, settings: { level: rule.level, refuse } }, cannot };
  }

  /** Who asks for this key: through transports that write it, and through the route of the domain itself. */
  #clientsFor(key: string): ReadonlySet<SmtpClient> {
    const { client, services, routing } = this.#from;
    if (this.#clients.size === 1) return this.#clients;
    const names: (string | undefined)[] = [...(this.#transports.get(key) ?? [])];
    const place = parseDomainPattern(key === "" ? "*" : key);
    if (place !== undefined) {
      const answer = routeAt(place, routing);
      const own = nameIn(place);
      const home =
        answer?.kind === "nexthops"
          ? answer.nexthops.find((one) => one.kind === "mx" && one.domain === own)
          : undefined;
      if (answer === undefined || home !== undefined) names.push(home?.service);
    }
    const asked = names.map((name) => (name === undefined ? undefined : services.clients.get(name)) ?? client);
    return new Set(asked.length === 0 ? [client] : asked);
  }
}

function patternsIn(table: LookupTable): readonly Cannot[] {
  const why = "patterns over next-hops have no counterpart: write a rule for each next-hop that they mean";
  return table.entries().map(({ key, hit }) => {
    return { kind: "cannot", from: originOf(hit, `pattern ${key}`), written: hit.from.written, why };
  });
}

function answerAt(client: SmtpClient, key: string): Answer {
  const { policyTables, siteTables, global, view } = client;
  const general = { rule: global.rule, written: levelText(client) };
  if (global.fatal) return { ...general, unsure: undefined };
  if (siteTables.length > 0) return { ...general, unsure: "smtp_tls_per_site asks for MX hosts too" };
  const place = parseDomainPattern(key === "" ? "*" : key);
  const isParent = key === "" || (key.startsWith(".") && place !== undefined);
  const asked = isParent && place !== undefined ? nameIn(place) : key;
  const answer = lookUpPolicy(policyTables, asked);
  const unsure = isParent ? patternBefore(policyTables) : undefined;
  if (answer.kind === "none") return { ...general, unsure };
  if (answer.kind === "error") return { ...general, rule: client.answerFor(asked), unsure };
  const { hit, table } = answer;
  const { from } = view.setting("smtp_tls_policy_maps");
  return { rule: client.ruleOf(hit, scopeOf(table, key || from.scope)), written: hit.from.written, unsure };
}

/** A table of patterns that may answer for some name. */
function patternBefore(tables: readonly LookupTable[]): string | undefined {
  const last = tables.findIndex(({ kind }) => kind === "constant");
  const asked = last < 0 ? tables : tables.slice(0, last);
  const found = asked.find(({ kind }) => kind === "pattern" || kind === "remote");
  return found === undefined ? undefined : `${found.spec} may say otherwise`;
}

function isGivenAnyway(key: string, rule: Rule, rules: ReadonlyMap<string, Rule>): boolean {
  if (key === "") return false;
  const around = [...keysToAsk(key).slice(1), ""].flatMap((one) => rules.get(one) ?? [])[0];
  return (
    around !== undefined &&
    around.from.line === rule.from.line &&
    around.from.file === rule.from.file &&
    means(around.settings, rule.settings)
  );
}

function means(one: object, other: object): boolean {
  return one === other || valuesOf(one) === valuesOf(other);
}

function valuesOf(settings: object): string {
  const pairs = Object.entries(settings).map(
    ([name, { value }]: [string, { value: unknown }]) => [name, value] as const,
  );
  return JSON.stringify(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What our rules take for granted where nobody says anything, whatever the level. */
const unsaid: Partial<Record<keyof ScopedSettings, unknown>> = {
  match: [{ kind: "hostname" }],
  anchors: { kind: "system" },
  pins: [],
  protocols: { min: "TLSv1.2", max: "TLSv1.3" },
  ciphers: defaultCiphers,
  groups: defaultGroups,
  clientCertificate: "none",
  sni: { kind: "hostname" },
  whenRefused: "next-host",
  commonName: "never",
  mxPatterns: ["*"],
  refuse: false,
};
const unsaidAtMay = { ...unsaid, whenRefused: "clear" };
/** All else is about TLS. */
const unsaidAtNone = { mxPatterns: unsaid.mxPatterns, refuse: unsaid.refuse };

function unsaidAt(level: TlsLevel | undefined): typeof unsaid {
  if (level === "none") return unsaidAtNone;
  return level === "may" ? unsaidAtMay : unsaid;
}

/** Postfix takes one policy whole; ours take setting by setting from wider ones what a rule does not say itself. */
function complete(rule: Rule, rules: ReadonlyMap<string, Rule>): Rule {
  const { scope, settings, from } = rule;
  if (settings.refuse !== undefined) return rule;
  const wider = scope.nexthop === undefined ? [] : [...keysToAsk(scope.nexthop).slice(1), ""];
  const names = new Set(wider.flatMap((key) => Object.keys(rules.get(key)?.settings ?? {})));
  const missing = Object.entries(unsaidAt(settings.level?.value))
    .filter(([name]) => names.has(name) && !Object.hasOwn(settings, name))
    .map(([name, value]) => [name, { value, from }]);
  return { ...rule, settings: { ...Object.fromEntries(missing), ...settings } };
}

function levelText(client: SmtpClient): string {
  const { isDefault, value } = client.view.setting("smtp_tls_security_level");
  return isDefault ? "" : `smtp_tls_security_level = ${value}`;
}
