/**
 * `tls:` at every scope, compiled into the list of scoped rules that `../policy/scoped-rules.ts` answers from. Every
 * setting keeps the line it was written on. Rules that contradict themselves are reported here; what a rule means for
 * a connection is decided nowhere but in `../policy/decide.ts`.
 */

import { type DomainPattern, formatDomainPattern } from "../mail/domain-pattern.ts";
import { printRequirement, type RequirementText } from "../policy/dialects/sendmail/requirement-text.ts";
import type { PeerRequirement, Sourced } from "../policy/rules.ts";
import type { ScopedRule, ScopedSettings } from "../policy/scoped-rules.ts";
import type { TlsVersion } from "../tls/handshake-settings.ts";
import type { Authorities } from "./authorities.ts";
import type { Certificates } from "./certificates.ts";
import type { Loading } from "./loading.ts";
import type { Place } from "./problem.ts";
import type { Keyed, Values } from "./section-types.ts";
import type { fileTable } from "./table.ts";
import type { TlsSection } from "./tls-table.ts";
import { type Located, plain } from "./value-types.ts";

/** Sendmail's codes: without a prefix that of version 8.17 and later. */
export const requirementReplies = {
  PERM: { code: 503, status: "5.7.0" },
  TEMP: { code: 403, status: "4.7.0" },
  none: { code: 454, status: "4.7.0" },
} as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Scope = ScopedRule["scope"];

/** What the scopes around a rule say already. */
type Outer = Readonly<{ pins: boolean; words: string; scope: Scope }>;

export function compileTlsRules(
  values: Values<typeof fileTable>,
  certificates: Certificates,
  authorities: Authorities,
  loading: Loading,
): readonly ScopedRule[] {
  const compiler = new Compiler(certificates, authorities, loading);
  const { tls } = values;
  const global = compiler.walk(tls, { pins: false, words: "", scope: {} });
  const groups = new Map<string, Outer>();
  for (const { key, value } of values["binding-groups"].value) {
    const outer = { pins: global.pins, words: `binding group ${key}`, scope: { group: key } };
    groups.set(key, compiler.walk(value.values.tls, outer));
  }
  for (const { key, value } of values.bindings.value) {
    const group = groups.get(value.values.group?.value ?? "");
    const pins = group?.pins ?? global.pins;
    compiler.walk(value.values.tls, { pins, words: `binding ${key}`, scope: { binding: key } });
  }
  return compiler.finish();
}

class Compiler {
  readonly #certificates: Certificates;
  readonly #authorities: Authorities;
  readonly #loading: Loading;
  readonly #rules: ScopedRule[] = [];
  /** Rules whose `match` counts only if some other scope asks for verify or secure. */
  readonly #matches: Place[] = [];
  #someVerify = false;

  constructor(certificates: Certificates, authorities: Authorities, loading: Loading) {
    this.#certificates = certificates;
    this.#authorities = authorities;
    this.#loading = loading;
  }

  finish(): readonly ScopedRule[] {
    if (!this.#someVerify) for (const at of this.#matches) this.#uselessMatch(at);
    return this.#rules;
  }

  /** Compiles a section and all below it. @returns what it says to those that are below it elsewhere */
  walk(tls: Located<TlsSection> | undefined, outer: Outer): Outer {
    if (tls === undefined) return outer;
    const { values } = tls.value;
    const inner = this.#rule(tls, outer);
    this.#nested(values.domains?.value, inner, "domain", "domain");
    this.#nested(values.hosts?.value, inner, "host", "MX host");
    for (const { key, at, value } of values.nexthops?.value ?? []) {
      const words = `nexthop ${key}${inner.words === "" ? "" : ` in ${inner.words}`}`;
      this.walk({ value: value as TlsSection, at }, { ...inner, words, scope: { ...inner.scope, nexthop: key } });
    }
    return inner;
  }

  #nested(
    entries: readonly Keyed<DomainPattern, unknown>[] | undefined,
    outer: Outer,
    coordinate: "domain" | "host",
    word: string,
  ): void {
    for (const { key, at, value } of entries ?? []) {
      const words = `${word} ${formatDomainPattern(key)}${outer.words === "" ? "" : ` in ${outer.words}`}`;
      // A host's section is a domain's without `hosts`, and both are TLS sections with fewer keys.
      this.walk({ value: value as TlsSection, at }, { ...outer, words, scope: { ...outer.scope, [coordinate]: key } });
    }
  }

