/**
 * What becomes of mail under each combination of binding and domain that the configuration names: rules that refuse,
 * trust without anchors, encryption without proof (momentum reference 4.2: 1, 5, 10, 14).
 */
import type { TlsRule } from "../../rules.ts";
import { combinationsOf } from "./combinations.ts";
import { holdingOptions, isNone } from "./make-rule.ts";
import { keywordOf, type Model, type Setting } from "./model.ts";
import type { Notes, Position } from "./notes.ts";
import { find, type Layers, type Resolver, type Sender, tlsOf } from "./resolve.ts";
import type { OutboundRules } from "./source.ts";

type Counted = { setting: Setting; combinations: number; first: string };

export function checkRules(model: Model, resolver: Resolver, rules: OutboundRules, notes: Notes): void {
  new RuleCheck(model, resolver, rules, notes).run();
}

class RuleCheck {
  readonly #model: Model;
  readonly #resolver: Resolver;
  readonly #rules: OutboundRules;
  readonly #notes: Notes;
  readonly #refusals = new Map<string, Readonly<{ at: Position; text: string; first: string }>>();
  /** By the line that asks for verification. */
  readonly #trusting = new Map<Setting, { withAnchors: number; without: string | undefined }>();
  readonly #unverified = new Map<Setting, Counted>();
  readonly #pointless = new Map<Setting, Counted>();
  readonly #cancelled = new Map<Setting, Counted>();

  constructor(model: Model, resolver: Resolver, rules: OutboundRules, notes: Notes) {
    this.#model = model;
    this.#resolver = resolver;
    this.#rules = rules;
    this.#notes = notes;
  }

  run(): void {
    let encrypts = false;
    for (const { sender, key } of combinationsOf(this.#model)) {
      const routed = this.#resolver.routedKey(sender, key);
      const layers = this.#resolver.layers(sender, routed);
      const tls = tlsOf(layers);
      encrypts ||= tls !== "no";
      const where = inWords(sender, key);
      this.#look(layers, tls, where);
      this.#refusal(this.#rules.rule(sender, routed, true), layers, where);
    }
    if (!encrypts) this.#alwaysClear();
    this.#report();
  }

  #alwaysClear(): void {
    const text = "no mail leaves over TLS: tls is no where nothing is written";
    this.#notes.add("warning", this.#model.global.at, text, 'write tls = "ifavailable" at the top');
  }

  #look(layers: Layers, tls: string, where: string): void {
    const verify = find(layers, "tls_verify");
    const keyword = keywordOf(verify) ?? "no";
    const certificate = find(layers, "tls_certificate");
    const key = find(layers, "tls_key");
    const setting = find(layers, "tls");
    if (tls === "no") {
      if (verify !== undefined && keyword !== "no") count(this.#pointless, verify, where);
      return;
    }
    if (verify !== undefined && keyword !== "no") {
      const known = this.#trusting.get(verify) ?? { withAnchors: 0, without: undefined };
      if (find(layers, "tls_ca") === undefined) known.without ??= where;
      else known.withAnchors += 1;
      this.#trusting.set(verify, known);
    } else if (tls === "required" && setting !== undefined) count(this.#unverified, setting, where);
    if (key !== undefined && (certificate === undefined || isNone(certificate))) count(this.#cancelled, key, where);
  }

  /** What stands in no file of the configuration is told where it is needed; missing anchors are told apart. */
  #refusal({ refuse }: TlsRule, layers: Layers, where: string): void {
    if (refuse === undefined || refuse.value === false) return;
    const { value, from } = refuse;
    const line = `${from.file}:${from.line}:${value}`;
    const setting = layers
      .flatMap(({ settings }) => [...settings.values()])
      .find((each) => each.file.path === from.file && each.line === from.line && each.column === from.column);
    if (setting === undefined || setting.name === "tls_verify" || this.#refusals.has(line)) return;
    this.#refusals.set(line, { at: setting, text: typeof value === "string" ? value : value.text, first: where });
  }

  #report(): void {
    for (const { at, text, first } of this.#refusals.values()) {
      const differs = /^(?:use_|there is no cipher|blackhole|reroute_domain|delivery_method)/.test(text);
      this.#notes.add(differs ? "differs" : "warning", at, `mail waits (${first}): ${text}`, remedyFor(text));
    }
    for (const [verify, { withAnchors, without }] of this.#trusting) this.#reportTrust(verify, withAnchors, without);
    this.#firstOf(this.#unverified, (count) => ({
      text: `tls = required without tls_verify takes any certificate (${count})`,
      remedy: 'add tls_verify = "host" and tls_ca where the partner has a certificate to check',
    }));
    this.#firstOf(this.#pointless, (count) => ({
      text: `tls_verify does nothing where tls is no (${count})`,
      remedy: 'set tls = "required", or "ifavailable"',
    }));
    this.#firstOf(this.#cancelled, (count) => ({
      text: `tls_key is not used: there is no certificate to it (${count})`,
      remedy: "remove it, or write tls_certificate beside it",
    }));
  }

  #reportTrust(verify: Setting, withAnchors: number, without: string | undefined): void {
    if (without === undefined) return;
    const remedy = "write tls_ca = the file with the CA certificates to trust";
    if (keywordOf(verify) === "optional") {
      const text = `nothing can be verified (${without}): there is no tls_ca`;
      this.#notes.add("warning", verify, text, remedy);
      return;
    }
    const kind = withAnchors === 0 ? "error" : "warning";
    this.#notes.add(
      kind,
      verify,
      `mail waits (${without}): tls_verify = ${keywordOf(verify)} without a tls_ca`,
      remedy,
    );
  }

  #firstOf(counted: ReadonlyMap<Setting, Counted>, say: (count: string) => { text: string; remedy: string }): void {
    const [first, ...others] = counted.values();
    if (first === undefined) return;
    const more = others.length === 0 ? "" : `, and at ${others.length} lines more`;
    const { text, remedy } = say(`${first.first}${more}`);
    this.#notes.add("warning", first.setting, text, remedy);
  }
}

function count(counted: Map<Setting, Counted>, setting: Setting, where: string): void {
  const known = counted.get(setting) ?? { setting, combinations: 0, first: where };
  known.combinations += 1;
  counted.set(setting, known);
}

function inWords({ binding }: Sender, key: string | undefined): string {
  return `binding ${binding}, ${key === undefined ? "any other domain" : `domain ${key}`}`;
}

function remedyFor(text: string): string {
  if (holdingOptions.some((name) => text.startsWith(name))) return "nothing, if this mail is not to leave";
  if (text.startsWith("use_")) return `set ${text.split(" ")[0]} = false for mail that must leave without it`;
  if (text.startsWith("tls_ca")) return "give a readable PEM file of CA certificates";
  if (text.startsWith("tls_certificate")) return "give the certificate and its own key, unencrypted and readable";
  return "write ciphers that OpenSSL 3.5 has; remove tls_ciphers for its default";
}
