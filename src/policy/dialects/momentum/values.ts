/**
 * The values that options take, read from words. Keywords and truth values ignore case; `tls` and its kin are keywords
 * and never truth values (momentum reference 1.3).
 */
import type { TlsVersion } from "../../../tls/handshake-settings.ts";
import type { Value } from "./syntax.ts";

const truths: Readonly<Record<string, boolean>> = {
  on: true,
  true: true,
  enabled: true,
  yes: true,
  1: true,
  off: false,
  false: false,
  disabled: false,
  no: false,
  0: false,
};

export function readBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return Object.hasOwn(truths, word) ? truths[word] : undefined;
}

/** The words of a list. */
export function wordsOf(value: Value): readonly string[] | undefined {
  return value.kind === "list" ? value.words.map(({ text }) => text) : undefined;
}

type Check = (value: Value) => string | undefined;

function ofWord(check: (text: string) => string | undefined): Check {
  return (value) => (value.kind === "word" ? check(value.word.text) : "takes one value, not a list");
}

export const isText: Check = ofWord(() => undefined);

export const isList: Check = (value) => (value.kind === "list" ? undefined : "takes a list between ( and )");

export const isDictionary: Check = (value) =>
  value.kind === "dictionary" ? undefined : "takes names and values between [ and ]";

export const isBoolean: Check = ofWord((text) => (readBoolean(text) === undefined ? "takes true or false" : undefined));

export const isNumber: Check = ofWord((text) => (/^-?\d{1,15}$/.test(text) ? undefined : "takes a number"));

export const isPort: Check = ofWord((text) =>
  /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65536 ? undefined : "takes a port, 1 to 65535",
);

export const isPath: Check = ofWord((text) => (text === "" ? "takes a file" : undefined));

export function isOneOf(...keywords: readonly string[]): Check {
  const known = new Set(keywords.map((word) => word.toLowerCase()));
  return ofWord((text) => (known.has(text.toLowerCase()) ? undefined : `takes one of ${keywords.join(", ")}`));
}

const knownVersions = ["sslv2", "sslv3", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"];

export type ProtocolList = Readonly<{
  /** Lower case. */
  enabled: ReadonlySet<string>;
  /** It starts with `:ALL`, as a page of the 3.x manual prints it. */
  misprint: boolean;
}>;

/** `+ALL:-SSLv3`: from left to right; a leading `-` takes from all. `undefined`: no such list. */
export function readProtocols(text: string): ProtocolList | undefined {
  const misprint = /^:all(?=:|$)/i.test(text);
  const tokens = (misprint ? `+${text.slice(1)}` : text).toLowerCase().split(":");
  const enabled = new Set(tokens[0]?.startsWith("-") === true ? knownVersions : []);
  for (const token of tokens) {
    const name = token.slice(1);
    if ((token[0] !== "+" && token[0] !== "-") || (name !== "all" && !knownVersions.includes(name))) return undefined;
    for (const version of name === "all" ? knownVersions : [name]) {
      if (token[0] === "+") enabled.add(version);
      else enabled.delete(version);
    }
  }
  return { enabled, misprint };
}

export const isProtocols: Check = ofWord((text) =>
  readProtocols(text) === undefined
    ? "takes signed versions such as +ALL:-SSLv3 (ALL, SSLv2, SSLv3, TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3)"
    : undefined,
);

/** What Letterlock speaks. */
export const currentVersions: ReadonlySet<string> = new Set(["tlsv1.2", "tlsv1.3"]);

/** TLS 1.0 or 1.1, and nothing newer. */
export function holdsOnlyOldTls(enabled: ReadonlySet<string>): boolean {
  if (enabled.has("tlsv1.2") || enabled.has("tlsv1.3")) return false;
  return enabled.has("tlsv1.0") || enabled.has("tlsv1.1");
}

export type VersionRange = Readonly<{ min: TlsVersion; max: TlsVersion }>;

/** What is left of TLS 1.2 and 1.3; where nothing is left, a range in which no handshake can succeed. */
export function versionRange(enabled: ReadonlySet<string>): VersionRange {
  return {
    min: enabled.has("tlsv1.2") ? "TLSv1.2" : "TLSv1.3",
    max: enabled.has("tlsv1.3") ? "TLSv1.3" : "TLSv1.2",
  };
}

export const knownSuites = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_128_CCM_8_SHA256",
  "TLS_AES_128_CCM_SHA256",
];

/** Those of Momentum and of OpenSSL where nothing is written. */
export const defaultSuites = knownSuites.slice(0, 3).join(":");

export const isSuites: Check = ofWord((text) => {
  const unknown = text.split(":").find((suite) => !knownSuites.includes(suite.toUpperCase()));
  return unknown === undefined ? undefined : `'${unknown}' is no TLS 1.3 suite (known: ${knownSuites.join(", ")})`;
});

export const isCurves: Check = ofWord((text) =>
  /^[\w.-]+(?::[\w.-]+)*$/.test(text)
    ? undefined
    : "invalid curve or group list: short names between colons, without blanks",
);
