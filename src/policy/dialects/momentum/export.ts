/**
 * The configuration as our own rules can say it. Ours put a partner before a binding, Momentum a binding before a domain
 * at the top; so each binding says by itself what holds for each domain, wherever that is not what everybody has.
 * Every rule is complete: which stanza gave an option no longer matters.
 */
import type { Mailbox } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import { defaultCiphers, defaultGroups } from "../../../tls/client-context.ts";
import type { Origin, TlsRule } from "../../rules.ts";
import type { ExportedRule, RoutingSource } from "../dialect.ts";
import { coveredTree, sendersOf, untranslatable } from "./combinations.ts";
import { type Container, type Model, originOf, writtenAs } from "./model.ts";
import { outboundOptions } from "./options-outbound.ts";
import { containersOf, find, type Resolver, type Sender } from "./resolve.ts";
import type { OutboundRules } from "./source.ts";

/** More rules than anybody reads; a policy of that size stays in Momentum's own language. */
const most = 200_000;

/** What our rules mean by what they leave out. */
const unsaid: Partial<Record<keyof TlsRule, unknown>> = {
  proof: "nothing",
  commonName: "never",
  match: [{ kind: "hostname" }],
  anchors: { kind: "system" },
  protocols: { min: "TLSv1.2", max: "TLSv1.3" },
  ciphers: defaultCiphers,
  groups: defaultGroups,
  clientCertificate: "none",
  fallback: { kind: "never" },
  onFailure: "defer",
};

/** Where a rule of ours stands, and a name for which it holds. */
type Place = Readonly<{ pattern: DomainPattern | undefined; key: string | undefined }>;

export function exportRules(
  model: Model,
  resolver: Resolver,
  rules: OutboundRules,
  routing: RoutingSource | undefined,
): readonly ExportedRule[] {
  return new Exporter(model, resolver, rules, routing).run();
}

class Exporter {
  readonly #model: Model;
  readonly #resolver: Resolver;
  readonly #rules: OutboundRules;
  readonly #routing: RoutingSource | undefined;
  readonly #everybody: Sender = { binding: "", group: undefined };
  readonly #found: ExportedRule[] = [];

  constructor(model: Model, resolver: Resolver, rules: OutboundRules, routing: RoutingSource | undefined) {
    this.#model = model;
    this.#resolver = resolver;
    this.#rules = rules;
    this.#routing = routing;
  }

  run(): readonly ExportedRule[] {
    const { global, groups, bindings } = this.#model;
    const common = [global, groups.get("default")];
    const base = places(common);
    const known = new Set(base.map(({ key }) => key));
    for (const place of base) this.#add({}, this.#everybody, place);
    for (const sender of sendersOf(this.#model)) {
      const own = places([bindings.get(sender.binding)?.container, groups.get(sender.group ?? "default"), ...common]);
      for (const place of own) {
        if (this.#found.length > most) return this.#tooMany();
        if (this.#rule(sender, place.key) !== this.#rule(this.#everybody, place.key) || !known.has(place.key)) {
          this.#add({ binding: sender.binding }, sender, place);
        }
      }
    }
    this.#complete();
    this.#shadowedByRefusals();
    this.#routes(base);
    this.#cannot();
    return this.#found;
  }

  /** What a rule leaves out would come from a wider one of ours: it is written where any rule has it. */
  #complete(): void {
    const used = new Set(this.#found.flatMap((each) => (each.kind === "rule" ? Object.keys(each.settings) : [])));
    this.#found.forEach((each, at) => {
      if (each.kind !== "rule" || each.settings.level?.value === "none") return;
      const { from } = each;
      const missing = Object.entries(unsaid).filter(([name]) => used.has(name) && !Object.hasOwn(each.settings, name));
      const filled = Object.fromEntries(missing.map(([name, value]) => [name, { value, from }]));
      this.#found[at] = { ...each, settings: { ...filled, ...each.settings } };
    });
  }

