/**
 * A dialect's configuration written in our own language: bindings, transports, TLS rules and logs, each with a comment that
 * names the line it came from. What our language cannot say stands in the file as a comment, and in `left`.
 *
 * Promise: what is written reads back without an error, and means the same; `letterlock import --report` proves it.
 */
import { Document, isMap, Pair, Scalar, visit, YAMLMap, YAMLSeq } from "yaml";
import { type DomainPattern, formatDomainPattern } from "../../mail/domain-pattern.ts";
import type { LogDefinition } from "../../mail/log-definition.ts";
import { formatNexthop, type Nexthop } from "../../mail/nexthop.ts";
import type { Compiled, DialectBinding, ExportedRule, RouteTarget } from "../../policy/dialects/dialect.ts";
import type { Origin } from "../../policy/rules.ts";
import type { Credential } from "../../tls/handshake-settings.ts";
import { isLoopback } from "../endpoint.ts";
import { shorten } from "./shorten.ts";
import { writeListener } from "./written-inbound.ts";
import { writeLogs } from "./written-logs.ts";
import { unwritableCertificate, writeSettings } from "./written-settings.ts";

/** What could not be written, and the line that says it. */
export type Left = Readonly<{ from: Origin; written: string; why: string }>;

type Taken = Pick<Compiled, "settings" | "export"> & Partial<Pick<Compiled, "source">>;

/** @param title what the file says of itself: `postfix: /etc/postfix/main.cf` */
export function writeConfiguration(compiled: Taken, title: string): Readonly<{ text: string; left: readonly Left[] }> {
  return new Writer(title).write(compiled);
}

type Rule = Extract<ExportedRule, { kind: "rule" }>;
type Route = Extract<ExportedRule, { kind: "route" }>;

/**
 * A binding's name as ours may be: PowerMTA's `{default}` is our `default`, and characters that no name has are hyphens.
 */
export function ownBindingName(name: string): string {
  return name
    .replace(/^\{(.*)\}$/, "$1")
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 64);
}

class Writer {
  readonly #title: string;
  readonly #left: Left[] = [];
  /** By the id of its contents. */
  readonly #certificates = new Map<string, Readonly<{ name: string; credential: Credential }>>();
  readonly #top = new YAMLMap();
  /** How a nexthop of the source is called by us: one name for each port that it stands for. */
  readonly #texts = new Map<string, Set<string>>();
  /** Patterns under `transports:`. */
  readonly #routed = new Set<string>();

  constructor(title: string) {
    this.#title = title;
  }

