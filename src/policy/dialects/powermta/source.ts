/**
 * The policy source: one question in, one rule out. Rules are made once for each list of sections that govern a queue, and
 * the same object answers again. A configuration with an error answers everything with a refusal: PowerMTA would not start
 * with it, and half of a configuration may be the weaker half.
 */
import { LRUCache } from "lru-cache";
import type { Candidate, Origin, OutboundQuestion, PolicySource, TlsRule } from "../../rules.ts";
import type { Configuration } from "./configuration.ts";
import type { DomainSection } from "./domain-sections.ts";
import { inboundRules } from "./inbound.ts";
import type { KeyFiles } from "./key-files.ts";
import { wordsOf } from "./lines.ts";
import { defaultOrigin, originAt } from "./note-list.ts";
import { domainTlsOptions } from "./options.ts";
import type { Directive } from "./parse.ts";
import type { Queue, Queues } from "./queues.ts";
import { tlsRule } from "./tls-rule.ts";

const cacheSize = 20_000;

/** @param broken why nothing may be done by this configuration */
export function policySource(
  configuration: Configuration,
  queues: Queues,
  keys: KeyFiles,
  broken: string | undefined,
): PolicySource {
  const rules = new LRUCache<string, TlsRule>({ max: cacheSize });
  const refusal =
    broken === undefined ? undefined : { value: broken, from: originAt(configuration.main, "everything") };
  const inbound = inboundRules(configuration, keys);
  return {
    name: "powermta",
    outbound(question) {
      const { sections } = queues.find(question);
      const key = sections.map(({ id }) => id).join(",");
      const before = rules.get(key);
      if (before !== undefined) return before;
      const made = tlsRule(sections, keys);
      const rule = refusal === undefined ? made : { ...made, refuse: refusal };
      rules.set(key, rule);
      return rule;
    },
    inbound(question) {
      const rule = inbound(question);
      return refusal === undefined ? rule : { ...rule, refuse: refusal };
    },
    candidates(question) {
      return candidatesOf(queues.find(question), question);
    },
  };
}

const levelNames = ["use-starttls", "require-starttls"];
const tlsNames = domainTlsOptions.map(({ name }) => name);

/** Sections in the order in which they are asked, then PowerMTA's defaults for what none of them states. */
function candidatesOf({ own, sections, moved, name }: Queue, question: OutboundQuestion): readonly Candidate[] {
  const left = moved === undefined ? [] : own.map((section) => leftBehind(section, moved, name));
  const taken = new Set<string>();
  let won = false;
  const governing = sections.map((section): Candidate => {
    const fresh = tlsNames.filter((option) => section.statements.has(option) && !taken.has(option));
    for (const option of fresh) taken.add(option);
    const wins = !won && fresh.some((option) => levelNames.includes(option));
    won ||= wins;
    const verdict = wins ? "wins" : fresh.length > 0 ? "adds" : "shadowed";
    return { ...described(section), verdict };
  });
  const rest = domainTlsOptions.filter((option) => !taken.has(option.name));
  const settings = rest.map((option) => `${option.name}: ${option.default === "" ? "none" : option.default}`);
  const verdict = won || rest.length === 0 ? "adds" : "wins";
  return [...rolledUp(moved, question), ...left, ...governing, { from: defaultOrigin, settings, verdict }];
}

/** A section of the recipient's domain whose mail stands in another queue. */
function leftBehind(section: DomainSection, moved: NonNullable<Queue["moved"]>, queue: string | undefined): Candidate {
  const moves = "section" in moved.by && moved.by.section === section;
  if (!moves) return { ...described(section), verdict: "shadowed" };
  const candidate = described(section);
  return { ...candidate, settings: [...candidate.settings, `queue-to: ${queue ?? ""}`], verdict: "adds" };
}

function rolledUp(moved: Queue["moved"], { host }: OutboundQuestion): Candidate[] {
  if (moved === undefined || "section" in moved.by) return [];
  const { queue, place, below, host: name } = moved.by;
  const from: Origin = originAt(place, `MX host ${host ?? name}`);
  const written = `mx ${below ? "*." : ""}${name} ${queue}`;
  return [{ from, written, settings: [`queue: ${queue}`], verdict: "adds" }];
}

function described(section: DomainSection): Omit<Candidate, "verdict"> {
  const stated = tlsNames.map((name) => section.statements.get(name)).filter((directive) => directive !== undefined);
  const through = [...section.place.in.through, ...section.viaMacro];
  return {
    from: originAt(section.place, section.scope),
    written: `<domain ${section.written}>`,
    ...(through.length > 0 ? { through } : {}),
    settings: stated.map(shown),
  };
}

/** Passwords are not shown. */
function shown({ name, value }: Directive): string {
  if (name === "auth-password") return `${name}: set`;
  const [first = ""] = wordsOf(value);
  return `${name}: ${name === "smtp-client-certificate" ? first : value}`;
}
