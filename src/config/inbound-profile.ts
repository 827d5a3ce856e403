/**
 * `tls-profile:` and what every listener does where nothing else is said. What is written in our own file goes before
 * the words of other mail servers' configurations; what is only a default comes after them.
 */
import type { InboundRule, Origin } from "../policy/rules.ts";
import type { TlsVersion } from "../tls/handshake-settings.ts";
import type { Certificates } from "./certificates.ts";
import type { Loading } from "./loading.ts";
import type { Values } from "./section-types.ts";
import type { fileTable } from "./table.ts";
import type { Located } from "./value-types.ts";

export type InboundProfile = Readonly<{
  /** For the rule of each listener. */
  written: InboundRule;
  defaults: InboundRule;
}>;

const builtIn: Origin = { source: "built-in", file: undefined, line: undefined, column: undefined, scope: "listeners" };

export function assembleInboundProfile(
  values: Values<typeof fileTable>,
  certificates: Certificates,
  loading: Loading,
): InboundProfile {
  const { protocols, ciphers, groups } = values["tls-profile"].value.values;
  loading.checkCiphers(ciphers);
  loading.checkGroups(groups);
  const sourced = <T>({ at }: Located<unknown>, value: T) => ({ value, from: loading.origin(at, "tls-profile") });
  const written: InboundRule = {
    ...(protocols === undefined ? {} : { protocols: sourced(protocols, versionRange(protocols, loading)) }),
    ...(ciphers === undefined ? {} : { ciphers: sourced(ciphers, ciphers.value) }),
    ...(groups === undefined ? {} : { groups: sourced(groups, groups.value) }),
  };
  const only = certificates.onlyOne;
  const defaults: InboundRule = {
    starttls: { value: "offer", from: builtIn },
    protocols: { value: { min: "TLSv1.2", max: "TLSv1.3" }, from: builtIn },
    ...written,
    ...(only === undefined ? {} : { certificates: { value: only, from: builtIn } }),
  };
  return { written, defaults };
}

/** Reports an empty list. */
export function versionRange(
  protocols: Located<readonly Located<TlsVersion>[]>,
  loading: Loading,
): Readonly<{ min: TlsVersion; max: TlsVersion }> {
  const versions = protocols.value.map(({ value }) => value);
  if (versions.length === 0)
    loading.problems.error(protocols.at, "no TLS version is left", "write TLSv1.2, TLSv1.3 or both");
  return {
    min: versions.includes("TLSv1.2") ? "TLSv1.2" : "TLSv1.3",
    max: versions.includes("TLSv1.3") ? "TLSv1.3" : "TLSv1.2",
  };
}