  /** Our rules cannot take a refusal back: below one that refuses, mail waits that Momentum would send. */
  #shadowedByRefusals(): void {
    const written = this.#found.filter((each) => each.kind === "rule");
    const wide = written.filter(({ settings }) => settings.refuse !== undefined);
    for (const { scope, settings, from, written: lines } of written) {
      if (settings.refuse !== undefined) continue;
      const above = wide.find((each) => each.scope.binding === undefined || each.scope.binding === scope.binding);
      if (above === undefined || !covers(above.scope.domain, scope.domain)) continue;
      const why = `a wider rule refuses (${above.written}), and our rules cannot take that back`;
      this.#found.push({ kind: "cannot", from, written: lines, why });
    }
  }

  #rule(sender: Sender, key: string | undefined): TlsRule {
    const routed = this.#resolver.routedKey(sender, key);
    const elsewhere = find(this.#resolver.layers(sender, routed), "routes") !== undefined;
    return this.#rules.rule(sender, routed, !elsewhere);
  }

  #add(scope: Readonly<{ binding?: string }>, sender: Sender, { pattern, key }: Place): void {
    const settings = this.#rule(sender, key);
    this.#found.push({
      kind: "rule",
      scope: { ...scope, ...(pattern === undefined ? {} : { domain: pattern }) },
      settings,
      from: settings.level.from,
      written: this.#written(sender, this.#resolver.routedKey(sender, key)),
    });
  }

  /** The lines that decide, in the source's own terms. */
  #written(sender: Sender, key: string | undefined): string {
    const layers = this.#resolver.layers(sender, key);
    const lines = outboundOptions.flatMap(({ name, status }) => {
      const setting = status === "no-effect" ? undefined : find(layers, name);
      return setting === undefined ? [] : [`${setting.scope}: ${writtenAs(setting)}`];
    });
    return lines.join("; ") || 'tls = "no" (default)';
  }

  #routes(base: readonly Place[]): void {
    for (const { pattern, key } of base) {
      const answer = this.#nexthops(this.#everybody, key);
      if (answer === undefined) continue;
      const from = this.#rule(this.#everybody, key).level.from;
      const everyDomain: DomainPattern = pattern ?? { kind: "any" };
      const written = `mail to ${key ?? "any other domain"} goes elsewhere than to its MX`;
      if (answer === "own-domain" || (everyDomain.kind !== "exact" && leadsTo(answer, key))) {
        this.#found.push({
          kind: "cannot",
          from,
          written,
          why: "a transport rule cannot keep the domain and change the port",
        });
      } else this.#found.push({ kind: "route", pattern: everyDomain, nexthops: answer, from, written });
    }
    for (const sender of sendersOf(this.#model)) {
      const other = base.find(
        ({ key }) =>
          JSON.stringify(this.#nexthops(sender, key)) !== JSON.stringify(this.#nexthops(this.#everybody, key)),
      );
      if (other === undefined) continue;
      const from = this.#rule(sender, other.key).level.from;
      const written = `binding ${sender.binding} sends ${other.key ?? "all mail"} elsewhere than other bindings do`;
      this.#found.push({ kind: "cannot", from, written, why: "transport rules do not ask for the binding" });
    }
  }

  #nexthops(sender: Sender, key: string | undefined): readonly [Nexthop, ...Nexthop[]] | "own-domain" | undefined {
    const name = parseDomain(key ?? "stranger.invalid");
    if (name === undefined) return undefined;
    const recipient: Mailbox = {
      text: `postmaster@${name}`,
      localPart: "postmaster",
      host: { kind: "domain", domain: name },
    };
    const answer = this.#routing?.route({
      recipient,
      sender: undefined,
      binding: sender.binding,
      bindingGroup: sender.group,
    });
    if (answer?.kind !== "nexthops") return undefined;
    return key === undefined && leadsTo(answer.nexthops, name) ? "own-domain" : answer.nexthops;
  }

  #cannot(): void {
    for (const container of containersOf(this.#model)) {
      for (const { stanza, source } of untranslatable(container)) {
        const why = "our rules know names and all names below one, no regular expressions";
        this.#found.push({ kind: "cannot", from: placeOf(stanza), written: `domain "/${source}/"`, why });
      }
      for (const [key, stanza] of container.domains.plain) {
        if (parseDomain(key) !== undefined) continue;
        this.#found.push({
          kind: "cannot",
          from: placeOf(stanza),
          written: stanza.scope,
          why: "our rules are not keyed by addresses",
        });
      }
      for (const stanza of [...container.hosts.plain.values(), ...container.hosts.regexes.map((each) => each.stanza)]) {
        if (!stanza.settings.has("rollup_mx")) continue;
        const why = "our rules do not take one domain's options for another by its MX host";
        this.#found.push({ kind: "cannot", from: placeOf(stanza), written: stanza.scope, why });
      }
    }
  }

  #tooMany(): readonly ExportedRule[] {
    const { global } = this.#model;
    const why = `more than ${most} rules come of bindings times domains`;
    return [...this.#found, { kind: "cannot", from: placeOf(global), written: "the rest of the configuration", why }];
  }
}

function placeOf({ at, scope }: Pick<Container, "at" | "scope">): Origin {
  return originOf({ ...at, scope });
}

/** Everything else, each name, each tree of names. */
function places(containers: readonly (Container | undefined)[]): Place[] {
  const found = new Map<string, Place>([["", { pattern: undefined, key: undefined }]]);
  const add = (kind: "exact" | "below", domain: Domain, key: string): void => {
    found.set(`${kind} ${domain}`, { pattern: { kind, domain }, key });
  };
  for (const container of containers) {
    for (const key of container?.domains.plain.keys() ?? []) {
      const domain = parseDomain(key);
      if (domain !== undefined) add("exact", domain, key);
    }
    for (const regex of container?.domains.regexes ?? []) {
      const tree = coveredTree(regex);
      if (tree === undefined) continue;
      add("below", tree.domain, `any-name-below.${tree.domain}`);
      if (tree.withItself) add("exact", tree.domain, tree.domain);
    }
  }
  return [...found.values()];
}

function covers(wide: DomainPattern | undefined, narrow: DomainPattern | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined || wide.kind === "any" || narrow.kind === "any") return false;
  return wide.domain === narrow.domain || (wide.kind === "below" && narrow.domain.endsWith(`.${wide.domain}`));
}

function leadsTo(nexthops: readonly Nexthop[], key: string | undefined): boolean {
  return nexthops.some((nexthop) => nexthop.kind === "mx" && nexthop.domain === key);
}
