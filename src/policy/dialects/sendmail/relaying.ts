/**
 * Who may send to where: class R (relay-domains), entries with RELAY under `Connect:`, `To:` or without a tag, and the
 * FEATUREs about relaying. The order is that of the rulesets Rcpt_ok and Relay_ok (cf/m4/proto.m4).
 *
 * Mail to the host's own names, which Sendmail delivers itself, is not among it: there are no mailboxes here.
 */
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import type { InboundQuestion, Origin } from "../../rules.ts";
import type { SourceFiles } from "../dialect.ts";
import { type AccessMap, isWord, type ValueEntry } from "./access-map.ts";
import type { Configuration, Notes } from "./configuration.ts";
import { find, type LookUpOptions, namedSteps } from "./look-up.ts";
import { relayDomains } from "./relay-domains.ts";
import { type RelayWords, readRelayWords } from "./relay-words.ts";

export type Relaying = Readonly<{
  /** Any client may send there. */
  domains: readonly DomainPattern[];
  /** Why this client may send to anywhere; undefined: it may not. */
  clientMay(question: Pick<InboundQuestion, "client" | "clientName">): Origin | undefined;
  needsNames: boolean;
}>;

export type RelayContext = Readonly<{
  map: AccessMap;
  configuration: Configuration | undefined;
  options: LookUpOptions;
  files: SourceFiles;
  /** Of what no line says. */
  from: Origin;
  notes: Notes;
}>;

export function readRelaying(context: RelayContext): Relaying {
  const { map, configuration, options, from } = context;
  const words = readRelayWords(context);
  if (configuration?.relaying.promiscuous) noteOpen(context);
  const everybody: Origin = { ...from, scope: "FEATURE(promiscuous_relay)" };
  const itself: Origin = { ...from, scope: "the machine itself" };
  const hostsOnly = configuration?.relaying.hostsOnly ?? false;
  const relayKeys = [...map.clients].filter(([, entry]) => mayRelay(entry)).map(([key]) => key);
  const entryFor = (keys: Iterable<string>): Origin | undefined => {
    const entry = find(map.clients, [{ keys: [...keys], maySkip: true }], options);
    return mayRelay(entry) ? entry?.from : undefined;
  };
  const byAddress = (addresses: readonly string[]): Origin | undefined =>
    first(addresses, words.addresses) ?? entryFor(addresses);
  const byName = (names: readonly string[]): Origin | undefined => {
    const [whole = ""] = names;
    return (
      first(names, words.own) ??
      first(hostsOnly ? [whole] : names, words.domains) ??
      entryFor(hostsOnly ? [whole] : names)
    );
  };
  return {
    domains: relayDomains(context, words),
    needsNames: words.domains.size + words.own.size > 0 || relayKeys.some(isName),
    clientMay({ client, clientName }) {
      if (configuration?.relaying.promiscuous) return everybody;
      if (configuration !== undefined && isOwnAddress(client)) return itself;
      const [names, addresses] = namedSteps(clientName ?? "", client, options);
      return byAddress(addresses?.keys ?? []) ?? (clientName === undefined ? undefined : byName(names?.keys ?? []));
    },
  };
}

function noteOpen({ from, notes }: RelayContext): void {
  const at = { file: from.file ?? "sendmail", line: 1 };
  const text = "FEATURE(promiscuous_relay): whoever reaches a port of this machine may send to anywhere";
  notes.add("warning", at, text, "name the networks, domains or certificates that may relay, and remove it");
}

export function mayRelay(entry: ValueEntry | undefined): boolean {
  return entry !== undefined && /relay/i.test(entry.value) && isWord(entry.value, "RELAY");
}

/** Keys of names have a letter, but for addresses in brackets and those of IPv6. */
export function isName(key: string): boolean {
  return /[a-z]/.test(key) && !/^\[|:/.test(key);
}

function isOwnAddress(client: string): boolean {
  return client === "127.0.0.1" || client === "::1";
}

function first(keys: readonly string[], words: RelayWords["domains"]): Origin | undefined {
  for (const key of keys) {
    const found = words.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}
