/**
 * One smtp service of master.cf as a source of rules: its policy tables, its global level, and both made into rules with
 * its own parameters. Rules are made once per entry; the same entry gives the same object.
 */
import { LRUCache } from "lru-cache";
import type { Candidate, Origin, OutboundQuestion, TlsLevel, TlsRule } from "../../rules.ts";
import type { View } from "./configuration.ts";
import type { LookupTable, TableHit } from "./lookup-table.ts";
import type { BrokenService } from "./master-cf.ts";
import { lookUpSite, type SiteAnswer } from "./per-site.ts";
import { askAll, keysToAsk, lookUpPolicy, policyKey } from "./policy-table.ts";
import { parseLevel, parsePolicyValue, plainPolicy, printPolicyValue } from "./policy-value.ts";
import type { RuleMaker } from "./rule-maker.ts";
import { configurationProblem, type MadeRule, type PolicyProblem } from "./tls-rule.ts";

export type SmtpClientOptions = Readonly<{
  view: View;
  maker: RuleMaker;
  policyTables: readonly LookupTable[];
  /** Asked where there are no policy tables. */
  siteTables: readonly LookupTable[];
  /** Postfix's program does not start: everything is refused. */
  broken: BrokenService | undefined;
}>;

/** `fatal`: Postfix's smtp would not run. */
export type GlobalRule = MadeRule & Readonly<{ fatal: boolean }>;

const levelStrength: readonly TlsLevel[] = [
  "none",
  "may",
  "encrypt",
  "fingerprint",
  "dane",
  "dane-only",
  "verify",
  "secure",
];
const cacheSize = 20_000;
/** Texts of values: most tables have few. */
const maxTexts = 1000;

export class SmtpClient {
  readonly view: View;
  readonly policyTables: readonly LookupTable[];
  /** Obsolete; none where there are policy tables. */
  readonly siteTables: readonly LookupTable[];
  readonly #maker: RuleMaker;
  readonly #byEntry = new WeakMap<TableHit, TlsRule>();
  readonly #problems = new Map<string, readonly PolicyProblem[]>();
  /** Patterns make a new hit for each key. */
  readonly #byText = new LRUCache<string, TlsRule>({ max: cacheSize });
  readonly #byKey = new LRUCache<string, TlsRule>({ max: cacheSize });
  readonly #broken: BrokenService | undefined;
  #global: GlobalRule | undefined;

  constructor({ view, maker, policyTables, siteTables, broken }: SmtpClientOptions) {
    this.#broken = broken;
    this.view = view;
    this.policyTables = policyTables;
    this.siteTables = policyTables.length > 0 ? [] : siteTables;
    this.#maker = maker;
  }

  answer({ nexthop, host, address }: OutboundQuestion): TlsRule {
    return this.answerFor(policyKey(nexthop), host ?? address);
  }

  /** @param site the MX host, for the obsolete tables */
  answerFor(key: string, site?: string): TlsRule {
    const question = this.siteTables.length > 0 ? `${key} ${site ?? ""}` : key;
    const known = this.#byKey.get(question);
    if (known !== undefined) return known;
    const rule = this.#find(key, site);
    this.#byKey.set(question, rule);
    return rule;
  }

