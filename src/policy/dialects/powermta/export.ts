/**
 * The policy in our own language. Ours asks the destination before the binding, and each setting on its own; PowerMTA asks
 * the virtual MTA before the destination. So every place is written out whole, for every virtual MTA that has anything to
 * say: at the most specific place all settings stand, and nothing is inherited from elsewhere.
 *
 * A place is an exact domain, everything below one, or everything. All sections that cover one name of a place cover all of
 * it, so one rule for each place is enough (docs/decisions/0002-scopes.md has our order).
 */
import type { Domain } from "../../../mail/domain.ts";
import type { DomainPattern as OurPattern } from "../../../mail/domain-pattern.ts";
import type { TlsRule } from "../../rules.ts";
import type { ScopedSettings } from "../../scoped-rules.ts";
import type { ExportedRule } from "../dialect.ts";
import { defaultVirtualMta, groupOf } from "./bindings.ts";
import type { Configuration, Rollup, VirtualMta } from "./configuration.ts";
import type { DomainSection } from "./domain-sections.ts";
import { exportInbound } from "./export-inbound.ts";
import { nameIn, placesOf } from "./export-places.ts";
import { exportRoutes } from "./export-routes.ts";
import type { KeyFiles } from "./key-files.ts";
import { textOf } from "./lines.ts";
import { defaultOrigin, originAt } from "./note-list.ts";
import type { Queue, Queues } from "./queues.ts";
import { tlsRule } from "./tls-rule.ts";

type Written = Readonly<{ key: string; rule: TlsRule; exported: Extract<ExportedRule, { kind: "rule" }> }>;

export function exportRules(configuration: Configuration, queues: Queues, keys: KeyFiles): readonly ExportedRule[] {
  const exporter = new Exporter(configuration, queues, keys);
  const shared = [...configuration.domains.all, ...reroutedTo(configuration)];
  const global = placesOf(shared);
  const everywhere = global.map((place) => exporter.at(place, undefined, false));
  const rules = everywhere.flat();
  for (const virtualMta of configuration.virtualMtas.values()) {
    const scopes = [virtualMta.scope, groupOf(virtualMta)?.scope];
    const own = scopes.flatMap((scope) => scope?.all ?? []);
    if (own.length === 0) continue;
    const places = placesOf([...shared, ...own]);
    for (const [index, place] of places.entries()) {
      const wide = everywhere[index];
      const mine = exporter.at(place, virtualMta, (wide?.length ?? 1) > 1);
      if (wide === undefined || differ(wide, mine)) rules.push(...mine);
    }
  }
  const written = withRefusalsEnded(rules.map(({ exported }) => exported));
  const others = [...strictlyDane(written), ...exportRoutes(configuration, queues), ...unsayable(configuration)];
  return [...written, ...others, ...exportInbound(configuration)];
}

/** Where mail may be moved to another virtual MTA, the places of all of them count everywhere. */
function reroutedTo({ domains, globals, virtualMtas, pools }: Configuration): DomainSection[] {
  const name = "reroute-to-virtual-mta";
  const others = [...virtualMtas.values(), ...pools.values()].flatMap(({ scope }) => scope.all);
  const some = globals.has(name) || [...domains.all, ...others].some(({ statements }) => statements.has(name));
  return some ? others : [];
}

function differ(left: readonly Written[], right: readonly Written[]): boolean {
  return left.length !== right.length || left.some(({ key }, index) => key !== right[index]?.key);
}

class Exporter {
  readonly #configuration: Configuration;
  readonly #queues: Queues;
  readonly #keys: KeyFiles;

  constructor(configuration: Configuration, queues: Queues, keys: KeyFiles) {
    this.#configuration = configuration;
    this.#queues = queues;
    this.#keys = keys;
  }

  /**
   * The rule of a place, and those for its rolled-up MX hosts where one of them says otherwise.
   *
   * @param withHosts also where none does: everybody's rules for these hosts would count instead
   */
  at(place: OurPattern, virtualMta: VirtualMta | undefined, withHosts: boolean): Written[] {
    const plain = this.#rule(place, virtualMta, undefined);
    const hosts = this.#configuration.rollups.map((rollup) => this.#rule(place, virtualMta, rollup));
    return withHosts || hosts.some(({ key }) => key !== plain.key) ? [plain, ...hosts] : [plain];
  }

