/**
 * Cipher grades and exclude lists as one OpenSSL list (Postfix: "Cipher grades" of 1.2).
 *
 * A grade names one of the `tls_..._cipherlist` parameters; each entry of an exclude list becomes `!entry`. `low` and
 * `export` have meant `medium` since Postfix 3.8. Neither touches the suites of TLS 1.3. What may never be negotiated is
 * taken out by `tls/cipher-settings.ts`, whoever asks for it.
 */
import { checkCipherString, holdsCiphers } from "../../../tls/cipher-settings.ts";
import type { TlsLevel } from "../../rules.ts";

export type CipherLists = Readonly<{ high: string; medium: string; null: string }>;

export type CipherChoice = Readonly<{ kind: "list"; ciphers: string }> | Readonly<{ kind: "invalid"; problem: string }>;

const tls13Suites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

const grades = new Map<string, keyof CipherLists>([
  ["high", "high"],
  ["medium", "medium"],
  ["low", "medium"],
  ["export", "medium"],
  ["null", "null"],
]);

/** OpenSSL's reason for a list without any. */
const nothingLeft = "no cipher match";

/** OpenSSL's answers: making a context for each of a hundred thousand lines would take minutes. */
const checked = new Map<string, string | undefined>();
const maxChecked = 1000;

/**
 * @param exclude names or `+`-joined properties, separated by `:`, comma or blank
 * @returns the list, or the words in which Postfix refuses it at the handshake
 */
export function cipherChoice(grade: string, exclude: string, level: TlsLevel, lists: CipherLists): CipherChoice {
  const key = grades.get(grade.toLowerCase());
  if (key === undefined) return { kind: "invalid", problem: `invalid cipher grade: "${grade}"` };
  const excluded = [...exclude.split(/[\s,:]+/).filter((word) => word !== ""), ...alwaysExcluded(level)];
  const ciphers = [tls13Suites, lists[key], ...excluded.map((word) => `!${word}`)].join(":");
  const problem = checkOnce(ciphers);
  if (problem === undefined) return { kind: "list", ciphers };
  // Ciphers that are never negotiated here keep Postfix going, and TLS 1.3 with it.
  if (key !== "null" && problem === nothingLeft && holdsCiphers(ciphers)) return { kind: "list", ciphers: tls13Suites };
  return { kind: "invalid", problem: `no ciphers left of grade "${grade}": ${problem}` };
}

/** Nobody anonymous where certificates count, nothing unencrypted where encryption does. */
function alwaysExcluded(level: TlsLevel): readonly string[] {
  if (level === "none" || level === "may") return [];
  return level === "encrypt" ? ["eNULL"] : ["aNULL", "eNULL"];
}

function checkOnce(ciphers: string): string | undefined {
  if (!checked.has(ciphers)) {
    if (checked.size >= maxChecked) checked.clear();
    checked.set(ciphers, checkCipherString(ciphers));
  }
  return checked.get(ciphers);
}
