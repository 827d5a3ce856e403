/**
 * From the options that won to one `TlsRule`, each value with the line it came from (momentum reference 2.4 to 2.7).
 *
 * Never weaker than written: what asks for evidence that is not there yet (DANE, MTA-STS), for trust without anchors, or
 * for a file that cannot be used makes the rule refuse, and the mail waits.
 */
import type { NamePattern, Origin, Proof, Sourced, TlsLevel, TlsRule } from "../../rules.ts";
import { type HandshakeReader, sourced } from "./handshake-values.ts";
import { type KeyFiles, noAnchors } from "./key-files.ts";
import { defaultOrigin, keywordOf, type Setting, textOf, truthOf } from "./model.ts";
import { find, type Layers } from "./resolve.ts";
import { currentVersions, versionRange } from "./values.ts";

const levels: Readonly<Record<string, TlsLevel>> = { no: "none", ifavailable: "may", required: "encrypt" };
const proofs: Readonly<Record<string, Proof>> = {
  no: "nothing",
  optional: "nothing",
  ca: "chain",
  host: "chain-and-name",
};

type Draft = { -readonly [Key in keyof TlsRule]: TlsRule[Key] };

export class RuleMaker {
  readonly #keyFiles: KeyFiles;
  readonly #handshakes: HandshakeReader;
  readonly #hasDane: boolean;
  readonly #defaults: Origin;

  constructor(
    keyFiles: KeyFiles,
    handshakes: HandshakeReader,
    { file, hasDane }: Readonly<{ file: string; hasDane: boolean }>,
  ) {
    this.#keyFiles = keyFiles;
    this.#handshakes = handshakes;
    this.#hasDane = hasDane;
    this.#defaults = defaultOrigin(file);
  }

  /** @param destination how the routing domain may stand in a certificate; `undefined` where there is none */
  make(layers: Layers, destination: NamePattern | undefined): TlsRule {
    const tls = find(layers, "tls");
    const level = levels[keywordOf(tls) ?? "no"] ?? "none";
    const rule: Draft = { level: this.#sourced(level, tls), wording: this.#sourced("momentum", undefined) };
    const neverRetry = find(layers, "never_retry");
    if (neverRetry !== undefined && truthOf(neverRetry) === true) rule.onFailure = sourced("bounce", neverRetry);
    const held = heldBack(layers) ?? neededEvidence(layers, this.#hasDane);
    if (held !== undefined) return { ...rule, refuse: held };
    if (level === "none") return rule;
    if (level === "may") rule.fallback = this.#fallback(find(layers, "tls_ifavailable_fallback"));
    const { refuse, onlyOldTls, ...handshake } = this.#handshakes.read(layers);
    Object.assign(rule, handshake);
    // In clear text after a failed handshake would be less than what was asked for.
    if (onlyOldTls && level === "may" && rule.protocols !== undefined)
      rule.protocols = { ...rule.protocols, value: versionRange(currentVersions) };
    const problems = [this.#prove(rule, layers, destination), this.#present(rule, layers), refuse];
    const problem = problems.find((each) => each !== undefined);
    return problem === undefined ? rule : { ...rule, refuse: problem };
  }

  #sourced<T>(value: T, setting: Setting | undefined): Sourced<T> {
    return setting === undefined ? { value, from: this.#defaults } : sourced(value, setting);
  }

  #fallback(setting: Setting | undefined): NonNullable<TlsRule["fallback"]> {
    return truthOf(setting) === false
      ? this.#sourced({ kind: "never" }, setting)
      : this.#sourced({ kind: "at-once", turn: "same-host" }, setting);
  }

  /** `tls_verify` and `tls_ca`. @returns why the rule must refuse */
  #prove(rule: Draft, layers: Layers, destination: NamePattern | undefined): Sourced<string> | undefined {
    const verify = find(layers, "tls_verify");
    const keyword = keywordOf(verify) ?? "no";
    const authority = find(layers, "tls_ca");
    const loaded = authority === undefined ? undefined : this.#keyFiles.anchors(authority);
    if (authority !== undefined && loaded?.kind === "ok") rule.anchors = sourced(loaded.value, authority);
    if (verify !== undefined && keyword !== "no") {
      rule.proof = sourced(proofs[keyword] ?? "chain-and-name", verify);
      const names: readonly NamePattern[] = [{ kind: "hostname" }, ...(destination === undefined ? [] : [destination])];
      rule.match = sourced(names, verify);
      rule.commonName = sourced("also", verify);
      if (authority === undefined) {
        rule.anchors = sourced(noAnchors, verify);
        if (keyword !== "optional") return sourced(`tls_verify = ${keyword}, but there is no tls_ca`, verify);
      }
    }
    return authority !== undefined && loaded?.kind === "problem"
      ? sourced(`tls_ca: ${loaded.text}`, authority)
      : undefined;
  }

  /** `tls_certificate` and `tls_key`. @returns why the rule must refuse */
  #present(rule: Draft, layers: Layers): Sourced<string> | undefined {
    const certificate = find(layers, "tls_certificate");
    if (certificate === undefined) return undefined;
    if (isNone(certificate)) {
      rule.clientCertificate = sourced("none", certificate);
      return undefined;
    }
    const loaded = this.#keyFiles.credential(certificate, find(layers, "tls_key"));
    if (loaded.kind === "problem") return sourced(`tls_certificate: ${loaded.text}`, certificate);
    rule.clientCertificate = sourced(loaded.value, certificate);
    return undefined;
  }
}

/** The keyword that cancels an inherited certificate; the key then has nothing to belong to. */
export function isNone(certificate: Setting): boolean {
  return textOf(certificate)?.toLowerCase() === "none";
}

/** Beside the TLS options: what keeps mail from leaving by SMTP from here, or sends it where we do not. */
export const holdingOptions: readonly string[] = ["blackhole", "suspend_delivery", "reroute_domain", "delivery_method"];

/** Mail that Momentum would throw away, keep, or hand to something else never leaves by mistake. */
function heldBack(layers: Layers): Sourced<string> | undefined {
  for (const name of holdingOptions) {
    const setting = find(layers, name);
    if (setting === undefined || leavesBySmtp(setting)) continue;
    return sourced(`${name} = ${textOf(setting) ?? ""}: this is no mail for Letterlock to send`, setting);
  }
  return undefined;
}

function leavesBySmtp(setting: Setting): boolean {
  if (setting.name === "delivery_method") return ["smtp", "esmtp"].includes(keywordOf(setting) ?? "");
  return setting.name === "reroute_domain" ? textOf(setting) === "" : truthOf(setting) === false;
}

/** What a domain may publish counts before anything written here, and may ask for more: without it the mail waits. */
function neededEvidence(layers: Layers, hasDane: boolean): Sourced<string> | undefined {
  for (const [use, enable, what] of [
    ["use_dane", "enable_dane", "TLSA records (DANE)"],
    ["use_mta_sts", "enable_mta_sts", "MTA-STS policies"],
  ] as const) {
    const setting = use === "use_dane" && !hasDane ? undefined : find(layers, use);
    if (setting !== undefined && truthOf(setting) === true && truthOf(find(layers, enable)) !== false) {
      return sourced(`${use} = true, but ${what} cannot be looked up yet`, setting);
    }
  }
  return undefined;
}