  #rule({ value: { values }, at }: Located<TlsSection>, outer: Outer): Outer {
    const words = outer.words === "" ? "everything" : outer.words;
    const settings = this.#settings(values, words);
    const pins = outer.pins || (settings.pins?.value.length ?? 0) > 0;
    this.#check(values, pins);
    if (Object.keys(settings).length > 0) {
      this.#rules.push({ scope: outer.scope, settings, from: this.#loading.origin(at, words) });
    }
    return { pins, words: outer.words, scope: outer.scope };
  }

  #settings(values: TlsSection["values"], words: string): ScopedSettings {
    const settings: Mutable<ScopedSettings> = {};
    const sourced = <T>(located: Located<unknown>, value: T): Sourced<T> => ({
      value,
      from: this.#loading.origin(located.at, words),
    });
    const { level, match, ca, pins, protocols, ciphers, groups, sni, fallback, mode, expires } = values;
    if (level !== undefined) settings.level = sourced(level, level.value);
    if (match !== undefined) settings.match = sourced(match, plain(match.value));
    if (ca !== undefined) {
      const anchors = this.#authorities.read(ca, values["partial-chains"]?.value === true);
      if (anchors !== undefined) settings.anchors = sourced(ca, anchors);
    }
    if (pins !== undefined) settings.pins = sourced(pins, plain(pins.value));
    if (protocols !== undefined) settings.protocols = sourced(protocols, this.#versions(protocols));
    if (ciphers !== undefined) settings.ciphers = sourced(ciphers, ciphers.value);
    if (groups !== undefined) settings.groups = sourced(groups, groups.value);
    const bits = values["min-cipher-bits"];
    if (bits !== undefined) settings.minCipherBits = sourced(bits, bits.value);
    const certificate = values["client-certificate"];
    if (certificate?.value === "none") settings.clientCertificate = sourced(certificate, "none");
    else if (certificate !== undefined) {
      const credential = this.#certificates.client(certificate);
      if (credential !== undefined) settings.clientCertificate = sourced(certificate, credential);
    }
    if (sni !== undefined) settings.sni = sourced(sni, sni.value);
    if (fallback !== undefined) settings.fallback = sourced(fallback, fallback.value);
    const onFailure = values["on-failure"];
    if (onFailure !== undefined) settings.onFailure = sourced(onFailure, onFailure.value);
    if (mode !== undefined) settings.mode = sourced(mode, mode.value);
    this.#rarer(values, settings, sourced);
    if (expires !== undefined) {
      const { owner, reason } = values;
      const exception = { expiresAt: expires.value, owner: owner?.value, reason: reason?.value };
      settings.exception = sourced(expires, exception);
    }
    return settings;
  }

  /** Settings that a configuration taken over from another system brings along. */
  #rarer(
    values: TlsSection["values"],
    settings: Mutable<ScopedSettings>,
    sourced: <T>(located: Located<unknown>, value: T) => Sourced<T>,
  ): void {
    const { proof, wording, refuse } = values;
    if (proof !== undefined) settings.proof = sourced(proof, proof.value);
    if (wording !== undefined) settings.wording = sourced(wording, wording.value);
    if (refuse !== undefined) settings.refuse = sourced(refuse, refuse.value);
    const commonName = values["common-name"];
    if (commonName !== undefined) settings.commonName = sourced(commonName, commonName.value);
    const whenRefused = values["when-refused"];
    if (whenRefused !== undefined) settings.whenRefused = sourced(whenRefused, whenRefused.value);
    const patterns = values["mx-patterns"];
    if (patterns !== undefined) settings.mxPatterns = sourced(patterns, plain(patterns.value));
    const ofHost = values["demand-of-host"];
    if (ofHost !== undefined) settings.hostDemand = sourced(ofHost, this.#demand(ofHost, "host"));
    const ofRecipient = values["demand-of-recipient"];
    if (ofRecipient !== undefined)
      settings.recipientDemand = sourced(ofRecipient, this.#demand(ofRecipient, "recipient"));
  }

  #demand({ value, at }: Located<RequirementText | "none">, of: "host" | "recipient"): PeerRequirement | "none" {
    if (value === "none") return value;
    const { prefix, verify, bits, extensions } = value;
    const tags = extensions.filter(({ kind }) => kind === "issuer-tag");
    if (tags.length > 0) {
      this.#loading.problems.error(at, "CITag needs Sendmail's access map", "write CI: with the issuer itself");
    }
    return {
      from: this.#loading.origin(at, `demand of ${of}`),
      text: printRequirement(value),
      of,
      verify,
      bits,
      extensions: extensions.filter((extension) => extension.kind !== "issuer-tag"),
      reply: requirementReplies[prefix ?? "none"],
    };
  }

  #check(values: TlsSection["values"], hasPins: boolean): void {
    const { problems, now } = this.#loading;
    const { level, match, expires, owner, reason } = values;
    this.#loading.checkCiphers(values.ciphers);
    this.#loading.checkGroups(values.groups);
    if (level?.value === "fingerprint" && !hasPins) {
      problems.error(
        level.at,
        "level fingerprint without pins lets no mail go",
        "add pins: here or at a scope around it",
      );
    }
    if (level?.value === "dane" || level?.value === "dane-only") {
      const message = `level ${level.value} needs DANE evidence, which this version does not gather: no mail goes under this rule`;
      problems.warning(level.at, message, "use secure or fingerprint until it does");
    }
    if (level?.value === "verify" || level?.value === "secure") this.#someVerify = true;
    else if (match !== undefined && level !== undefined && values.domains === undefined && values.hosts === undefined) {
      this.#uselessMatch(match.at);
    } else if (match !== undefined) this.#matches.push(match.at);
    if (expires !== undefined && expires.value <= now) {
      const when = new Date(expires.value).toISOString();
      problems.warning(
        expires.at,
        `this rule ended on ${when} and does not apply`,
        "remove it, or give it a later date",
      );
    }
    const orphan = owner ?? reason;
    if (expires === undefined && orphan !== undefined) {
      problems.warning(orphan.at, "owner and reason belong to an exception that ends", "add expires: with a date");
    }
  }

  #uselessMatch(at: Place): void {
    this.#loading.problems.warning(
      at,
      "match has no effect without level verify or secure",
      "set the level, or remove it",
    );
  }

  #versions(
    protocols: Located<readonly Located<TlsVersion | "none">[]>,
  ): Readonly<{ min: TlsVersion; max: TlsVersion }> {
    const versions = protocols.value.map(({ value }) => value);
    if (versions.length === 1 && versions[0] === "none") return { min: "TLSv1.3", max: "TLSv1.2" };
    if (versions.length === 0 || versions.includes("none")) {
      this.#loading.problems.error(protocols.at, "no TLS version is left", "write TLSv1.2, TLSv1.3 or both");
    }
    return {
      min: versions.includes("TLSv1.2") ? "TLSv1.2" : "TLSv1.3",
      max: versions.includes("TLSv1.3") ? "TLSv1.3" : "TLSv1.2",
    };
  }
}
