/**
 * Recipient domains that any client may send to: `relay-domain`, and each `host-name` (reference, section 4.1).
 */
import { parseDomain } from "../../../mail/domain.ts";
import type { DomainPattern as OurPattern } from "../../../mail/domain-pattern.ts";
import type { Configuration } from "./configuration.ts";
import { parsePattern } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive } from "./parse.ts";

export function relayDomainsOf({ globals }: Configuration): readonly OurPattern[] {
  const own = (globals.get("host-name") ?? []).flatMap(({ value }): OurPattern[] => {
    const domain = parseDomain(textOf(value));
    return domain === undefined ? [] : [{ kind: "exact", domain }];
  });
  return [...own, ...(globals.get("relay-domain") ?? []).flatMap((line) => patternsOf(line) ?? [])];
}

export function checkRelayDomains({ globals }: Configuration, notes: NoteList): void {
  for (const line of globals.get("relay-domain") ?? []) {
    const patterns = patternsOf(line);
    if (patterns === undefined) {
      notes.error(line, `relay-domain: "${textOf(line.value)}" is no domain`, "write a.test, *.a.test or [*.]a.test");
    } else if (patterns.some(({ kind }) => kind === "any")) {
      notes.warning(line, "relay-domain *: every client may send to anywhere", "name the domains that are yours");
    }
  }
}

/** @returns undefined for what is no pattern of names */
function patternsOf({ value }: Directive): OurPattern[] | undefined {
  const pattern = parsePattern(textOf(value));
  if (pattern === undefined || pattern.kind === "literal") return undefined;
  if (pattern.kind === "any") return [{ kind: "any" }];
  const domain = parseDomain(pattern.name);
  if (domain === undefined) return undefined;
  const kinds = { exact: ["exact"], below: ["below"], "below-and-itself": ["exact", "below"] } as const;
  return kinds[pattern.kind].map((kind) => ({ kind, domain }));
}
