/**
 * Protocol lists: `TLSv1.2`, `!SSLv3:!TLSv1`, `>=TLSv1.2, <=0304` (Postfix: "Protocol lists" of 1.2).
 *
 * A plain name includes, and what no plain name includes is then excluded; `!` excludes; `>=` and `<=` bound. Case is
 * ignored. Only what is left of TLS 1.2 and 1.3 counts here: nothing older is ever spoken (RFC 8996).
 */
import type { TlsVersion } from "../../../tls/handshake-settings.ts";

export type ProtocolRange = Readonly<{ min: TlsVersion; max: TlsVersion }>;

export type ProtocolList =
  | Readonly<{
      kind: "range";
      range: ProtocolRange;
      /** Nothing of TLS 1.2 and 1.3 is left: no handshake can succeed. */
      none: boolean;
      /** The list lets TLS 1.0 or 1.1 in. */
      oldTls: boolean;
    }>
  /** Postfix aborts every handshake under such a list (OUT-8). */
  | Readonly<{ kind: "invalid"; word: string }>;

const versions = [
  { name: "sslv2", code: 0x0002 },
  { name: "sslv3", code: 0x0300 },
  { name: "tlsv1", code: 0x0301 },
  { name: "tlsv1.1", code: 0x0302 },
  { name: "tlsv1.2", code: 0x0303 },
  { name: "tlsv1.3", code: 0x0304 },
] as const;

const tls10 = 0x0301;
const tls12 = 0x0303;
const tls13 = 0x0304;

/** What is spoken where a list names nothing newer and encryption is only a wish. */
export const currentTls: ProtocolRange = { min: "TLSv1.2", max: "TLSv1.3" };

/** min above max: no handshake can succeed. */
const noProtocol: ProtocolRange = { min: "TLSv1.3", max: "TLSv1.2" };

/** @param separators besides comma and blank, `:` is one in the policy table and in main.cf alike. */
export function parseProtocolList(text: string): ProtocolList {
  const included = new Set<number>();
  const excluded = new Set<number>();
  let floor = 0;
  let ceiling = 0xffff;
  for (const word of text.split(/[\s,:]+/)) {
    if (word === "") continue;
    const [, sign = "", rest = ""] = /^(!|>=|<=)?(.*)$/s.exec(word) ?? [];
    const code = sign === ">=" || sign === "<=" ? boundOf(rest) : codeOf(rest);
    if (code === undefined) return { kind: "invalid", word };
    if (sign === "!") excluded.add(code);
    else if (sign === ">=") floor = code;
    else if (sign === "<=") ceiling = code;
    else included.add(code);
  }
  const allowed = versions
    .map(({ code }) => code)
    .filter((code) => code >= floor && code <= ceiling && !excluded.has(code))
    .filter((code) => included.size === 0 || included.has(code));
  const range = rangeOf(allowed.includes(tls12), allowed.includes(tls13));
  return {
    kind: "range",
    range,
    none: range === noProtocol,
    oldTls: allowed.some((code) => code >= tls10 && code < tls12),
  };
}

function codeOf(name: string): number | undefined {
  return versions.find((version) => version.name === name.toLowerCase())?.code;
}

/** A bound is a name, or the version's number in hexadecimal. 0 is no bound. */
function boundOf(text: string): number | undefined {
  return codeOf(text) ?? (/^(?:0x)?[0-9a-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : undefined);
}

function rangeOf(has12: boolean, has13: boolean): ProtocolRange {
  if (!has12 && !has13) return noProtocol;
  return { min: has12 ? "TLSv1.2" : "TLSv1.3", max: has13 ? "TLSv1.3" : "TLSv1.2" };
}

export function printProtocolRange({ min, max }: ProtocolRange): string {
  if (min > max) return "!TLSv1.2:!TLSv1.3";
  return min === max ? min : `${min}:${max}`;
}
