/**
 * From the sections that cover a queue to one rule, each setting from the first section that states it (reference, sections
 * 2.1, 2.3 and 2.4). What a rule means for a connection is said in `decide.ts` and `judge.ts` alone.
 *
 *     use-starttls no                          none      D1
 *     use-starttls yes                         may, clear text on the same host at once   D2, D3
 *       ... and smtp-tls-ca-file               the chain is checked; where it fails: clear text   D4
 *     use-starttls yes, require-starttls yes   encrypt   D5
 *       ... and smtp-tls-ca-file               the chain is required   D6
 */
import type { Origin, Sourced, TlsRule } from "../../rules.ts";
import { cipherList } from "./cipher-lists.ts";
import { type DomainSection, originOf, type Statement, statementOf } from "./domain-sections.ts";
import type { KeyFiles } from "./key-files.ts";
import { textOf, wordsOf } from "./lines.ts";
import { defaultOrigin } from "./note-list.ts";
import { defaultTls12Ciphers, defaultTls13Suites } from "./tls-options.ts";
import { booleanOf } from "./values.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Settings = Mutable<Partial<Omit<TlsRule, "level">>>;
type Flag = Readonly<{ on: boolean; from: Origin }>;

/**
 * @param sections most specific first
 * @param dane `set-aside`: as if `use-dane` were not written, for whoever says it in another way
 */
export function tlsRule(
  sections: readonly DomainSection[],
  keys: KeyFiles,
  dane: "refuses" | "set-aside" = "refuses",
): TlsRule {
  const use = flag(sections, "use-starttls", true);
  const require = flag(sections, "require-starttls", false);
  const settings: Settings = {};
  const refusals: Sourced<string>[] = [
    ...undeliverable(sections),
    ...unseenEvidence(sections, dane),
    ...(use.on ? handshakeSettings(settings, sections, keys, require.on) : []),
  ];
  settings.fallback = fallback(use, require, settings);
  settings.ciphers ??= powerMtaCiphers;
  const [refuse] = refusals;
  if (refuse !== undefined) settings.refuse = refuse;
  return { level: level(use, require), ...settings };
}

/** Which statement gave the level: the one that keeps TLS away, or asks for it, before the defaults. */
function level(use: Flag, require: Flag): TlsRule["level"] {
  if (!use.on) return { value: "none", from: use.from };
  if (require.on) return { value: "encrypt", from: require.from };
  return { value: "may", from: use.from === defaultOrigin ? require.from : use.from };
}

/** The rule says all of this at every level, so that nothing is taken from elsewhere where it is exported. */
function fallback(use: Flag, require: Flag, { proof }: Settings): NonNullable<TlsRule["fallback"]> {
  if (use.on && require.on) return { value: { kind: "never" }, from: require.from };
  const alsoUnproven = proof === undefined ? {} : ({ alsoUnproven: true } as const);
  const from = require.from === defaultOrigin ? use.from : require.from;
  return { value: { kind: "at-once", turn: "same-host", ...alsoUnproven }, from };
}

const powerMtaCiphers = { value: `${defaultTls13Suites}:${defaultTls12Ciphers}`, from: defaultOrigin };

/** A directive of value yes or no, or its default. */
export function flag(sections: readonly DomainSection[], name: string, fallback: boolean): Flag {
  const statement = statementOf(sections, name);
  const on = statement === undefined ? undefined : booleanOf(statement.directive.value);
  if (statement === undefined || on === undefined) return { on: fallback, from: defaultOrigin };
  return { on, from: originOf(statement) };
}

/** A directive whose value is not empty: the empty value clears what a wider section says. */
export function stated(sections: readonly DomainSection[], name: string): Statement | undefined {
  const statement = statementOf(sections, name);
  return statement === undefined || textOf(statement.directive.value) === "" ? undefined : statement;
}

/** `type discard` and the like: nothing of it may leave by SMTP. */
function undeliverable(sections: readonly DomainSection[]): Sourced<string>[] {
  const statement = stated(sections, "type");
  const kind = statement === undefined ? "smtp" : textOf(statement.directive.value).toLowerCase();
  if (statement === undefined || kind === "smtp") return [];
  return [{ value: `type ${kind} is not done here`, from: originOf(statement) }];
}

