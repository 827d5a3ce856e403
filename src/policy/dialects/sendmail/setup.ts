/**
 * What the whole configuration says of TLS, once: who is trusted, what we show, which versions and ciphers, and what the
 * rules of every host begin with.
 */
import type { TrustAnchors } from "../../../tls/handshake-settings.ts";
import type { Origin } from "../../rules.ts";
import type { SourceFiles } from "../dialect.ts";
import type { Configuration, Notes, Place, Setting } from "./configuration.ts";
import { isTrue } from "./era.ts";
import { bothVersions, type Ciphers, onlyTls13, parseCiphers, parseSslOptions, type Versions } from "./ssl-settings.ts";
import { type OwnPair, readPair, readTrust } from "./trust.ts";

/** A value with the line it came from. */
type From<T> = Readonly<{ value: T; from: Origin }>;

export type Family = "inet" | "inet6";

export type Setup = Readonly<{
  /** The file that the whole configuration stands in. */
  from: Origin;
  anchors: From<TrustAnchors>;
  trustProblem: string | undefined;
  bothAuthoritiesSet: boolean;
  /** Revocation lists, which are not read here. */
  revocation: Setting | undefined;
  clientPair: OwnPair;
  serverPair: OwnPair;
  clientVersions: From<Versions> | undefined;
  serverVersions: From<Versions> | undefined;
  ciphers: From<string> | undefined;
  /** Why no handshake can be made as configured. */
  cipherProblem: string | undefined;
  fallbackToClear: From<boolean>;
  /** Level dane for every host. */
  dane: Setting | undefined;
  sts: Setting | undefined;
  /** TLSSrvOptions with V: clients are not asked for a certificate. */
  asksNobody: Setting | undefined;
  /** CLIENT_OPTIONS with M=S, for each family of addresses. */
  neverStarttls: Readonly<Record<Family, Setting | undefined>>;
}>;

export function readSetup(
  configuration: Configuration | undefined,
  from: Origin,
  files: SourceFiles,
  notes: Notes,
): Setup {
  const option = (name: string): Setting | undefined => configuration?.options.get(name);
  const value = (name: string): string | undefined => option(name)?.value;
  const caFile = option("cacertfile");
  const caPath = option("cacertpath");
  const trust = readTrust(caFile, caPath, files);
  const ciphers = readCiphers(option("cipherlist"), option("ciphersuites"), notes);
  return {
    from,
    anchors: { value: trust.anchors, from: caFile === undefined ? from : originOf(caFile, "CACertFile") },
    trustProblem: trust.problem,
    bothAuthoritiesSet: Boolean(caFile?.value) && Boolean(caPath?.value),
    revocation: [option("crlfile"), option("crlpath")].find((setting) => Boolean(setting?.value)),
    clientPair: readPair("sendmail client", value("clientcertfile"), value("clientkeyfile"), files),
    serverPair: readPair("sendmail server", value("servercertfile"), value("serverkeyfile"), files),
    clientVersions: limited(readVersions(option("clientssloptions"), notes), ciphers.versions),
    serverVersions: limited(readVersions(option("serverssloptions"), notes), ciphers.versions),
    ciphers: ciphers.ciphers,
    cipherProblem: ciphers.problem,
    fallbackToClear: fallback(option("tlsfallbacktoclear"), from),
    dane: isTrue(value("dane")) || value("dane")?.toLowerCase() === "always" ? option("dane") : undefined,
    sts:
      configuration?.sts ?? (isTrue(value("stricttransportsecurity")) ? option("stricttransportsecurity") : undefined),
    asksNobody: withWord(option("tlssrvoptions"), "V"),
    neverStarttls: {
      inet: configuration?.clients.find(({ value }) => isWithoutTls(value, "inet")),
      inet6: configuration?.clients.find(({ value }) => isWithoutTls(value, "inet6")),
    },
  };
}

/** Words stand between blanks or commas; letters that follow the first of a word do not count. */
function withWord(setting: Setting | undefined, letter: string): Setting | undefined {
  return setting?.value.split(/[\s,]+/).some((word) => word.startsWith(letter)) === true ? setting : undefined;
}

/** The letters behind `M=` of DAEMON_OPTIONS and CLIENT_OPTIONS. */
export function modifiersOf(value: string): string {
  return portOption(value, "M");
}

/** A line without `Family=` is for IPv4. */
function isWithoutTls(value: string, family: Family): boolean {
  return modifiersOf(value).includes("S") && (portOption(value, "F") || "inet").toLowerCase() === family;
}

/** Only the first letter of a name counts. */
export function portOption(value: string, initial: string): string {
  for (const part of value.split(",")) {
    const [name = "", text = ""] = part.split("=");
    if (name.trim().charAt(0).toUpperCase() === initial) return text.trim();
  }
  return "";
}

export function originOf(setting: Readonly<{ at: Place }>, scope: string): Origin {
  return { source: "sendmail", file: setting.at.file, line: setting.at.line, column: 1, scope };
}

function fallback(setting: Setting | undefined, from: Origin): From<boolean> {
  return setting === undefined
    ? { value: false, from }
    : { value: isTrue(setting.value), from: originOf(setting, "TLSFallbacktoClear") };
}

function readVersions(setting: Setting | undefined, notes: Notes): From<Versions> | undefined {
  if (setting === undefined) return undefined;
  const { versions, unknown } = parseSslOptions(setting.value);
  for (const name of unknown) {
    notes.add("warning", setting.at, `${name} is no option of OpenSSL's, so it does nothing`, "correct its name");
  }
  return versions === undefined ? undefined : { value: versions, from: originOf(setting, "SSL options") };
}

type CipherSetup = Readonly<{
  ciphers: From<string> | undefined;
  /** Where the list names nothing that is ever used for TLS 1.2. */
  versions: From<Versions> | undefined;
  problem: string | undefined;
}>;

function readCiphers(list: Setting | undefined, suites: Setting | undefined, notes: Notes): CipherSetup {
  const setting = [list, suites].find((each) => Boolean(each?.value));
  if (setting === undefined) return { ciphers: undefined, versions: undefined, problem: undefined };
  const made = parseCiphers(list?.value || undefined, suites?.value || undefined);
  noteCiphers(made, setting, notes);
  if (made.kind === "bad") return { ciphers: undefined, versions: undefined, problem: made.why };
  const from = originOf(setting, "CipherList");
  const versions = made.kind === "only-1.3" ? { value: onlyTls13, from } : undefined;
  return { ciphers: { value: made.ciphers, from }, versions, problem: undefined };
}

function limited(own: From<Versions> | undefined, more: From<Versions> | undefined): From<Versions> | undefined {
  const value = bothVersions(own?.value, more?.value);
  const from = own?.from ?? more?.from;
  return value === undefined || from === undefined ? undefined : { value, from };
}

function noteCiphers(made: Ciphers, { at }: Setting, notes: Notes): void {
  if (made.kind === "bad") {
    notes.add("error", at, `CipherList cannot be used: ${made.why}`, "write a list that OpenSSL takes");
  } else if (made.kind === "only-1.3") {
    notes.add("differs", at, "no cipher of this list is ever used here for TLS 1.2, so TLS 1.3 alone is left");
  } else {
    notes.add("differs", at, "ciphers without forward secrecy, authentication or strength are left out of the list");
  }
}
