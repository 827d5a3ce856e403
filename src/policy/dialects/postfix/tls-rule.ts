/**
 * From a policy value and the parameters of one transport service to the neutral rule (Postfix: 1.2 "Which defaults",
 * 1.4, 1.5). A policy replaces everything; what it does not say comes from main.cf, by its level.
 *
 * What Postfix finds wrong only at the handshake (protocol names, grades) makes the rule refuse, and `problems` says
 * why: a typing error at `may` would otherwise end in clear text (OUT-11).
 */
import { parseDomain } from "../../../mail/domain.ts";
import type { EnhancedStatus } from "../../../mail/outcome.ts";
import { checkGroups } from "../../../tls/cipher-settings.ts";
import type { TrustAnchors } from "../../../tls/handshake-settings.ts";
import type { NamePattern, Origin, Pin, SniChoice, Sourced, TlsLevel, TlsRule } from "../../rules.ts";
import { type CipherLists, cipherChoice } from "./cipher-grades.ts";
import type { View } from "./configuration.ts";
import { parseFingerprints } from "./fingerprints.ts";
import { isHostName } from "./host-name.ts";
import { type MatchNames, parseParameterMatch, parseTableMatch } from "./match-names.ts";
import type { PolicyValue } from "./policy-value.ts";
import { currentTls, parseProtocolList } from "./protocol-list.ts";
import type { Engine } from "./tls-engine.ts";
import { noAnchors, type Trust } from "./trust.ts";

/** Something about a policy that its author should know; `refuses`: the rule makes no connection because of it. */
export type PolicyProblem = Readonly<{
  text: string;
  remedy: string;
  refuses: boolean;
  /** Default: a warning. */
  kind?: "differs";
}>;

export type MadeRule = Readonly<{ rule: TlsRule; problems: readonly PolicyProblem[] }>;

export const configurationProblem = "client TLS configuration problem";
const engineUnavailable = "TLS is required, but our TLS engine is unavailable";

type Refusal = Readonly<{ status: EnhancedStatus; text: string }>;
type Fields = { -readonly [key in keyof TlsRule]?: TlsRule[key] };

const isMandatory = (level: TlsLevel): boolean => level !== "none" && level !== "may";
export const matchesNames = (level: TlsLevel): boolean => level === "verify" || level === "secure";

/** Postfix's answer to a policy that it cannot use. */
export function refusing(level: Sourced<TlsLevel>, from: Origin, refusal: string | Refusal): TlsRule {
  return { level, wording: { value: "postfix", from }, refuse: { value: refusal, from } };
}

/** @param from of the policy line, or of the parameter that gave the level. */
export function makeRule(view: View, engine: Engine, value: PolicyValue, from: Origin): MadeRule {
  return new Making(view, engine, value, from).finish();
}

/** One rule in the making. */
class Making {
  readonly #view: View;
  readonly #engine: Engine;
  readonly #value: PolicyValue;
  readonly #from: Origin;
  readonly #level: TlsLevel;
  readonly #fields: Fields = {};
  readonly #problems: PolicyProblem[] = [];
  #refusal: string | Refusal | undefined;

  constructor(view: View, engine: Engine, value: PolicyValue, from: Origin) {
    this.#view = view;
    this.#engine = engine;
    this.#value = value;
    this.#from = from;
    this.#level = this.#effectiveLevel(value.level);
  }

