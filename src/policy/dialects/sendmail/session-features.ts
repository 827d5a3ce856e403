/**
 * One entry of TLS_Clt_features or TLS_Srv_features, made into settings of a handshake, files read. Any error means, as
 * in Sendmail, that STARTTLS is not possible with this peer; so does what cannot be honoured here.
 */
import type { Credential } from "../../../tls/handshake-settings.ts";
import type { SourceFiles } from "../dialect.ts";
import { parseSessionFeatures } from "./features-text.ts";
import { bothVersions, onlyTls13, parseCiphers, parseSslOptions, type Versions } from "./ssl-settings.ts";
import { readPair } from "./trust.ts";

export type Session = Readonly<{
  versions: Versions | undefined;
  ciphers: string | undefined;
  credential: Credential | undefined;
  /** As a server: pairs of another key type, served beside it. */
  others: readonly Credential[];
  /** Undefined: as the whole configuration says. */
  fallbackToClear: boolean | undefined;
  withoutDane: boolean;
  withoutSts: boolean;
  /** What Sendmail would not understand either: STARTTLS is not possible. */
  mistake: string | undefined;
  /** The mistake, or what cannot be honoured here. */
  problem: string | undefined;
}>;

export function readSession(name: string, value: string, files: SourceFiles): Session {
  const features = parseSessionFeatures(value);
  const { options, cipherList, cipherSuites, certFile, keyFile, flags } = features;
  const ssl = options === undefined ? undefined : parseSslOptions(options);
  const ciphers =
    cipherList === undefined && cipherSuites === undefined ? undefined : parseCiphers(cipherList, cipherSuites);
  const pair = readPair(name, certFile, keyFile, files);
  const mistake = [
    features.error,
    ssl?.unknown.map((word) => `${word} is no option of OpenSSL's`)[0],
    ciphers?.kind === "bad" ? `CipherList cannot be used: ${ciphers.why}` : undefined,
    pair.kind === "failed" ? pair.problem : undefined,
  ].find((text) => text !== undefined);
  const dishonoured = flags.includes("R") ? "flag R asks for a revocation list, and those are not read" : undefined;
  return {
    versions: bothVersions(ssl?.versions, ciphers?.kind === "only-1.3" ? onlyTls13 : undefined),
    ciphers: ciphers === undefined || ciphers.kind === "bad" ? undefined : ciphers.ciphers,
    credential: pair.kind === "ok" ? pair.credential : undefined,
    others: pair.kind === "ok" ? pair.others : [],
    fallbackToClear: flags.includes("C") ? true : flags.includes("c") ? false : undefined,
    withoutDane: flags.includes("d"),
    withoutSts: flags.includes("M"),
    mistake,
    problem: mistake ?? dishonoured,
  };
}
