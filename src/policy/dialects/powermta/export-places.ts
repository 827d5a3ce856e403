/**
 * Places in our own language's sense: an exact domain, everything below one, everything.
 */
import { parseDomain } from "../../../mail/domain.ts";
import { formatDomainPattern, type DomainPattern as OurPattern } from "../../../mail/domain-pattern.ts";
import type { DomainSection } from "./domain-sections.ts";

/** Everything first, then each exact domain and each `.parent` in the order of the file. */
export function placesOf(sections: readonly DomainSection[]): OurPattern[] {
  const places = new Map<string, OurPattern>([["*", { kind: "any" }]]);
  for (const { pattern } of sections) {
    if (pattern.kind === "any" || pattern.kind === "literal") continue;
    const domain = parseDomain(pattern.name);
    if (domain === undefined) continue;
    const kinds = { exact: ["exact"], below: ["below"], "below-and-itself": ["exact", "below"] } as const;
    for (const kind of kinds[pattern.kind]) {
      const place: OurPattern = { kind, domain };
      places.set(formatDomainPattern(place), place);
    }
  }
  return [...places.values()];
}

/** A name that only the place itself covers: no section of a configuration names it. */
export function nameIn(place: OurPattern): string {
  if (place.kind === "any") return "\0";
  return place.kind === "exact" ? place.domain : `\0.${place.domain}`;
}