  #find(key: string, host: string | undefined): TlsRule {
    if (this.global.fatal) return this.global.rule;
    if (this.siteTables.length > 0) return this.#ruleOfSite(key, host);
    const answer = lookUpPolicy(this.policyTables, key);
    if (answer.kind === "none") return this.global.rule;
    if (answer.kind === "error") return this.#refusal(answer.key);
    return this.ruleOf(answer.hit, scopeOf(answer.table, answer.key));
  }

  /** The rule of one entry of a policy table. */
  ruleOf(hit: TableHit, scope: string): TlsRule {
    const known = this.#byEntry.get(hit);
    if (known !== undefined) return known;
    // All entries of an `inline:` table stand on one line.
    const text = `${hit.from.file}:${hit.from.line}:${scope}:${hit.value}`;
    const made = this.#byText.get(text) ?? this.#makeRule(hit.value, originOf(hit, scope));
    this.#byText.set(text, made);
    this.#byEntry.set(hit, made);
    return made;
  }

  #makeRule(value: string, from: Origin): TlsRule {
    const parsed = parsePolicyValue(value);
    return parsed.kind === "policy"
      ? this.#maker.make(parsed.value, from).rule
      : this.#maker.refuse(from, parsed.level);
  }

  /** What is to be said about a line; the rule itself is only made when it is asked for. */
  problemsOf(value: string): readonly PolicyProblem[] {
    const known = this.#problems.get(value);
    if (known !== undefined) return known;
    const problems = this.#examine(value);
    if (this.#problems.size < maxTexts) this.#problems.set(value, problems);
    return problems;
  }

  #examine(value: string): readonly PolicyProblem[] {
    const parsed = parsePolicyValue(value);
    if (parsed.kind === "policy") return this.#maker.examine(parsed.value);
    const text = `${parsed.problem}: no mail is sent there (client TLS configuration problem)`;
    return [{ text, remedy: remedyFor(parsed.problem), refuses: true }];
  }

  #refusal(key: string): TlsRule {
    const { from } = this.view.setting("smtp_tls_policy_maps");
    return this.#maker.refuse({ ...from, scope: `next-hop ${key}: policy table lookup error` });
  }

  #ruleOfSite(key: string, host: string | undefined): TlsRule {
    const names = host === undefined || host === key.toLowerCase() ? [key] : [key, host];
    const answer = lookUpSite(this.siteTables, names);
    if (answer.kind === "none") return this.global.rule;
    if (answer.kind === "error") return this.#refusal(key);
    return this.#siteRule(answer, key);
  }

  #siteRule({ level, hit }: Extract<SiteAnswer, { kind: "found" }>, key: string): TlsRule {
    const global = this.global.rule;
    const stronger = levelStrength.indexOf(global.level.value) > levelStrength.indexOf("may");
    if (level === "may" && stronger) return global;
    return this.#maker.make(plainPolicy(level), originOf(hit, `next-hop ${key}`)).rule;
  }

  /** Where no table answers (KEY-15). */
  get global(): GlobalRule {
    this.#global ??= this.#makeGlobal();
    return this.#global;
  }

  #makeGlobal(): GlobalRule {
    if (this.#broken !== undefined) {
      const { file, line, column, text } = this.#broken;
      const at = { source: "postfix", file, line, column, scope: `a service that does not start: ${text}` };
      return { rule: this.#maker.refuse(at), problems: [], fatal: true };
    }
    const { value, from } = this.view.setting("smtp_tls_security_level");
    if (value === "") return { ...this.#obsoleteLevel(from), fatal: false };
    const level = parseLevel(value);
    if (level !== undefined) return { ...this.#maker.make(plainPolicy(level), from), fatal: false };
    const text = `Invalid TLS level "${value}": no mail is sent`;
    const remedy = "write none, may, encrypt, fingerprint, verify, secure, dane or dane-only";
    return { rule: this.#maker.refuse(from), problems: [{ text, remedy, refuses: true }], fatal: true };
  }

  #obsoleteLevel(from: Origin): MadeRule {
    const peerName = this.view.flag("smtp_tls_enforce_peername");
    if (this.view.flag("smtp_enforce_tls")) {
      const level = peerName ? "verify" : "encrypt";
      return this.#maker.make(plainPolicy(level), this.view.setting("smtp_enforce_tls").from);
    }
    const use = this.view.flag("smtp_use_tls");
    const used = this.view.setting("smtp_use_tls");
    return this.#maker.make(plainPolicy(use ? "may" : "none"), use ? used.from : from);
  }

  /** All entries that the key and its parents find, and the global level. */
  candidates({ nexthop, host, address }: OutboundQuestion): readonly Candidate[] {
    const key = policyKey(nexthop);
    const { level } = this.global.rule;
    if (this.global.fatal) {
      return [{ from: level.from, settings: [`refuse: ${configurationProblem}`], verdict: "wins" }];
    }
    const found: Candidate[] = [];
    const verdict = (): Candidate["verdict"] => (found.length === 0 ? "wins" : "shadowed");
    for (const one of this.siteTables.length > 0 ? [key, host ?? address ?? key] : keysToAsk(key)) {
      for (const table of this.siteTables.length > 0 ? this.siteTables : this.policyTables) {
        const answer = askAll([table], one);
        if (answer.kind === "none") continue;
        const { from } = this.view.setting("smtp_tls_policy_maps");
        if (answer.kind === "error") {
          found.push({ from, written: table.spec, settings: [`refuse: ${answer.text}`], verdict: verdict() });
        } else {
          const origin = originOf(answer.hit, scopeOf(table, one));
          const settings = describePolicy(answer.hit.value, this.problemsOf(answer.hit.value));
          found.push({ from: origin, written: answer.hit.from.written, settings, verdict: verdict() });
        }
      }
    }
    const settings = [`level: ${level.value}`, ...whyRefused(this.global.problems)];
    found.push({ from: level.from, settings, verdict: verdict() });
    return found;
  }
}

function whyRefused(problems: readonly PolicyProblem[]): readonly string[] {
  return problems.filter(({ refuses }) => refuses).map(({ text }) => `refuse: ${text}`);
}

function describePolicy(text: string, problems: readonly PolicyProblem[]): readonly string[] {
  const parsed = parsePolicyValue(text);
  if (parsed.kind === "invalid") return [`refuse: ${parsed.problem}`];
  const [level = "", ...others] = printPolicyValue(parsed.value).split(/ (?![^{]*\})/);
  return [`level: ${level}`, ...others, ...whyRefused(problems)];
}

/** The key, or the table where one entry stands for many keys. */
export function scopeOf({ kind, spec }: LookupTable, key: string): string {
  return kind === "fixed" ? `next-hop ${key}` : spec;
}

export function originOf({ from: { file, line, column } }: TableHit, scope: string): Origin {
  return { source: "postfix", file, line, column, scope };
}

function remedyFor(problem: string): string {
  if (problem.includes('"#')) return "put comments on lines of their own";
  if (problem.includes("missing '='")) return "one line for each destination; inside a value, colons separate";
  if (problem.includes("security level"))
    return "write none, may, encrypt, fingerprint, verify, secure, dane or dane-only";
  if (problem.includes("invalid attribute name")) {
    return "write match, protocols, ciphers, exclude, tafile, servername, connection_reuse or enable_rpk";
  }
  if (problem.includes("invalid at security level")) return "match and tafile need level verify, secure or fingerprint";
  return "correct this line; until then its mail waits";
}
