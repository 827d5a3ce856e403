/**
 * OpenSSL's names of cipher suites, which mail logs print: records hold the IANA names. Made by rule, not by list, so
 * that a suite of tomorrow's OpenSSL has a name too; a test holds the rules against `openssl ciphers -stdname`.
 * Names that follow no rule known here are printed as they are.
 */
import { cipherBits } from "../../tls/cipher-bits.ts";
import { remember } from "./remember.ts";

const keyExchanges: ReadonlyMap<string, string> = new Map([
  ["RSA", ""],
  ["DH_anon", "ADH"],
  ["ECDH_anon", "AECDH"],
  ["PSK_DHE", "DHE-PSK"],
  ["SRP_SHA", "SRP"],
  ["SRP_SHA_RSA", "SRP-RSA"],
  ["SRP_SHA_DSS", "SRP-DSS"],
]);

/** More than there are suites. */
const nameOf = remember(500, makeName);

/**
 * @param iana `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384` gives `ECDHE-RSA-AES256-GCM-SHA384`; TLS 1.3 names stay.
 * @returns nothing where no cipher is in use
 */
export function opensslCipherName(iana: string | null | undefined): string {
  return iana ? nameOf(iana) : "";
}

/** Bits of the algorithm, where `cipherBits` tells the effective ones: `112/168` of triple DES. */
export function algorithmBits(iana: string): number {
  return iana.includes("_3DES_EDE_") ? 168 : cipherBits(iana);
}

function makeName(iana: string): string {
  const [, exchange, cipher] = /^TLS_(\w+?)_WITH_(\w+)$/.exec(iana) ?? [];
  if (exchange === undefined || cipher === undefined) return iana;
  const prefix = keyExchanges.get(exchange) ?? exchange.replaceAll("_", "-");
  const suffix = exchange.startsWith("SRP") ? cipher.replaceAll("_", "-") : cipherPart(exchange, cipher);
  if (exchange === "ECDHE_RSA" && cipher.startsWith("ARIA")) return `ECDHE-${suffix}`;
  return prefix === "" ? suffix : `${prefix}-${suffix}`;
}

function cipherPart(exchange: string, cipher: string): string {
  const withPsk = exchange.includes("PSK");
  const keepsMode = (withPsk && /^(?:AES|3DES)/.test(cipher)) || cipher.startsWith("IDEA");
  const plain = (withPsk ? cipher : cipher.replace("3DES_EDE_CBC", "DES_CBC3"))
    .replace(/^(AES|CAMELLIA|ARIA)_(?=\d)/, "$1")
    .replace("RC4_128", "RC4")
    .replace("CCM_8", "CCM8")
    .replace("POLY1305_SHA256", "POLY1305");
  return (keepsMode ? plain : plain.replace("_CBC_", "_")).replaceAll("_", "-");
}
