/**
 * What a `domain` or `host` stanza is named after, and the key that a routing domain is looked up by: names in normal
 * form, addresses in canonical text, so that equal ones are equal however they are written.
 */
import type { Mailbox } from "../../../mail/address.ts";
import { parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import { type Translated, translatePcre } from "./pcre.ts";

export type StanzaName =
  | Readonly<{ kind: "plain"; key: string }>
  | (Extract<Translated, { kind: "regex" }> & Readonly<{ source: string }>)
  | Readonly<{ kind: "error"; text: string }>
  /** `*`, a glob, nothing at all: Momentum's manual gives it no meaning. */
  | Readonly<{ kind: "meaningless" }>;

export function readStanzaName(text: string): StanzaName {
  if (text.startsWith("/")) {
    if (text.length < 3 || !text.endsWith("/")) return { kind: "error", text: `${text} is no regular expression` };
    const source = text.slice(1, -1);
    const translated = translatePcre(source);
    return translated.kind === "error" ? translated : { ...translated, source };
  }
  const key = readKey(text);
  return key === undefined ? { kind: "meaningless" } : { kind: "plain", key };
}

/** A domain name, an IPv4 address, `[IPv6:…]`, or either address in brackets. */
export function readKey(text: string): string | undefined {
  const [, literal] = /^\[(?:ipv6:)?(.*)\]$/i.exec(text) ?? [];
  if (literal !== undefined) return parseIp(literal);
  // Only what looks like an address is tried as one: a hundred thousand names are read in one go.
  return (/^[\d.]+$|:/.test(text) ? parseIp(text) : undefined) ?? parseDomain(text);
}

/** `undefined` for a bare postmaster. */
export function recipientKey({ host }: Mailbox): string | undefined {
  if (host === undefined) return undefined;
  return host.kind === "domain" ? host.domain : host.ip;
}