  finish(): MadeRule {
    const level = { value: this.#level, from: this.#from };
    this.#checkWrapperMode();
    if (this.#level !== "none") this.#fill();
    const wording = { value: "postfix", from: this.#from } as const;
    const rule: TlsRule =
      this.#refusal === undefined ? { level, wording, ...this.#fields } : refusing(level, this.#from, this.#refusal);
    return { rule, problems: this.#problems };
  }

  #fill(): void {
    this.#protocols();
    this.#ciphers();
    this.#groups();
    this.#sni();
    this.#anchors();
    this.#credential();
    if (matchesNames(this.#level)) this.#match();
    if (this.#level === "fingerprint") this.#pins();
    this.#stsPolicy();
    this.#whenTlsFails();
    this.#fields.commonName = { value: "without-san", from: this.#from };
  }

  /** Without DNSSEC answers Postfix itself takes `dane` for `may` and refuses `dane-only` (DAN-13). */
  #effectiveLevel(level: TlsLevel): TlsLevel {
    if (level !== "dane" && level !== "dane-only") return level;
    const support = this.#view.setting("smtp_dns_support_level").value.toLowerCase();
    const lookup = this.#view.list("smtp_host_lookup").map((word) => word.toLowerCase());
    if (support === "dnssec" && lookup.includes("dns")) return level;
    const remedy =
      support === "dnssec" ? 'write "smtp_host_lookup = dns"' : 'write "smtp_dns_support_level = dnssec" in main.cf';
    if (level === "dane") {
      this.#warn(`DNSSEC lookups are off, so "dane" means "may": mail may leave in clear text`, remedy);
      return "may";
    }
    this.#fail("DNSSEC lookups are off, so no mail is sent", remedy);
    return level;
  }

  #warn(text: string, remedy: string): void {
    this.#problems.push({ text, remedy, refuses: false });
  }

  #differs(text: string): void {
    this.#problems.push({ text, remedy: 'write ">=TLSv1.2"', refuses: false, kind: "differs" });
  }

  #fail(text: string, remedy: string, refusal: string | Refusal = configurationProblem): void {
    this.#problems.push({ text, remedy, refuses: true });
    this.#refusal ??= refusal;
  }

  /** OUT-18 */
  #checkWrapperMode(): void {
    if (!this.#view.flag("smtp_tls_wrappermode") || isMandatory(this.#level)) return;
    this.#fail(
      `smtp_tls_wrappermode requires "smtp_tls_security_level = encrypt" (or stronger), not "${this.#level}"`,
      "use level encrypt or stronger for this transport",
      { status: "4.3.0", text: "server unavailable or unable to receive mail" },
    );
  }

  /** The attribute, or the parameter for this level with its own line. */
  #chosen(attribute: string | undefined, plain: string, mandatory: string): Sourced<string> {
    if (attribute !== undefined) return { value: attribute, from: this.#from };
    const { value, from } = this.#view.setting(isMandatory(this.#level) ? mandatory : plain);
    return { value, from };
  }

  #protocols(): void {
    const { value, from } = this.#chosen(this.#value.protocols, "smtp_tls_protocols", "smtp_tls_mandatory_protocols");
    const list = parseProtocolList(value);
    if (list.kind === "invalid") {
      const remedy = "write names among TLSv1.2 and TLSv1.3, separated by a colon";
      this.#fail(`Invalid TLS protocol list "${value}": there is no "${list.word}"`, remedy);
      return;
    }
    const onlyOld = list.none && list.oldTls;
    if (onlyOld) this.#differs(`protocol list "${value}" holds nothing but TLS 1.0 and 1.1: ${this.#withoutOldTls()}`);
    else if (list.none) {
      const text = `protocol list "${value}" leaves no protocol: no handshake can succeed${this.#endsInClear()}`;
      this.#warn(text, 'write ">=TLSv1.2"');
    }
    const range = onlyOld && this.#level === "may" ? currentTls : list.range;
    this.#fields.protocols = { value: range, from };
  }

  /** In clear text after a failed handshake would be less than what was asked for. */
  #withoutOldTls(): string {
    if (this.#level === "may") return "TLS 1.2 and 1.3 are used in their place";
    return "they are never spoken here, so no handshake can succeed";
  }

