/**
 * `match=` lists and the `..._cert_match` parameters as name patterns (Postfix: MAT-1 to MAT-8).
 *
 * What can never match a certificate (`*.x`, a bar, a lone dot) is left out: with nothing left every certificate fails,
 * as in Postfix. `unusable` names what was left out, for `check`.
 */
import { parseDomain } from "../../../mail/domain.ts";
import { parseIp } from "../../../mail/ip.ts";
import type { NamePattern } from "../../rules.ts";

export type MatchNames = Readonly<{
  patterns: readonly NamePattern[];
  unusable: readonly Readonly<{ name: string; why: string; remedy: string }>[];
}>;

type Reading = NamePattern | Readonly<{ why: string; remedy: string }>;

const keywords = new Map<string, NamePattern>([
  ["hostname", { kind: "hostname" }],
  ["nexthop", { kind: "nexthop" }],
  ["dot-nexthop", { kind: "dot-nexthop" }],
]);

/** `match=a:b`: in the table a colon alone separates (MAT-6). */
export function parseTableMatch(values: readonly string[]): MatchNames {
  return readNames(values.flatMap((value) => value.split(":")));
}

/** `smtp_tls_secure_cert_match = nexthop, dot-nexthop`: comma, blank and colon. */
export function parseParameterMatch(value: string): MatchNames {
  return readNames(value.split(/[\s,:]+/));
}

function readNames(names: readonly string[]): MatchNames {
  const patterns: NamePattern[] = [];
  const unusable: { name: string; why: string; remedy: string }[] = [];
  for (const name of names) {
    if (name === "") continue;
    const reading = readName(name);
    if ("kind" in reading) patterns.push(reading);
    else unusable.push({ name, ...reading });
  }
  // Postfix demands an address and a name then; the name alone would be less than that.
  return { patterns: names.some((name) => parseIp(name) !== undefined) ? [] : patterns, unusable };
}

function readName(text: string): Reading {
  const keyword = keywords.get(text.toLowerCase());
  if (keyword !== undefined) return keyword;
  const below = text.startsWith(".");
  const name = parseDomain(below ? text.slice(1) : text);
  if (name !== undefined && !text.endsWith(".")) return { kind: below ? "below" : "name", name };
  return { ...reason(text) };
}

function reason(text: string): Readonly<{ why: string; remedy: string }> {
  if (text.startsWith("*.")) {
    return { why: "a star is no wildcard in a match list", remedy: `write "${text.slice(1)}"` };
  }
  if (text.includes("|")) {
    return { why: "a bar separates digests, not names", remedy: `write "${text.replaceAll("|", ":")}"` };
  }
  if (parseIp(text) !== undefined) {
    return {
      why: "an address is only compared where it is the next-hop, and names beside it do not count then",
      remedy: 'write "nexthop" or names of the certificate alone',
    };
  }
  if (text.endsWith(".") && text !== ".") {
    return { why: "a name with a trailing dot matches none", remedy: `write "${text.slice(0, -1)}"` };
  }
  return { why: "it is no host name", remedy: "write a name that the certificate holds" };
}

/** As in a `match=` attribute. */
export function printMatchNames(patterns: readonly NamePattern[]): string {
  return patterns.map(printName).join(":");
}

function printName(pattern: NamePattern): string {
  if (pattern.kind === "name") return pattern.name;
  return pattern.kind === "below" ? `.${pattern.name}` : pattern.kind;
}
