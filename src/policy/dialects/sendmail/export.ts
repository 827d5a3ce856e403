/**
 * The same policy in our own rules, as far as they can say it: what TLS_Srv demands at MX hosts, what TLS_Rcpt demands at
 * recipient domains, bare tags for everything. What holds everywhere is written once; below it a scope says what is
 * different from the next wider one, a demand that is taken back included.
 *
 * For each scope the map is asked as for a delivery, about a name that this scope covers and no narrower one, so what is
 * written follows from what Sendmail would find and not from a second reading of its keys.
 */
import type { Mailbox } from "../../../mail/address.ts";
import { type Domain, parentOf, parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import { defaultCiphers } from "../../../tls/client-context.ts";
import type { Origin, PeerRequirement, TlsRule } from "../../rules.ts";
import type { ScopedSettings } from "../../scoped-rules.ts";
import type { ExportedRule } from "../dialect.ts";
import type { AccessMap } from "./access-map.ts";
import { cannotExport, type Written, writtenOf } from "./export-cannot.ts";
import { ownDemand } from "./export-demand.ts";
import { type HoldingEntries, holdingEntries } from "./holding-entries.ts";
import { makeRule, type OutboundContext, unread } from "./outbound.ts";

export function exportRules(context: OutboundContext): readonly ExportedRule[] {
  return new Exporter(context).all();
}

type By = "host" | "domain";

type Scope = Readonly<{
  pattern: DomainPattern & { kind: "exact" | "below" };
  /** The line that makes it a scope of its own. */
  line: Written;
}>;

/** A label that no key has: a name with it is covered by the scope below a domain and by nothing narrower. */
const someLabel = "\0";

class Exporter {
  readonly #context: OutboundContext;
  readonly #holding: HoldingEntries;
  /** By file and line. */
  readonly #lines = new Map<string, string>();

  constructor(context: OutboundContext) {
    this.#context = context;
    this.#holding = holdingEntries(context);
  }

  all(): readonly ExportedRule[] {
    const { map, options } = this.#context;
    const { requirements, values } = map;
    const hostTables: (keyof AccessMap["values"])[] = ["try_tls", "clt_features"];
    if (this.#context.sessionFeatures) hostTables.push("tls_clt_features");
    const ofHosts = [requirements.tls_srv, ...hostTables.map((name) => values[name])];
    const hosts = this.#scopes(ofHosts, options.dots);
    const domains = this.#scopes([requirements.tls_rcpt], options.dots);
    const [anyHost, anyRecipient] = [this.#ofHost(someLabel), this.#ofRecipient("")];
    const global = this.#rules(
      {},
      { ...anyHost, ...anyRecipient },
      {
        from: this.#context.setup.from,
        written: "what holds where no entry says more",
      },
    );
    return [
      ...global,
      ...this.#differing("host", hosts, anyHost, (name) => this.#ofHost(name)),
      ...this.#differing("domain", domains, anyRecipient, (name) => this.#ofRecipient(name)),
      ...cannotExport(this.#context, [...ofHosts, requirements.tls_rcpt]),
    ];
  }

  /** A key covers a name and all below it, one with a dot in front only those below. */
  #scopes(tables: readonly ReadonlyMap<string, Parameters<typeof writtenOf>[0]>[], dots: boolean): Map<string, Scope> {
    const scopes = new Map<string, Scope>();
    for (const table of tables) {
      for (const [key, entry] of table) {
        const line = writtenOf(entry);
        this.#lines.set(placeOf(line.from), line.written);
        const dotted = key.startsWith(".");
        const domain = parseDomain(dotted ? key.slice(1) : key);
        if (domain === undefined || key.endsWith(".") || (dotted && !dots)) continue;
        for (const kind of dotted ? (["below"] as const) : (["exact", "below"] as const)) {
          const name = nameOf({ kind, domain });
          if (!scopes.has(name)) scopes.set(name, { pattern: { kind, domain }, line });
        }
      }
    }
    return scopes;
  }

  #differing(
    by: By,
    scopes: ReadonlyMap<string, Scope>,
    everywhere: ScopedSettings,
    settingsOf: (name: string) => ScopedSettings,
  ): ExportedRule[] {
    const whole = new Map<string, ScopedSettings>();
    for (const [name, { pattern }] of scopes) {
      const { kind, domain } = pattern;
      whole.set(name, settingsOf(kind === "exact" ? domain : `${someLabel}.${domain}`));
    }
    return [...scopes].flatMap(([name, { pattern, line }]) => {
      const own = whole.get(name) ?? {};
      const wider = widerThan(pattern.domain, whole) ?? everywhere;
      return this.#rules({ [by]: pattern }, this.#difference(own, wider, by, line), line);
    });
  }

  /** One rule for each line that a setting comes from; what a SKIP hands on to other entries stands under the SKIP. */
  #rules(scope: Partial<Record<By, DomainPattern>>, settings: ScopedSettings, line: Written): ExportedRule[] {
    const byLine = new Map<string, { kind: "rule"; scope: typeof scope; settings: ScopedSettings } & Written>();
    for (const [name, setting] of Object.entries(settings)) {
      const written = this.#lines.get(placeOf(setting.from));
      const isOwn = Object.keys(scope).length === 0 || isKeyOf(setting.from, line.from);
      const from = written === undefined || !isOwn ? line : { from: setting.from, written };
      const key = placeOf(from.from);
      const rule = byLine.get(key) ?? { kind: "rule", scope, settings: {}, ...from };
      byLine.set(key, { ...rule, settings: { ...rule.settings, [name]: setting } });
    }
    return [...byLine.values()];
  }

  #ofHost(name: string): ScopedSettings {
    const demand = this.#holding.hostDemand(name, undefined)?.requirement ?? this.#holding.always;
    const entries = this.#holding.ofHost(name, undefined);
    // What holds for one family of addresses alone is written as the stricter of the two.
    const family = this.#context.setup.neverStarttls.inet === undefined ? "inet" : "inet6";
    const demands = [demand, this.#holding.recipientDemand(someone(""))?.requirement];
    const unverifiable = this.#context.setup.revocation !== undefined && demands.some((one) => one?.verify);
    const { requirements: _, ...rule } = makeRule(this.#context, entries, { unverifiable, family });
    return { ...rule, ...asText(rule.refuse), ...this.#demand("hostDemand", demand) };
  }

  /** A refusal here would go before what hosts say, and so would its end: it is never taken back. */
  #ofRecipient(name: string): ScopedSettings {
    const demand = this.#holding.recipientDemand(someone(name))?.requirement;
    const refusal = demand?.verify === true ? unread(this.#context.setup) : undefined;
    return { ...asText(refusal), ...this.#demand("recipientDemand", demand) };
  }

  #demand(name: "hostDemand" | "recipientDemand", demand: PeerRequirement | undefined): ScopedSettings {
    if (demand === undefined) return {};
    const own = ownDemand(demand);
    if (typeof own === "object") return { [name]: own };
    return asText({ value: `not taken over: ${own}`, from: demand.from });
  }

  /** What this scope has to say itself, where `wider` is what it would inherit. */
  #difference(own: ScopedSettings, wider: ScopedSettings, by: By, line: Written): ScopedSettings {
    const names = new Set([...Object.keys(own), ...Object.keys(wider)]) as Set<keyof ScopedSettings>;
    let different: ScopedSettings = {};
    for (const name of names) {
      const [mine, its] = [own[name], wider[name]];
      if (mine !== undefined) {
        if (!isSame(mine.value, its?.value)) different = { ...different, [name]: mine };
        continue;
      }
      const taken = its === undefined ? undefined : takenBack(name, by);
      if (taken !== undefined) different = { ...different, [name]: { value: taken, from: line.from } };
    }
    return different;
  }
}

/** A recipient whose local part no key has. */
function someone(domain: string): Mailbox {
  const host = domain === "" ? undefined : ({ kind: "domain", domain: domain as Domain } as const);
  return { text: "", localPart: someLabel, host };
}

/** What Sendmail's default looks like where a wider scope says something else. */
function takenBack(name: keyof ScopedSettings, by: By): unknown {
  if (name === (by === "host" ? "hostDemand" : "recipientDemand")) return "none";
  if (by === "domain") return undefined;
  if (name === "refuse") return false;
  if (name === "clientCertificate") return "none";
  if (name === "ciphers") return defaultCiphers;
  return name === "protocols" ? { min: "TLSv1.2", max: "TLSv1.3" } : undefined;
}

function widerThan(domain: Domain, whole: ReadonlyMap<string, ScopedSettings>): ScopedSettings | undefined {
  for (let parent = parentOf(domain); parent !== undefined; parent = parentOf(parent)) {
    const found = whole.get(nameOf({ kind: "below", domain: parent }));
    if (found !== undefined) return found;
  }
  return undefined;
}

function nameOf({ kind, domain }: Scope["pattern"]): string {
  return kind === "below" ? `.${domain}` : domain;
}

/** Sendmail's words give every refusal the same status, so the text is all there is to write. */
function asText(refuse: TlsRule["refuse"]): Pick<ScopedSettings, "refuse"> {
  if (refuse === undefined) return {};
  const { value, from } = refuse;
  return { refuse: { value: typeof value === "object" ? value.text : value, from } };
}

/** Both lines have the same key, under whatever tag. */
function isKeyOf({ scope: left }: Origin, { scope: right }: Origin): boolean {
  const keyOf = (scope: string): string => scope.slice(scope.indexOf(":") + 1).toLowerCase();
  return keyOf(left) === keyOf(right);
}

function isSame(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

function placeOf({ file, line }: Origin): string {
  return `${file ?? ""}:${line ?? ""}`;
}