  write({ settings, export: exported, source }: Taken): ReturnType<typeof writeConfiguration> {
    const { hostname, bindings = [] } = settings;
    if (hostname !== undefined) add(this.#top, "hostname", hostname.value, place(hostname.from));
    for (const { name, group, from } of bindings) {
      const map = this.#bindingMap(name);
      if (group !== undefined) map.set("group", ownBindingName(group));
      comment(map, place(from));
    }
    for (const binding of bindings) this.#binding(binding);
    const all = exported();
    for (const each of all) {
      if (each.kind === "route") this.#route(each);
      else if (each.kind === "no-route") {
        this.#transport(each.pattern, { refuse: `${each.status} ${oneLine(each.text)}` }, each.from, each.written);
      } else if (each.kind === "cannot") this.#cannot(each.from, each.written, each.why);
    }
    const groups = new Map(bindings.map(({ name, group }) => [name, group]));
    const alike = this.#alike(bindings);
    this.#rules(
      [...all.filter((each) => each.kind === "rule").filter(({ scope }) => !alike.owns(scope)), ...alike.refusals],
      (binding) => groups.get(binding),
    );
    this.#inbound(settings, source, new Set(all.flatMap((each) => (each.kind === "cannot" ? place(each.from) : []))));
    this.#logs(settings.logs ?? []);
    return { text: this.#print(), left: this.#left };
  }

  #logs(logs: readonly LogDefinition[]): void {
    const { written, left } = writeLogs(logs);
    for (const { log, why } of left) this.#cannot(originOf(log), log.name, why);
    for (const [name, { log, entry }] of written) add(child(this.#top, "logs"), name, inLines(entry), log.from);
  }

  /** @param told lines of which the source itself says that they are not taken over */
  #inbound(
    { listeners = [], relayDomains = [], users = [] }: Taken["settings"],
    source: Taken["source"],
    told: ReadonlySet<string>,
  ): void {
    const leave = ({ from, written, why }: Left): void => {
      if (!told.has(place(from))) this.#cannot(from, written, why);
    };
    const isPublic = listeners.some(({ address }) => !isLoopback(address));
    const domains = relayDomains.filter(({ kind }) => kind !== "any" || !isPublic);
    if (domains.length > 0) put(this.#top, "relay-domains", new Document(domains.map(formatDomainPattern)).contents);
    const [first] = listeners;
    if (domains.length < relayDomains.length && first !== undefined) {
      leave({ from: first.from, written: "relay domains", why: "every domain: an open relay" });
    }
    if (users.length > 0 && first !== undefined) {
      const why = `${users.length} users: add them to a users file, letterlock user add`;
      leave({ from: first.from, written: "users", why });
    }
    const items = new YAMLSeq();
    for (const listener of listeners.filter(({ from }) => from.line !== undefined)) {
      const { written, left } = writeListener(listener, source, (credential) => this.#nameOf(credential));
      for (const each of left) leave(each);
      if (written === undefined) continue;
      const map = new Document(written).contents;
      if (isMap(map)) comment(map, place(listener.from));
      items.items.push(map);
    }
    if (items.items.length > 0) put(this.#top, "listeners", items);
  }

  /** Bindings or groups that would have one name here: what one of them says must not hold for the other. */
  #alike(bindings: readonly DialectBinding[]): Readonly<{ owns: (scope: Rule["scope"]) => boolean; refusals: Rule[] }> {
    const refusals: Rule[] = [];
    const shared = (kind: "binding" | "group"): ReadonlySet<string> => {
      const named = bindings.map((each) => ({ name: kind === "binding" ? each.name : each.group, from: each.from }));
      const known = new Map(named.flatMap(({ name, from }) => (name === undefined ? [] : [[name, from] as const])));
      const byOwnName = Map.groupBy(known.keys(), ownBindingName);
      const clashing = [...byOwnName].filter(([, names]) => names.length > 1);
      for (const [own, names] of clashing) {
        const from = known.get(names[1] ?? "") ?? known.get(own);
        if (from === undefined) continue;
        const why = `${names.join(" and ")} would both be called ${own}: give them names that differ in letters and digits`;
        this.#cannot(from, `${kind} ${names.join(", ")}`, why);
        const settings = { level: { value: "secure", from }, refuse: { value: why, from } } as const;
        refusals.push({ kind: "rule", scope: { [kind]: own }, settings, from, written: names.join(", ") });
      }
      return new Set(clashing.map(([own]) => own));
    };
    const [ownBindings, ownGroups] = [shared("binding"), shared("group")];
    const owns = ({ binding, group }: Rule["scope"]): boolean =>
      (binding !== undefined && ownBindings.has(ownBindingName(binding))) ||
      (group !== undefined && ownGroups.has(ownBindingName(group)));
    return { owns, refusals };
  }

  #print(): string {
    const document = new Document(this.#inOrder());
    document.commentBefore = ` Taken over from ${this.#title}`;
    const cannot = this.#left.map(({ from, written, why }) => ` ${place(from)}: ${oneLine(written)}: ${why}`);
    if (cannot.length > 0) document.comment = ["", " Not taken over:", ...cannot].join("\n");
    return document.toString({ lineWidth: 0 });
  }

  /** The order in which one reads a configuration. */
  #inOrder(): YAMLMap {
    const map = new YAMLMap();
    this.#writeCertificates();
    for (const key of [
      "hostname",
      "listeners",
      "relay-domains",
      "certificates",
      "binding-groups",
      "bindings",
      "transports",
      "tls",
      "logs",
    ]) {
      const pair = this.#top.items.find((one) => one.key instanceof Scalar && one.key.value === key);
      if (pair !== undefined) map.items.push(pair);
    }
    return map;
  }

  #writeCertificates(): void {
    for (const { name, credential } of this.#certificates.values()) {
      const { certificate = "", key = "" } = credential.files ?? {};
      child(child(this.#top, "certificates"), name).set("certificate", certificate);
      child(child(this.#top, "certificates"), name).set("key", key);
    }
  }

  #bindingMap(name: string): YAMLMap {
    return child(child(this.#top, "bindings"), ownBindingName(name));
  }

  #binding({ name, group, sourceAddress4, sourceAddress6, ehlo, credential, from }: DialectBinding): void {
    const map = this.#bindingMap(name);
    if (group !== undefined) child(child(this.#top, "binding-groups"), ownBindingName(group));
    const addresses = [sourceAddress4, sourceAddress6].filter((address) => address !== undefined);
    if (addresses.length > 0) map.set("source-address", [...addresses]);
    if (ehlo === "sender-domain") this.#cannot(from, `binding ${name}`, "EHLO with the sender's domain");
    else if (ehlo !== undefined) map.set("ehlo", ehlo);
    if (credential === undefined) return;
    const certificate = this.#nameOf(credential);
    if (certificate === undefined) this.#cannot(from, `binding ${name}`, unwritableCertificate);
    else map.set("client-certificate", certificate);
  }

  #nameOf(credential: Credential): string | undefined {
    if (credential.files === undefined || credential.files.encrypted) return undefined;
    const known = this.#certificates.get(credential.id);
    if (known !== undefined) return known.name;
    const name = `certificate-${this.#certificates.size + 1}`;
    this.#certificates.set(credential.id, { name, credential });
    return name;
  }

  #rules(rules: readonly Rule[], groupOf: (binding: string) => string | undefined): void {
    const whole = rules.map((rule) => withoutEmptyPins(this.#safe(rule))).flatMap((rule) => this.#renamed(rule));
    const refuses = whole.some(({ settings }) => settings.refuse !== undefined);
    const complete = refuses ? whole.map(takeRefusalBack) : whole;
    const short = shorten(complete, groupOf);
    complete.forEach(({ scope, from, written }, at) => {
      const map = this.#scopeMap(scope);
      comment(map, `${place(from)}: ${oneLine(written)}`);
      const values = writeSettings(short[at] ?? {}, (credential) => this.#nameOf(credential)).written;
      for (const [key, value] of Object.entries(values)) if (!map.has(key)) map.set(key, value);
    });
  }

  #renamed(rule: Rule): readonly Rule[] {
    const { nexthop } = rule.scope;
    const names = nexthop === undefined ? undefined : this.#texts.get(nexthop.toLowerCase());
    return names === undefined
      ? [rule]
      : [...names].map((name) => ({ ...rule, scope: { ...rule.scope, nexthop: name } }));
  }

  /** A rule of which a part is missing would let mail go that the original holds back: it refuses. */
  #safe(rule: Rule): Rule {
    const { settings, from, written } = rule;
    const { cannot } = writeSettings(settings, (credential) => this.#nameOf(credential));
    if (cannot.length === 0) return rule;
    for (const { why } of cannot) this.#cannot(from, written, why);
    const unsaid = new Set<string>(cannot.map(({ name }) => name));
    const rest = Object.entries(settings).filter(([name]) => !unsaid.has(name));
    const value = `not taken over whole: ${cannot.map(({ why }) => why).join("; ")}`;
    return { ...rule, settings: { ...Object.fromEntries(rest), refuse: { value, from } } };
  }

  #scopeMap({ binding, group, domain, host, nexthop }: Rule["scope"]): YAMLMap {
    const owner =
      binding !== undefined
        ? this.#bindingMap(binding)
        : group === undefined
          ? this.#top
          : child(child(this.#top, "binding-groups"), ownBindingName(group));
    let map = child(owner, "tls");
    if (nexthop !== undefined) return child(child(map, "nexthops"), nexthop);
    if (domain !== undefined) map = child(child(map, "domains"), formatDomainPattern(domain));
    return host === undefined ? map : child(child(map, "hosts"), formatDomainPattern(host));
  }

  #route({ pattern, nexthops, from, written }: Route): void {
    const to = nexthops.map(writeTarget);
    const isWrapped = nexthops.map((nexthop) => nexthop.kind !== "own-domain" && nexthop.implicitTls === true);
    const implicit = isWrapped.includes(true);
    const isSayable = !isWrapped.includes(false) && nexthops.every(({ kind }) => kind === "host");
    if (implicit && !isSayable) {
      const why = "a transport rule speaks TLS from the first octet to hosts alone, and to all of them: mail waits";
      this.#cannot(from, written, why);
      this.#transport(pattern, { refuse: "4.3.0 not taken over: TLS from the first octet" }, from, written);
      return;
    }
    if (nexthops.some(losesParents)) {
      this.#cannot(from, written, "the port of a transport rule is written with the domain, and rules look for both");
      this.#transport(pattern, { refuse: "4.3.0 not taken over: a domain at another port" }, from, written);
      return;
    }
    for (const nexthop of nexthops) {
      if (nexthop.kind === "own-domain") continue;
      const key = (nexthop.written ?? "").toLowerCase();
      this.#texts.set(key, (this.#texts.get(key) ?? new Set()).add(ownNexthopText(nexthop)));
    }
    const value = to.length === 1 && !implicit ? to[0] : { to, ...(implicit ? { tls: "implicit" } : {}) };
    this.#transport(pattern, value, from, written);
  }

  #transport(pattern: DomainPattern, value: unknown, from: Origin, written: string): void {
    const transports = child(this.#top, "transports");
    const key = formatDomainPattern(pattern);
    if (this.#routed.has(key)) return;
    this.#routed.add(key);
    add(transports, key, value, `${place(from)}: ${oneLine(written)}`);
  }

  #cannot(from: Origin, written: string, why: string): void {
    this.#left.push({ from, written, why });
  }
}

/** Level fingerprint without pins lets no mail go, which our loader takes for an error: so does any level that refuses. */
function withoutEmptyPins(rule: Rule): Rule {
  const { level, pins, refuse } = rule.settings;
  if (level?.value !== "fingerprint" || (pins?.value.length ?? 0) > 0) return rule;
  const refusal = refuse ?? { value: "level fingerprint without pins", from: level.from };
  return { ...rule, settings: { ...rule.settings, level: { value: "secure", from: level.from }, refuse: refusal } };
}

/** A rule with a level is complete: what a wider one refuses is not its business. */
function takeRefusalBack(rule: Rule): Rule {
  const { settings, from } = rule;
  if (settings.level === undefined || settings.refuse !== undefined) return rule;
  return { ...rule, settings: { ...settings, refuse: { value: false, from } } };
}

/**
 * As routing wrote it, where that means the same to us: rules by nexthop look for the very text. A port that only the
 * other system knows (of a transport, by name) is written out, in the rules as well.
 */
export function ownNexthopText(nexthop: Nexthop): string {
  const { written, port } = nexthop;
  const [, host, digits] = /^(\[[^\]]*\]|[^[\]:]*)(?::(\d{1,5}))?$/.exec(written ?? "") ?? [];
  const isOurs = host !== undefined && !/^\[ipv6:/i.test(host) && Number(digits ?? 25) === port;
  return written !== undefined && isOurs ? written : formatNexthop(nexthop);
}

function writeTarget(target: RouteTarget): string {
  if (target.kind !== "own-domain") return ownNexthopText(target);
  return target.port === 25 ? "*" : `*:${target.port}`;
}

/** A domain with a port has no parents among our rules. */
function losesParents(target: RouteTarget): boolean {
  return target.kind === "mx" && ownNexthopText(target) !== (target.written ?? ownNexthopText(target));
}

/** A map looks for a key from its first entry to its last. */
const childrenOf = new WeakMap<YAMLMap, Map<string, YAMLMap>>();

/** The map under a key, made where it is not there. */
function child(map: YAMLMap, key: string): YAMLMap {
  const children = childrenOf.get(map) ?? new Map<string, YAMLMap>();
  childrenOf.set(map, children);
  const there = children.get(key);
  if (there !== undefined) return there;
  const made = new YAMLMap();
  children.set(key, made);
  map.items.push(new Pair(new Scalar(key), made));
  return made;
}

function add(map: YAMLMap, key: string, value: unknown, from: string): void {
  const name = new Scalar(key);
  name.commentBefore = ` ${from}`;
  map.items.push(new Pair(name, new Document(value).contents));
}

function put(map: YAMLMap, key: string, value: unknown): void {
  map.items.push(new Pair(new Scalar(key), value));
}

function comment(map: Pick<YAMLMap, "commentBefore">, text: string): void {
  map.commentBefore = map.commentBefore == null ? ` ${text}` : `${map.commentBefore}\n ${text}`;
}

function place({ source, file, line }: Origin): string {
  return file === undefined ? source : `${file}:${line ?? 1}`;
}

/** Lists of words stand on one line. */
function inLines(entry: object): unknown {
  const document = new Document(entry);
  visit(document, { Seq: (_, list) => void Object.assign(list, { flow: true }) });
  return document.contents;
}

/** Of the line that asks for it. */
function originOf({ name, from }: LogDefinition): Origin {
  const [, file, line] = /^(.*):(\d+)$/.exec(from) ?? [];
  return { source: from, file, line: line === undefined ? undefined : Number(line), column: undefined, scope: name };
}

/** A comment ends with its line. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
