/**
 * What `tls_protocols`, `tls_ciphers`, `tlsv13_ciphersuites` and `tls_ec_curve_names` come to together, under either
 * engine, for listeners and for deliveries alike. Letterlock's own limits stay: TLS 1.2 or newer, no broken cipher.
 */
import { checkCipherString, checkGroups } from "../../../tls/cipher-settings.ts";
import type { Origin, Sourced } from "../../rules.ts";
import { keywordOf, originOf, type Setting, type Stanza, textOf, truthOf } from "./model.ts";
import { translatePriority, withSuites } from "./priority-string.ts";
import { find, type Layers } from "./resolve.ts";
import { holdsOnlyOldTls, readProtocols, type VersionRange, versionRange } from "./values.ts";

export type HandshakeValues = Readonly<{
  protocols?: Sourced<VersionRange>;
  ciphers?: Sourced<string>;
  groups?: Sourced<string>;
  /** TLS 1.0 or 1.1 are asked for, and nothing newer: versions that are never spoken here. */
  onlyOldTls?: true;
  /** Why no handshake may be tried under these. */
  refuse?: Sourced<string>;
}>;

export class HandshakeReader {
  readonly #gnutls: boolean;
  readonly #global: Stanza;
  readonly #defaults: Origin;
  /** What is wrong with a list, by the list. */
  readonly #checked = new Map<string, string | undefined>();

  /** @param defaults where nothing is written */
  constructor(global: Stanza, defaults: Origin) {
    this.#global = global;
    this.#defaults = defaults;
    this.#gnutls = keywordOf(global.settings.get("tls_engine")) === "gnutls";
  }

  read(layers: Layers): HandshakeValues {
    return this.#gnutls ? this.#asGnutls(layers) : this.#asOpenssl(layers);
  }

  #asOpenssl(layers: Layers): HandshakeValues {
    const protocols = find(layers, "tls_protocols");
    const list = readProtocols(textOf(protocols) ?? "+ALL");
    const curves = this.#global.settings.get("tls_ec_curve_names");
    return {
      ...(protocols === undefined || list === undefined
        ? {}
        : { protocols: sourced(versionRange(list.enabled), protocols), ...onlyOld(list.enabled) }),
      ...this.#ciphers(find(layers, "tls_ciphers"), find(layers, "tlsv13_ciphersuites")),
      ...(curves === undefined ? {} : { groups: sourced(textOf(curves) ?? "", curves) }),
    };
  }

  #ciphers(list: Setting | undefined, suites: Setting | undefined): HandshakeValues {
    const dhe = this.#dheOff();
    const text = (textOf(list) ?? "DEFAULT").replace(/[:, ]*@SECLEVEL=[01]/gi, "");
    const from = list ?? suites ?? dhe;
    if (from === undefined) return this.#unset();
    const whole = withSuites(
      `${text === "" ? "DEFAULT" : text}${dhe === undefined ? "" : ":!DHE"}`,
      textOf(suites)?.toUpperCase(),
    );
    const wrong = this.#check(whole);
    if (wrong === undefined) return { ciphers: sourced(whole, from) };
    return { refuse: sourced(`there is no cipher that Letterlock can use in tls_ciphers = ${text}: ${wrong}`, from) };
  }

  #asGnutls(layers: Layers): HandshakeValues {
    const setting = find(layers, "tls_ciphers");
    const dhe = this.#dheOff();
    if (setting === undefined)
      return dhe === undefined ? this.#unset() : { ciphers: sourced(withSuites("DEFAULT:!DHE"), dhe) };
    const priority = translatePriority(textOf(setting) ?? "");
    if (priority.kind === "error") {
      return { refuse: sourced(`the priority string in tls_ciphers cannot be used: ${priority.text}`, setting) };
    }
    const { enabled, groups } = priority;
    const ciphers = priority.ciphers ?? withSuites("DEFAULT");
    return {
      protocols: sourced(versionRange(enabled), setting),
      ...onlyOld(enabled),
      ciphers: sourced(dhe === undefined ? ciphers : `${ciphers}:!DHE`, setting),
      ...(groups === undefined ? {} : { groups: sourced(groups, setting) }),
    };
  }

  /** The library's default, as in Momentum, and not ours: a narrower one would send more mail in clear. */
  #unset(): HandshakeValues {
    return { ciphers: { value: withSuites("DEFAULT"), from: this.#defaults } };
  }

  #dheOff(): Setting | undefined {
    const setting = this.#global.settings.get("tls_enable_dhe_ciphers");
    return truthOf(setting) === false ? setting : undefined;
  }

  #check(list: string): string | undefined {
    if (!this.#checked.has(list)) this.#checked.set(list, checkCipherString(list));
    return this.#checked.get(list);
  }
}

function onlyOld(enabled: ReadonlySet<string>): Pick<HandshakeValues, "onlyOldTls"> {
  return holdsOnlyOldTls(enabled) ? { onlyOldTls: true } : {};
}

/** What is wrong with `tls_ec_curve_names`, in Momentum's words. */
export function curvesProblem(setting: Setting | undefined): string | undefined {
  const text = textOf(setting);
  if (text === undefined || checkGroups(text) === undefined) return undefined;
  return `tls_ec_curve_names = ${text}: invalid curve or group list`;
}

export function sourced<T>(value: T, setting: Setting): Sourced<T> {
  return { value, from: originOf(setting) };
}
