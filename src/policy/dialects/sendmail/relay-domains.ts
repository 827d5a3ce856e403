/**
 * Recipient domains that any client may send to, as patterns of ours. A RELAY entry covers what is below it, unless a
 * narrower entry says otherwise; our patterns know no exceptions, so such an entry then stands for its own name alone.
 */
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern } from "../../../mail/domain-pattern.ts";
import type { ValueEntry } from "./access-map.ts";
import type { RelayWords } from "./relay-words.ts";
import { isName, mayRelay, type RelayContext } from "./relaying.ts";

export function relayDomains(context: RelayContext, words: RelayWords): readonly DomainPattern[] {
  const { map, configuration, options } = context;
  if (configuration?.relaying.promiscuous) return [{ kind: "any" }];
  const hostsOnly = configuration?.relaying.hostsOnly ?? false;
  const narrowed = parentsOfOthers(map.recipients);
  const entries = [...map.recipients].filter(([key, entry]) => isName(key) && !key.includes("@") && mayRelay(entry));
  return [
    ...[...words.domains.keys()].flatMap((word) => patterns(word, !hostsOnly)),
    ...[...words.own.keys()].flatMap((word) => patterns(word, true)),
    ...entries.flatMap(([key, entry]) => {
      if (key.startsWith(".")) return options.dots && !narrowed.has(key.slice(1)) ? belowOf(key.slice(1)) : [];
      const exceptions = narrowed.has(key);
      if (exceptions) noteExceptions(entry, context);
      return patterns(key, !hostsOnly && !exceptions);
    }),
  ];
}

/** Every name above an entry that does not say RELAY. */
function parentsOfOthers(entries: ReadonlyMap<string, ValueEntry>): ReadonlySet<string> {
  const parents = new Set<string>();
  for (const [key, entry] of entries) {
    if (!isName(key) || mayRelay(entry)) continue;
    for (let dot = key.indexOf("."); dot >= 0; dot = key.indexOf(".", dot + 1)) parents.add(key.slice(dot + 1));
  }
  return parents;
}

function noteExceptions({ access, from }: ValueEntry, { notes }: RelayContext): void {
  const text = `${access.key} RELAY: entries below it say otherwise, so only mail to that very name is relayed`;
  notes.add(
    "differs",
    { file: from.file ?? "access", line: access.line },
    text,
    "name each domain below it with RELAY",
  );
}

function patterns(text: string, withBelow: boolean): DomainPattern[] {
  const domain = parseDomain(text);
  if (domain === undefined) return [];
  return [{ kind: "exact", domain }, ...(withBelow ? [below(domain)] : [])];
}

function belowOf(text: string): DomainPattern[] {
  const domain = parseDomain(text);
  return domain === undefined ? [] : [below(domain)];
}

function below(domain: Domain): DomainPattern {
  return { kind: "below", domain };
}
