/**
 * `mynetworks` and its like: which addresses are meant (Postfix: postconf(5) on `mynetworks`, match_list).
 *
 * Addresses, blocks, `!` before either, `/file`, `type:table` asked by the address; the first that fits decides. Names of
 * clients are not taken. What cannot be read means nobody.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { type Cidr, inCidr, isIpv6, parseCidr, parseIp } from "../../../mail/ip.ts";
import type { SourceFiles } from "../dialect.ts";
import type { LookupTable } from "./lookup-table.ts";
import { splitTableList } from "./table-spec.ts";

type NetworkEntry = Readonly<{ negated: boolean }> &
  (Readonly<{ kind: "block"; block: Cidr }> | Readonly<{ kind: "table"; table: LookupTable }>);

export type ClientNetworks = Readonly<{
  entries: readonly NetworkEntry[];
  /** Words that are none of that. */
  unread: readonly string[];
}>;

export type NetworkContext = Readonly<{ files: SourceFiles; openTable: (spec: string) => LookupTable }>;

/** Files may name files. */
const maxDepth = 8;

export function readNetworks(value: string, context: NetworkContext): ClientNetworks {
  const unread: string[] = [];
  const entries = splitTableList(value).flatMap((word) => readWord(word, context, unread, 0));
  return { entries, unread };
}

function readWord(written: string, context: NetworkContext, unread: string[], depth: number): readonly NetworkEntry[] {
  const negated = written.startsWith("!");
  const word = negated ? written.slice(1) : written;
  if (word.startsWith("/") && depth < maxDepth) return readFile(word, negated, context, unread, depth);
  const block = parseBlock(word);
  if (block !== undefined) return [{ negated, kind: "block", block }];
  if (/^[a-z]+:./i.test(word)) return [{ negated, kind: "table", table: context.openTable(word) }];
  unread.push(written);
  return [];
}

function readFile(
  file: string,
  negated: boolean,
  context: NetworkContext,
  unread: string[],
  depth: number,
): readonly NetworkEntry[] {
  const answer = context.files.read(file);
  if (answer.kind === "failed") {
    unread.push(file);
    return [];
  }
  return answer.text
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => line.split(/[\s,]+/))
    .filter((word) => word !== "")
    .flatMap((word) => readWord(negated ? `!${word}` : word, context, unread, depth + 1));
}

/** `192.0.2.0/24`, `[2001:db8::]/32`, `[::1]`. */
function parseBlock(word: string): Cidr | undefined {
  const [, bracketed, bits = ""] = /^\[([^\]]+)\](\/\d{1,3})?$/.exec(word) ?? [];
  return bracketed === undefined
    ? word.includes(":")
      ? undefined
      : parseCidr(word)
    : parseCidr(`${bracketed}${bits}`);
}

/** A table that cannot be asked: nobody. */
export function isInNetworks({ entries }: ClientNetworks, client: IpAddress): boolean {
  for (const entry of entries) {
    if (entry.kind === "block" && inCidr(client, entry.block)) return !entry.negated;
    if (entry.kind === "table") {
      const answer = entry.table.lookup(client);
      if (answer.kind === "error") return false;
      if (answer.kind === "found") return !entry.negated;
    }
  }
  return false;
}

/**
 * Where `mynetworks` is not written Postfix takes it from the interfaces of its machine; here only what every machine has
 * and what `inet_interfaces` names is known.
 */
export function usualNetworks(style: string, ownAddresses: readonly IpAddress[]): ClientNetworks {
  const loopback = style === "host" ? "127.0.0.1" : "127.0.0.0/8";
  const blocks = [loopback, "::1"].flatMap((text) => parseCidr(text) ?? []);
  const own = ownAddresses.map((address) => ({ address, prefix: isIpv6(address) ? 128 : 32 }));
  return {
    entries: [...blocks, ...own].map((block) => ({ negated: false, kind: "block", block })),
    unread: [],
  };
}

/** The addresses that `inet_interfaces` and `proxy_interfaces` write, and those that every machine has. */
export function isOurself(client: IpAddress, ownAddresses: readonly IpAddress[]): boolean {
  return client === "127.0.0.1" || client === "::1" || ownAddresses.includes(client);
}

/** Of a list of interfaces; names are left out. */
export function addressesOf(words: readonly string[]): readonly IpAddress[] {
  return words.flatMap((word) => parseIp(word.replace(/^\[|\]$/g, "")) ?? []);
}
