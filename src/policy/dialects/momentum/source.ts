/**
 * The compiled configuration as a policy source. Rules are made at the first question that needs them and kept: by
 * binding and domain, and below that by the stanzas that had a say, so that like domains share one rule.
 */
import { LRUCache } from "lru-cache";
import { parseDomain } from "../../../mail/domain.ts";
import type { Candidate, NamePattern, OutboundQuestion, PolicySource, TlsRule } from "../../rules.ts";
import type { Note } from "../dialect.ts";
import { holdingOptions, type RuleMaker } from "./make-rule.ts";
import { keywordOf, originOf, type Setting, type Stanza, writtenAs } from "./model.ts";
import { outboundOptions } from "./options-outbound.ts";
import { find, type Resolver, type Sender } from "./resolve.ts";

/** Each takes its room at once; what is not kept is resolved again in microseconds. */
const cacheSize = 4_000;

/** In the order in which `explain` lists those of one stanza. */
const shownOptions: readonly string[] = [
  ...outboundOptions.filter(({ status }) => status !== "no-effect").map(({ name }) => name),
  "never_retry",
  ...holdingOptions,
];

export class OutboundRules {
  readonly #resolver: Resolver;
  readonly #maker: RuleMaker;
  readonly #byQuestion = new LRUCache<string, TlsRule>({ max: cacheSize });
  readonly #byStanzas = new LRUCache<string, TlsRule>({ max: cacheSize });

  constructor(resolver: Resolver, maker: RuleMaker) {
    this.#resolver = resolver;
    this.#maker = maker;
  }

  /** @param isNexthop the routing domain is where the mail goes by MX, so that a name pattern can say so */
  rule(sender: Sender, key: string | undefined, isNexthop: boolean): TlsRule {
    const question = `${sender.binding}\0${sender.group ?? ""}\0${key ?? ""}\0${isNexthop ? "" : "!"}`;
    const known = this.#byQuestion.get(question);
    if (known !== undefined) return known;
    const rule = this.#resolve(this.#resolver.layers(sender, key), key, isNexthop);
    this.#byQuestion.set(question, rule);
    return rule;
  }

  #resolve(layers: readonly Stanza[], key: string | undefined, isNexthop: boolean): TlsRule {
    const verified = (keywordOf(find(layers, "tls_verify")) ?? "no") !== "no";
    const name = verified && !isNexthop ? parseDomain(key ?? "") : undefined;
    const stanzas = `${winners(layers)}${name ?? ""}`;
    const destination: NamePattern | undefined = name === undefined ? { kind: "nexthop" } : { kind: "name", name };
    const rule = this.#byStanzas.get(stanzas) ?? this.#maker.make(layers, destination);
    this.#byStanzas.set(stanzas, rule);
    return rule;
  }
}

/** Which stanza gives each option that rules are made of: equal for equal rules. */
function winners(layers: readonly Stanza[]): string {
  let text = "";
  for (const name of shownOptions) {
    const winner = layers.find(({ settings }) => settings.has(name));
    text += winner === undefined ? "," : `${winner.id},`;
  }
  return text;
}

/** @param broken the first error: a configuration that cannot be used as a whole lets no mail out */
export function createSource(
  resolver: Resolver,
  rules: OutboundRules,
  inbound: PolicySource["inbound"],
  broken: Note | undefined,
): PolicySource {
  if (broken !== undefined) return brokenSource(broken);
  return {
    name: "momentum",
    outbound(question) {
      const key = resolver.routingKey(question);
      const { nexthop, binding, bindingGroup } = question;
      return rules.rule({ binding, group: bindingGroup }, key, nexthop.kind === "mx" && nexthop.domain === key);
    },
    ...(inbound === undefined ? {} : { inbound }),
    candidates: (question) => candidates(resolver, question),
  };
}

function brokenSource({ file, line, column, text }: Note): PolicySource {
  const from = { source: "momentum", file, line, column, scope: "global" };
  const refuse = { value: `the configuration cannot be used: ${text}`, from };
  const rule: TlsRule = { level: { value: "encrypt", from }, wording: { value: "momentum", from }, refuse };
  return {
    name: "momentum",
    outbound: () => rule,
    inbound: () => ({ refuse }),
    candidates: () => [{ from, settings: [`refuse: ${refuse.value}`], verdict: "wins" }],
  };
}

/** One for each line, in order of precedence; the first that has an option gives it. */
function candidates(resolver: Resolver, question: OutboundQuestion): Candidate[] {
  const sender = { binding: question.binding, group: question.bindingGroup };
  const key = resolver.routingKey(question);
  const seen = new Set<string>();
  const found: Candidate[] = [];
  const add = (setting: Setting): void => {
    const verdict = seen.has(setting.name) ? "shadowed" : setting.name === "tls" ? "wins" : "adds";
    seen.add(setting.name);
    const settings = [writtenAs(setting)];
    const { through } = setting.file;
    found.push({ from: originOf(setting), written: writtenAs(setting), through, settings, verdict });
  };
  const gateway = resolver.gateway(sender, question.recipientDomain);
  if (gateway !== undefined) add(gateway);
  for (const { settings } of resolver.layers(sender, key)) {
    for (const name of shownOptions) {
      const setting = settings.get(name);
      if (setting !== undefined) add(setting);
    }
  }
  return found;
}
