/**
 * What a directive's value must look like, checked when it is read (reference, section 1.2). The meaning of a value is the
 * business of whoever applies it.
 */
import { parseDomain } from "../../../mail/domain.ts";
import { type AddressBlock, parseBlock } from "./address-block.ts";
import { textOf, wordsOf } from "./lines.ts";
import type { ValueKind } from "./option-types.ts";
import { parseHosts } from "./smtp-hosts.ts";

const booleans: ReadonlyMap<string, boolean> = new Map([
  ["yes", true],
  ["true", true],
  ["no", false],
  ["false", false],
]);

export function booleanOf(value: string): boolean | undefined {
  return booleans.get(textOf(value).toLowerCase());
}

type Fault = Readonly<{ reason: string; remedy: string }>;

/** @returns what is wrong with it; `undefined` where nothing is */
export function valueFault(kind: ValueKind, name: string, value: string): Fault | undefined {
  if (kind === "any") return undefined;
  if (value === "") return { reason: `${name}: argument missing`, remedy: `write ${name} and its value` };
  // By far the most lines; their words are only needed to say what is wrong.
  if (kind === "boolean" && booleanOf(value) !== undefined) return undefined;
  return checks[kind](wordsOf(value), value, name);
}

type Check = (words: readonly string[], value: string, name: string) => Fault | undefined;

function count(least: number, most: number, form: string): Check {
  return (words, _, name) => {
    if (words.length >= least && words.length <= most) return undefined;
    return { reason: `${name} takes ${form}, here are ${words.length} words`, remedy: `write ${name} ${form}` };
  };
}

const one = count(1, 1, "one value");

const checks: Record<Exclude<ValueKind, "any">, Check> = {
  boolean(words, _, name) {
    return { reason: `${name}: "${words.join(" ")}" is neither yes nor no`, remedy: "write yes or no" };
  },
  text: () => undefined,
  word: one,
  file: one,
  "file-password": count(1, 2, "FILE [PASSWORD]"),
  ciphers: one,
  suites: one,
  "source-host": (words, value, name) => sourceHostFault(words, value, name),
  hosts(_, value, name) {
    const hosts = parseHosts(textOf(value), 25);
    if (hosts.kind === "hosts") return undefined;
    return { reason: `${name}: ${hosts.problem}`, remedy: "write host, host:port, [192.0.2.1]:port or lookup-mx:name" };
  },
  port(words, _, name) {
    const [port = ""] = words;
    if (words.length === 1 && /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536) return undefined;
    return { reason: `${name}: "${words.join(" ")}" is no port`, remedy: "write a number from 1 to 65535" };
  },
  listener(words, _, name) {
    const [where = "", ...parameters] = words;
    if (parseEndpoint(where) === undefined) {
      return { reason: `${name}: "${where}" is no address and port`, remedy: "write 192.0.2.1:25" };
    }
    const odd = parameters.find((word) => !/^(?:source=.+|tls=(?:yes|no|true|false))$/i.test(word));
    if (odd === undefined) return undefined;
    return { reason: `${name}: "${odd}" is no parameter`, remedy: "source=NAME and tls=yes are known" };
  },
  macro: () => undefined,
};

function sourceHostFault(words: readonly string[], value: string, name: string): Fault | undefined {
  const found = parseSourceHost(value);
  if (found !== undefined) return undefined;
  const [first = "", second = ""] = words;
  const reversed = words.length === 2 && parseBlock(second) !== undefined;
  const reason = reversed
    ? `${name}: the address comes first`
    : `${name}: "${[first, second].join(" ").trim()}" is wrong`;
  return { reason, remedy: reversed ? `write ${name} ${second} ${first}` : `write ${name} IP NAME` };
}

/** `smtp-source-host 192.0.2.1 mx.example.com` */
export function parseSourceHost(value: string) {
  const [where = "", name = "", extra] = wordsOf(value);
  const block = parseBlock(where.replace(/^\[(?:ipv6:)?(.*)\]$/i, "$1"));
  const host = parseDomain(name);
  return block === undefined || host === undefined || extra !== undefined ? undefined : { block, host };
}

/** `0.0.0.0:25`, `10/8:2525`, `[2001:db8::1]:25`; 0.0.0.0, 0/0 and * are every IPv4 address (our reading), :: every IPv6. */
export function parseEndpoint(text: string) {
  const colon = text.lastIndexOf(":");
  const port = text.slice(colon + 1);
  const where = text.slice(0, colon).replace(/^\[(?:ipv6:)?(.*)\]$/i, "$1");
  if (colon < 0 || !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return undefined;
  const block = where === "*" ? parseBlock("0/0") : parseBlock(where);
  if (block === undefined) return undefined;
  const everywhere = block.prefix === 0 || block.single === "0.0.0.0" || block.single === "::";
  return { block: everywhere ? everyAddress(where.includes(":") ? 6 : 4) : block, port: Number(port) };
}

function everyAddress(family: 4 | 6): AddressBlock {
  return { text: family === 6 ? "::" : "0.0.0.0", family, network: 0n, prefix: 0, single: undefined };
}
