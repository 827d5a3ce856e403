/**
 * The configuration as our own rules can say it. Ours put a partner before a binding, Momentum a binding before a domain
 * at the top; so each binding says by itself what holds for each domain, wherever that is not what everybody has.
 * Every rule is complete: which stanza gave an option no longer matters.
 */
import { isDeepStrictEqual } from "node:util";
import type { Mailbox } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import type { Nexthop } from "../../../mail/nexthop.ts";
import { defaultGroups } from "../../../tls/client-context.ts";
import type { Origin, TlsRule } from "../../rules.ts";
import type { ExportedRule, RouteTarget, RoutingAnswer, RoutingSource } from "../dialect.ts";
import { coveredTree, sendersOf, untranslatable } from "./combinations.ts";
import { exportInbound } from "./export-inbound.ts";
import { type Container, type Model, originOf, type RegexStanza, writtenAs } from "./model.ts";
import { outboundOptions } from "./options-outbound.ts";
import { containersOf, find, type Resolver, type Sender } from "./resolve.ts";
import { routingOptions } from "./routing.ts";
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
  groups: defaultGroups,
  clientCertificate: "none",
  fallback: { kind: "never" },
  onFailure: "defer",
};

type Way =
  | Readonly<{ kind: "nexthops"; nexthops: readonly [RouteTarget, ...RouteTarget[]] }>
  | Exclude<RoutingAnswer, { kind: "nexthops" }>;

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
    const { global, groups } = this.#model;
    const common = [global, groups.get("default")];
    const base = places(common);
    const known = new Set(base.map(({ key }) => key));
    for (const place of base) this.#add({}, this.#everybody, place);
    for (const sender of sendersOf(this.#model)) {
      for (const place of this.#placesOf(sender)) {
        if (this.#found.length > most) return this.#tooMany();
        if (this.#rule(sender, place.key) !== this.#rule(this.#everybody, place.key) || !known.has(place.key)) {
          this.#add({ binding: sender.binding }, sender, place);
        }
      }
    }
    this.#complete();
    this.#routes(base);
    this.#cannot();
    this.#found.push(...exportInbound(this.#model));
    return this.#found;
  }

  /** What a rule leaves out would come from a wider one of ours: it is written where any rule has it. */
  #complete(): void {
    const used = new Set(this.#found.flatMap((each) => (each.kind === "rule" ? Object.keys(each.settings) : [])));
    this.#found.forEach((each, at) => {
      if (each.kind !== "rule") return;
      const { from } = each;
      const ended = used.has("refuse") ? { refuse: { value: false as const, from } } : {};
      if (each.settings.level?.value === "none") {
        this.#found[at] = { ...each, settings: { ...ended, ...each.settings } };
        return;
      }
      const missing = Object.entries(unsaid).filter(([name]) => used.has(name) && !Object.hasOwn(each.settings, name));
      const filled = Object.fromEntries(missing.map(([name, value]) => [name, { value, from }]));
      this.#found[at] = { ...each, settings: { ...ended, ...filled, ...each.settings } };
    });
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
    if (this.#routing === undefined) return;
    const ways = base.map((place) => ({ place, way: this.#way(this.#everybody, place) }));
    if (ways.some(({ way }) => way !== undefined)) for (const { place, way } of ways) this.#route(place, way);
    for (const sender of sendersOf(this.#model)) {
      for (const place of this.#placesOf(sender)) {
        if (isDeepStrictEqual(this.#way(sender, place), this.#way(this.#everybody, place))) continue;
        const from = this.#rule(sender, place.key).level.from;
        const written = `binding ${sender.binding} sends ${place.key ?? "all mail"} elsewhere than other bindings do`;
        this.#found.push({ kind: "cannot", from, written, why: "transport rules do not ask for the binding" });
      }
    }
  }

  #placesOf({ binding, group }: Sender): Place[] {
    const { global, groups, bindings } = this.#model;
    return places([bindings.get(binding)?.container, groups.get(group ?? "default"), global, groups.get("default")]);
  }

  /** Mail to its own MX is written too, where a wider pattern may lead elsewhere. */
  #route({ pattern, key }: Place, way: Way | undefined): void {
    const { from } = this.#rule(this.#everybody, key).level;
    const written = `mail to ${key ?? "any other domain"}`;
    const where = { pattern: pattern ?? ({ kind: "any" } as const), from, written };
    if (way === undefined) {
      if (pattern === undefined) return;
      this.#found.push({ kind: "route", nexthops: [{ kind: "own-domain", port: 25 }], ...where });
    } else if (way.kind === "nexthops") this.#found.push({ ...where, kind: "route", nexthops: way.nexthops });
    else this.#found.push({ ...where, kind: "no-route", status: way.status, text: way.text });
  }

  #way(sender: Sender, { pattern, key }: Place): Way | undefined {
    const name = parseDomain(key ?? "stranger.invalid");
    if (name === undefined) return undefined;
    const text = `postmaster@${name}`;
    const recipient: Mailbox = { text, localPart: "postmaster", host: { kind: "domain", domain: name } };
    const { binding, group: bindingGroup } = sender;
    const answer = this.#routing?.route({ recipient, sender: undefined, binding, bindingGroup });
    if (answer?.kind !== "nexthops") return answer;
    const own = (nexthop: Nexthop): RouteTarget =>
      pattern?.kind !== "exact" && nexthop.kind === "mx" && nexthop.domain === name
        ? { kind: "own-domain", port: nexthop.port }
        : nexthop;
    const [first, ...others] = answer.nexthops;
    return { kind: "nexthops", nexthops: [own(first), ...others.map(own)] };
  }

  #cannot(): void {
    for (const container of containersOf(this.#model)) {
      for (const each of untranslatable(container)) this.#pattern(each);
      for (const [key, stanza] of container.domains.plain) {
        if (parseDomain(key) !== undefined) continue;
        this.#found.push({
          kind: "cannot",
          from: placeOf(stanza),
          written: stanza.scope,
          why: "our rules are not keyed by addresses: it holds for no mail to an address literal",
        });
      }
      for (const stanza of [...container.hosts.plain.values(), ...container.hosts.regexes.map((each) => each.stanza)]) {
        if (!stanza.settings.has("rollup_mx")) continue;
        const why = "our rules do not take one domain's options for another by its MX host";
        this.#found.push({ kind: "cannot", from: placeOf(stanza), written: stanza.scope, why });
      }
    }
  }

  #pattern({ stanza, source }: RegexStanza): void {
    const routed = routingOptions.some((name) => stanza.settings.has(name)) ? ", and its route is lost with it" : "";
    const why = `our rules know names and all names below one, no regular expressions${routed}`;
    const written = `domain "/${source}/"`;
    this.#found.push({ kind: "cannot", from: placeOf(stanza), written, why });
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
