/**
 * PowerMTA's two cipher settings as one OpenSSL list: the suites of TLS 1.3, then the list for TLS 1.2 (reference, 2.8).
 */
import { checkCipherString } from "../../../tls/cipher-settings.ts";
import { defaultTls12Ciphers, defaultTls13Suites } from "./tls-options.ts";

export type CipherList = Readonly<{ kind: "ok"; ciphers: string }> | Readonly<{ kind: "bad"; problem: string }>;

const known = new Map<string, CipherList>();
const maxKnown = 1000;

/** @param list,suites undefined: PowerMTA's own */
export function cipherList(list: string | undefined, suites: string | undefined): CipherList {
  const key = `${suites ?? defaultTls13Suites}:${withoutLowSecurity(list ?? defaultTls12Ciphers)}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = checked(list, suites, key);
  if (known.size < maxKnown) known.set(key, made);
  return made;
}

function checked(list: string | undefined, suites: string | undefined, ciphers: string): CipherList {
  if (suites?.split(":").some((suite) => !suite.startsWith("TLS_"))) {
    return { kind: "bad", problem: "not a list of TLS 1.3 suites" };
  }
  // The list alone: the suites of TLS 1.3 would hide that nothing of it is left.
  const alone = list === undefined ? undefined : checkCipherString(withoutLowSecurity(list));
  const problem = alone ?? checkCipherString(ciphers);
  return problem === undefined ? { kind: "ok", ciphers } : { kind: "bad", problem };
}

/** `@SECLEVEL=0` and `1` ask for less than is ever negotiated here. */
export function withoutLowSecurity(list: string): string {
  const words = list.split(/[:, ]+/).filter((word) => word !== "");
  return words
    .map((word) => word.replace(/@SECLEVEL=[01]$/i, ""))
    .filter((word) => word !== "")
    .join(":");
}
