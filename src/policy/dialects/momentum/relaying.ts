/**
 * Who may send to anywhere, by address, and which domains anybody may send to (momentum reference 5.4, and the manual's
 * pages on these options). What a client says of itself, its sender's domain, is no permission here.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import { type Cidr, inCidr } from "../../../mail/ip.ts";
import { type Model, type Setting, truthOf } from "./model.ts";
import { find, type Layers } from "./resolve.ts";
import { parseBlock } from "./socket-names.ts";
import { wordsOf } from "./values.ts";

/** The line by which this client may relay; each of these is enough. */
export function relayLine(layers: Layers, client: IpAddress): Setting | undefined {
  const open = find(layers, "open_relay");
  if (truthOf(open) === true) return open;
  const senders = find(layers, "relay_for_sending_domains");
  if (isUnlimited(senders)) return senders;
  const hosts = find(layers, "relay_hosts");
  return hosts !== undefined && relayBlocks(hosts).some((block) => inCidr(client, block)) ? hosts : undefined;
}

/** `relay_for_sending_domains = ()`: whatever the sender is. */
export function isUnlimited(setting: Setting | undefined): boolean {
  return setting !== undefined && wordsOf(setting.value)?.length === 0;
}

const blocksOf = new WeakMap<Setting, readonly Cidr[]>();

export function relayBlocks(hosts: Setting): readonly Cidr[] {
  const known = blocksOf.get(hosts) ?? (wordsOf(hosts.value) ?? []).flatMap((word) => parseBlock(word) ?? []);
  blocksOf.set(hosts, known);
  return known;
}

/** Those at the top; what is no name, and what a pathway says, is told by `check-relaying.ts`. */
export function relayDomainsOf({ global }: Model): readonly DomainPattern[] {
  const setting = global.settings.get("relay_domains");
  const words = setting === undefined ? [] : (wordsOf(setting.value) ?? []);
  return words.flatMap((word) => patternsOf(word) ?? []);
}

/** `*.x` is all below x; `*x` would be any name that ends so, and here is x and all below it. */
export function patternsOf(word: string): readonly DomainPattern[] | undefined {
  if (word === "*") return [{ kind: "any" }];
  const below = word.startsWith("*.");
  const domain = parseDomain(below ? word.slice(2) : word.replace(/^\*/, ""));
  if (domain === undefined) return undefined;
  if (below) return [{ kind: "below", domain }];
  const exact = { kind: "exact", domain } as const;
  return word.startsWith("*") ? [exact, { kind: "below", domain }] : [exact];
}