  #rule(place: OurPattern, virtualMta: VirtualMta | undefined, rollup: Rollup | undefined): Written {
    const binding = virtualMta?.name ?? defaultVirtualMta;
    const queue = this.#queues.resolve({ queue: nameIn(place) }, binding, undefined, hostIn(rollup));
    const rule = sayable(queue.sections, this.#keys);
    const domain = place.kind === "any" && rollup !== undefined ? undefined : place;
    const host: OurPattern | undefined =
      rollup === undefined ? undefined : { kind: rollup.below ? "below" : "exact", domain: rollup.host as Domain };
    const scope = {
      ...(virtualMta === undefined ? {} : { binding: virtualMta.name }),
      ...(domain === undefined || domain.kind === "any" ? {} : { domain }),
      ...(host === undefined ? {} : { host }),
    };
    const settings = complete(rule);
    const section = queue.sections[0] ?? queue.own[0];
    const from = section === undefined ? defaultOrigin : originAt(section.place, section.scope);
    const exported = { kind: "rule" as const, scope, settings, from, written: writtenOf(queue) };
    return { key: keyOf(settings), rule, exported };
  }
}

/**
 * `use-dane yes` as our own level: a level is said at every place, while a refusal would be handed down to narrower ones.
 * With require-starttls our `dane` would let mail go without records, so that it becomes `dane-only`.
 */
function sayable(sections: readonly DomainSection[], keys: KeyFiles): TlsRule {
  const rule = tlsRule(sections, keys);
  const rest = tlsRule(sections, keys, "set-aside");
  if (rule.refuse === undefined || rest.refuse !== undefined) return rule;
  return { ...rest, level: { value: rest.level.value === "encrypt" ? "dane-only" : "dane", from: rule.refuse.from } };
}

/** What one rule refuses, rules of narrower places do not. */
function withRefusalsEnded(rules: readonly Written["exported"][]): readonly Written["exported"][] {
  if (!rules.some(({ settings }) => settings.refuse !== undefined)) return rules;
  return rules.map((rule) => ({
    ...rule,
    settings: { refuse: { value: false, from: rule.from }, ...rule.settings },
  }));
}

function hostIn(rollup: Rollup | undefined): Domain | undefined {
  if (rollup === undefined) return undefined;
  return (rollup.below ? `\0.${rollup.host}` : rollup.host) as Domain;
}

/** What a wider scope might say and this rule does not, said as it is by default. */
function complete({ requirements: _, ...rule }: TlsRule): ScopedSettings {
  const from = rule.level.from;
  return {
    anchors: { value: { kind: "system" }, from },
    proof: { value: "nothing", from },
    clientCertificate: { value: "none", from },
    protocols: { value: { min: "TLSv1.2", max: "TLSv1.3" }, from },
    ...rule,
  };
}

function keyOf(settings: ScopedSettings): string {
  const values = Object.entries(settings).map(([name, sourced]) => [name, sourced?.value]);
  return JSON.stringify(
    values.sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)),
    (key, value) => (key === "privateKey" || key === "pem" || key === "certificateChain" ? undefined : value),
  );
}

function writtenOf({ own, sections, moved }: Queue): string {
  const shown = [...new Set([...(moved === undefined ? [] : own.slice(0, 1)), ...sections])];
  return shown.map(({ written, scope }) => `<domain ${written}>${/ in .*$/.exec(scope)?.[0] ?? ""}`).join(" + ");
}

/** Without records PowerMTA would send mail that our `dane-only` holds back. */
function strictlyDane(rules: readonly Written["exported"][]): ExportedRule[] {
  return rules.flatMap(({ settings: { level }, from, written }): ExportedRule[] => {
    if (level?.value !== "dane-only") return [];
    const why =
      "use-dane with require-starttls is written as dane-only, which is stricter where a host has no TLSA records";
    return [{ kind: "cannot", from, written, why }];
  });
}

/** What our language has no words for. */
function unsayable({ domains, virtualMtas, pools, main }: Configuration): ExportedRule[] {
  const scopes = [domains, ...[...virtualMtas.values(), ...pools.values()].map(({ scope }) => scope)];
  const cannot: ExportedRule[] = [];
  for (const { pattern, written, place, scope, statements } of scopes.flatMap((each) => each.all)) {
    const from = originAt(place, scope);
    if (pattern.kind === "literal") {
      cannot.push({
        kind: "cannot",
        from,
        written: `<domain ${written}>`,
        why: "a rule for recipients at addresses cannot be written",
      });
    }
    const reroute = statements.get("reroute-to-virtual-mta");
    if (reroute !== undefined && textOf(reroute.value) !== "") {
      const why = "its TLS settings are written out, but source address and EHLO name do not change";
      cannot.push({ kind: "cannot", from, written: `reroute-to-virtual-mta ${reroute.value}`, why });
    }
  }
  const turns = [...pools.values()].filter(({ members }) => members.length > 0);
  for (const { name, place } of turns) {
    const why = "members that take turns are chosen by the PowerMTA source, and cannot be written as a binding rule";
    cannot.push({
      kind: "cannot",
      from: originAt(place ?? main, `virtual-mta-pool ${name}`),
      written: `<virtual-mta-pool ${name}>`,
      why,
    });
  }
  return cannot;
}