  /** OUT-11 */
  #endsInClear(): string {
    return this.#level === "may" ? ", and mail that has waited for minimal_backoff_time leaves in clear text" : "";
  }

  #ciphers(): void {
    const grade = this.#chosen(this.#value.ciphers, "smtp_tls_ciphers", "smtp_tls_mandatory_ciphers");
    const lists: CipherLists = {
      high: this.#view.setting("tls_high_cipherlist").value,
      medium: this.#view.setting("tls_medium_cipherlist").value,
      null: this.#view.setting("tls_null_cipherlist").value,
    };
    const choice = cipherChoice(grade.value, this.#excluded(), this.#level, lists);
    if (choice.kind === "invalid") {
      this.#fail(choice.problem, 'write "high" or "medium", and exclude less');
      return;
    }
    this.#fields.ciphers = { value: choice.ciphers, from: grade.from };
  }

  #excluded(): string {
    if (this.#value.exclude !== undefined) return this.#value.exclude;
    const plain = this.#view.setting("smtp_tls_exclude_ciphers").value;
    return isMandatory(this.#level)
      ? `${plain} ${this.#view.setting("smtp_tls_mandatory_exclude_ciphers").value}`
      : plain;
  }

  /** Only where somebody chose them: else Letterlock's own, which have a post-quantum group. */
  #groups(): void {
    const curves = this.#view.setting("tls_eecdh_auto_curves");
    if (curves.isDefault) return;
    const names = [...this.#view.list("tls_eecdh_auto_curves"), ...this.#view.list("tls_ffdhe_auto_groups")];
    const usable = names.filter((name) => checkGroups(name) === undefined);
    if (usable.length > 0) this.#fields.groups = { value: usable.join(":"), from: curves.from };
  }

  /** None by default: some hosts answer differently to a name. */
  #sni(): void {
    const attribute = this.#value.servername;
    const setting = this.#view.setting("smtp_tls_servername");
    const text = attribute ?? setting.value;
    const from = attribute === undefined ? setting.from : this.#from;
    const choice = sniChoice(text);
    if (choice === undefined) {
      this.#fail(`"smtp_tls_servername=${text}" specifies an invalid hostname`, "write a name, hostname or nexthop");
      return;
    }
    this.#fields.sni = { value: choice, from };
  }

  #anchors(): void {
    const tafile = this.#view.setting("smtp_tls_trust_anchor_file");
    const names = this.#value.tafiles.length > 0 ? this.#value.tafiles : this.#view.list("smtp_tls_trust_anchor_file");
    if (matchesNames(this.#level) && names.length > 0) {
      const from = this.#value.tafiles.length > 0 ? this.#from : tafile.from;
      const trust = this.#engine.trustFiles(names);
      if (trust.kind === "anchors") this.#fields.anchors = { value: trust.anchors, from };
      else this.#fail(trust.problem, "give a PEM file with certificates");
      return;
    }
    const { value, from } = this.#engine.authorities;
    this.#fields.anchors = { value: this.#trusted(value), from };
  }

  #trusted(trust: Trust): TrustAnchors {
    if (trust.kind === "anchors") {
      if (trust.anchors === noAnchors && matchesNames(this.#level)) {
        this.#warn(
          `level "${this.#level}" can never succeed: no CA is trusted`,
          "set smtp_tls_CAfile, for example to /etc/ssl/certs/ca-certificates.crt",
        );
      }
      return trust.anchors;
    }
    this.#engineFails(trust.problem, "give a CA file that can be read");
    return noAnchors;
  }

  #credential(): void {
    const { value, from } = this.#engine.credential;
    if (value.kind === "found") this.#fields.clientCertificate = { value: value.credential, from };
    if (value.kind === "failed") this.#engineFails(value.problem, value.remedy);
  }

  /** Postfix has no TLS then: it refuses where TLS is required. Elsewhere it goes on in clear; here in TLS (OUT-16). */
  #engineFails(problem: string, remedy: string): void {
    if (isMandatory(this.#level)) this.#fail(problem, remedy, engineUnavailable);
    else this.#warn(problem, remedy);
  }

  #match(): void {
    const given = this.#value.match;
    const setting = this.#view.setting(`smtp_tls_${this.#level}_cert_match`);
    const names = given.length > 0 ? parseTableMatch(given) : parseParameterMatch(setting.value);
    this.#problems.push(...nameProblems(names));
    this.#setMatch(names.patterns, given.length > 0 ? this.#from : setting.from);
  }

  #setMatch(value: readonly NamePattern[], from: Origin): void {
    this.#fields.match = { value, from };
  }

  #pins(): void {
    const given = this.#value.match.flatMap((text) => text.split("|"));
    const setting = this.#view.setting("smtp_tls_fingerprint_cert_match");
    const digests = given.length > 0 ? given : this.#view.list("smtp_tls_fingerprint_cert_match");
    const algorithm = this.#view.setting("smtp_tls_fingerprint_digest").value;
    const read = parseFingerprints(algorithm, digests);
    if (read.kind === "unsupported") {
      this.#fail(`smtp_tls_fingerprint_digest = ${algorithm} is not supported here`, "use sha256 or sha512");
      return;
    }
    for (const text of read.malformed) this.#warn(`"${text}" is no digest`, "write hexadecimal digits");
    for (const text of read.wrongLength) {
      this.#warn(`digest "${text}" is not as long as ${algorithm} digests are`, `write the ${algorithm} digest`);
    }
    this.#setPins(read.pins, given.length > 0 ? this.#from : setting.from);
  }

  #setPins(value: readonly Pin[], from: Origin): void {
    if (value.length > 0) this.#fields.pins = { value, from };
    else this.#fail("no fingerprints to match", 'write "fingerprint match=" and a digest');
  }

  /** STS-1, STS-6 */
  #stsPolicy(): void {
    const { type, mxPatterns, failure } = this.#value.builtIn;
    if (failure !== undefined && (matchesNames(this.#level) || this.#level === "fingerprint")) {
      this.#fail(`external policy failure (${failure})`, "see the program that wrote this policy", {
        status: "4.7.5",
        text: "Server certificate not verified",
      });
    }
    const complete = type === "sts" && mxPatterns.length > 0;
    if (!complete || !matchesNames(this.#level) || !this.#view.flag("smtp_tls_enforce_sts_mx_patterns")) return;
    this.#fields.mxPatterns = { value: mxPatterns, from: this.#from };
    // Without `match=` hosts are still skipped by pattern, and names stay those of the level (STS-4).
    if (this.#value.match.length > 0) this.#setMatch([{ kind: "hostname" }], this.#from);
  }

  #whenTlsFails(): void {
    if (isMandatory(this.#level)) {
      const soft = this.#view.setting("soft_bounce");
      const from = soft.isDefault ? this.#from : soft.from;
      this.#fields.whenRefused = { value: this.#view.flag("soft_bounce") ? "next-host" : "bounce-5yz", from };
      return;
    }
    const { from } = this.#view.setting("minimal_backoff_time");
    const ms = this.#view.timeMs("minimal_backoff_time");
    this.#fields.fallback = { value: { kind: "after", ms, turn: "same-host" }, from };
  }
}

export function nameProblems({ unusable }: MatchNames): readonly PolicyProblem[] {
  return unusable.map(({ name, why, remedy }) => {
    return { text: `match name "${name}" matches no certificate: ${why}`, remedy, refuses: false };
  });
}

function sniChoice(text: string): SniChoice | undefined {
  if (text === "") return { kind: "off" };
  if (text === "hostname" || text === "nexthop") return { kind: text };
  const name = isHostName(text) ? parseDomain(text) : undefined;
  return name === undefined ? undefined : { kind: "name", name };
}
