/**
 * Sendmail's words for the versions and ciphers of a handshake, in ours: `SSL_OP_` names and OpenSSL cipher lists.
 * TLS 1.2 is the least, and ciphers without forward secrecy, authentication or strength are never used, whatever is
 * listed (RFC 8996, RFC 9325 §4.2).
 */
import { checkCipherString } from "../../../tls/cipher-settings.ts";
import { defaultCiphers } from "../../../tls/client-context.ts";
import type { TlsVersion } from "../../../tls/handshake-settings.ts";

export type Versions = Readonly<{ min: TlsVersion; max: TlsVersion }>;

/** `versions` undefined: nothing is switched off. `unknown`: names that Sendmail would not know either. */
export type SslOptions = Readonly<{ versions: Versions | undefined; unknown: readonly string[] }>;

const names: ReadonlySet<string> = new Set(
  (
    "ALL MICROSOFT_SESS_ID_BUG NETSCAPE_CHALLENGE_BUG LEGACY_SERVER_CONNECT MSIE_SSLV2_RSA_PADDING TLS_D5_BUG " +
    "TLS_BLOCK_PADDING_BUG NO_QUERY_MTU COOKIE_EXCHANGE NO_TICKET CISCO_ANYCONNECT NO_COMPRESSION SINGLE_ECDH_USE " +
    "SINGLE_DH_USE EPHEMERAL_RSA TLS_ROLLBACK_BUG NO_SSLv2 NO_SSLv3 NO_TLSv1 NO_TLSv1_1 NO_TLSv1_2 NO_TLSv1_3 " +
    "PKCS1_CHECK_1 PKCS1_CHECK_2 NETSCAPE_CA_DN_BUG CRYPTOPRO_TLSEXT_BUG TLSEXT_PADDING NO_RENEGOTIATION " +
    "NO_ANTI_REPLAY ALLOW_NO_DHE_KEX NO_ENCRYPT_THEN_MAC PRIORITIZE_CHACHA NETSCAPE_REUSE_CIPHER_CHANGE_BUG " +
    "SSLREF2_REUSE_CERT_TYPE_BUG MICROSOFT_BIG_SSLV3_BUFFER SSLEAY_080_CLIENT_DH_BUG DONT_INSERT_EMPTY_FRAGMENTS " +
    "NO_SESSION_RESUMPTION_ON_RENEGOTIATION ALLOW_UNSAFE_LEGACY_RENEGOTIATION CIPHER_SERVER_PREFERENCE " +
    "NETSCAPE_DEMO_CIPHER_CHANGE_BUG ENABLE_MIDDLEBOX_COMPAT"
  )
    .split(" ")
    .map((name) => `SSL_OP_${name}`.toUpperCase()),
);

const noTls12 = 0x0800_0000;
const noTls13 = 0x2000_0000;

/** @param text blank or comma between words; `-X` takes X back, `+X` and `X` set it; numbers are bits of OpenSSL's. */
export function parseSslOptions(text: string): SslOptions {
  let bits = 0;
  const unknown: string[] = [];
  for (const word of text.split(/[\s,]+/).filter((each) => each !== "")) {
    const bare = word.replace(/^[+-]/, "");
    const mask = maskOf(bare);
    if (mask === undefined) unknown.push(bare);
    else bits = word.startsWith("-") ? bits & ~mask : bits | mask;
  }
  const without12 = (bits & noTls12) !== 0;
  const without13 = (bits & noTls13) !== 0;
  if (!without12 && !without13) return { versions: undefined, unknown };
  // Both off: a range that no handshake can meet.
  return { versions: { min: without12 ? "TLSv1.3" : "TLSv1.2", max: without13 ? "TLSv1.2" : "TLSv1.3" }, unknown };
}

function maskOf(word: string): number | undefined {
  if (/^(?:0x[\da-f]{1,8}|\d{1,10})$/i.test(word)) return Number(word) & (noTls12 | noTls13);
  const name = word.toUpperCase();
  if (!names.has(name)) return undefined;
  if (name === "SSL_OP_NO_TLSV1_2") return noTls12;
  return name === "SSL_OP_NO_TLSV1_3" ? noTls13 : 0;
}

/** What two settings leave together; nothing where they contradict each other. */
export function bothVersions(one: Versions | undefined, other: Versions | undefined): Versions | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    min: one.min === "TLSv1.3" ? one.min : other.min,
    max: one.max === "TLSv1.2" ? one.max : other.max,
  };
}

export const onlyTls13: Versions = { min: "TLSv1.3", max: "TLSv1.3" };

/**
 * - `ok`: OpenSSL list and suites as our handshake takes them.
 * - `only-1.3`: nothing of what is listed for TLS 1.2 is ever used here; suites of TLS 1.3 remain.
 * - `bad`: OpenSSL would not take it.
 */
export type Ciphers =
  | Readonly<{ kind: "ok"; ciphers: string; weakened: boolean }>
  | Readonly<{ kind: "only-1.3"; ciphers: string }>
  | Readonly<{ kind: "bad"; why: string }>;

const defaultWords = defaultCiphers.split(":");
const defaultSuites = defaultWords.filter((word) => word.startsWith("TLS_")).join(":");
const defaultList = defaultWords.filter((word) => !word.startsWith("TLS_")).join(":");

/** Words that name nothing but what is never used. */
const weak =
  /^[+-]?(?:RC[24]|DES|3DES|IDEA|SEED|e?NULL|aNULL|EXP|EXPORT\d*|LOW|MEDIUM|MD5|ADH|AECDH|kRSA|RSA|kDH|PSK|SRP|CAMELLIA|DHE?-DSS|AES|AES(?:128|256)|[A-Z\d]+-?(?:SHA|MD5|SHA256|SHA384))(?:[-+].*)?$/i;

/** @param list of TLS 1.2, @param suites of TLS 1.3: both undefined where nothing is said. */
export function parseCiphers(list: string | undefined, suites: string | undefined): Ciphers {
  const levelled = (list ?? defaultList).replace(/:?@SECLEVEL=[01]/gi, "");
  const bare = levelled.trim() === "" ? defaultList : levelled.trim();
  const own = suites === undefined || suites.trim() === "" ? defaultSuites : suites.trim();
  const ciphers = `${own}:${bare}`;
  const why = checkCipherString(ciphers) ?? checkCipherString(own) ?? checkCipherString(bare);
  if (why === undefined) return { kind: "ok", ciphers, weakened: bare !== (list ?? defaultList) };
  const words = bare.split(/[:, ]+/).filter((word) => !/^[!@]/.test(word));
  if (checkCipherString(own) === undefined && words.every((word) => weak.test(word))) {
    return { kind: "only-1.3", ciphers: own };
  }
  return { kind: "bad", why };
}