/** D7 and D9: until the evidence is gathered nothing weaker is done. */
function unseenEvidence(sections: readonly DomainSection[], how: "refuses" | "set-aside"): Sourced<string>[] {
  const dane = flag(sections, "use-dane", false);
  const sts = flag(sections, "use-mta-sts", false);
  const refusals: Sourced<string>[] = [];
  if (dane.on && how === "refuses")
    refusals.push({ value: "use-dane asks for DANE, whose evidence is not gathered yet", from: dane.from });
  if (sts.on) refusals.push({ value: "use-mta-sts asks for MTA-STS, which is not looked up yet", from: sts.from });
  return refusals;
}

function handshakeSettings(
  settings: Settings,
  sections: readonly DomainSection[],
  keys: KeyFiles,
  required: boolean,
): Sourced<string>[] {
  const protocols = allowedProtocols(sections, required);
  if (protocols !== undefined) settings.protocols = protocols;
  return [
    ...setCiphers(settings, sections),
    ...setAnchors(settings, sections, keys),
    ...setCredential(settings, sections, keys),
  ];
}

/**
 * None left of 1.2 and 1.3: no handshake succeeds, since older versions are never spoken (RFC 8996). Where PowerMTA would
 * wish for one of those, newer ones are used in their place: clear text would be less than what was asked for.
 */
function allowedProtocols(sections: readonly DomainSection[], required: boolean): TlsRule["protocols"] | undefined {
  const tls12 = flag(sections, "smtp-tls-allow-tlsv1.2", true);
  const tls13 = flag(sections, "smtp-tls-allow-tlsv1.3", true);
  const from = tls12.from === defaultOrigin ? tls13.from : tls12.from;
  if (from === defaultOrigin) return undefined;
  const old = flag(sections, "smtp-tls-allow-tlsv1.1", true).on || flag(sections, "smtp-tls-allow-tlsv1", false).on;
  const inPlace = !required && old && !tls12.on && !tls13.on;
  return { value: versionRange(inPlace || tls12.on, inPlace || tls13.on), from };
}

export function versionRange(tls12: boolean, tls13: boolean): NonNullable<TlsRule["protocols"]>["value"] {
  return { min: tls12 ? "TLSv1.2" : "TLSv1.3", max: tls13 ? "TLSv1.3" : "TLSv1.2" };
}

function setCiphers(settings: Settings, sections: readonly DomainSection[]): Sourced<string>[] {
  const list = stated(sections, "smtp-tls-ciphers");
  const suites = stated(sections, "smtp-tls-tlsv1.3-ciphersuites");
  const statement = list ?? suites;
  const from = statement === undefined ? defaultOrigin : originOf(statement);
  const made = cipherList(writtenIn(list), writtenIn(suites));
  if (made.kind === "bad") return [{ value: `no cipher of the configuration may be used: ${made.problem}`, from }];
  settings.ciphers = { value: made.ciphers, from };
  return [];
}

function setAnchors(settings: Settings, sections: readonly DomainSection[], keys: KeyFiles): Sourced<string>[] {
  const statement = stated(sections, "smtp-tls-ca-file");
  if (statement === undefined) return [];
  const from = originOf(statement);
  const [file = ""] = wordsOf(statement.directive.value);
  const read = keys.anchors(file);
  if (read.kind === "bad") return [{ value: read.problem, from }];
  settings.anchors = { value: read.anchors, from };
  settings.proof = { value: "chain", from };
  return [];
}

function setCredential(settings: Settings, sections: readonly DomainSection[], keys: KeyFiles): Sourced<string>[] {
  const statement = stated(sections, "smtp-client-certificate");
  if (statement === undefined) return [];
  const from = originOf(statement);
  const [file = "", password] = wordsOf(statement.directive.value);
  const read = keys.credential(file, password);
  if (read.kind === "bad") return [{ value: read.problem, from }];
  settings.clientCertificate = { value: read.credential, from };
  return [];
}

function writtenIn(statement: Statement | undefined): string | undefined {
  return statement === undefined ? undefined : textOf(statement.directive.value);
}
