/**
 * Where the scope of a virtual MTA or pool goes before a narrower section of the file: our reading, told where it matters.
 */
import type { Configuration } from "./configuration.ts";
import { covers, type DomainScope, type DomainSection } from "./domain-sections.ts";
import type { NoteList } from "./note-list.ts";
import { domainTlsOptions } from "./options.ts";

const tlsNames = domainTlsOptions.filter(({ status }) => status !== "no-effect").map(({ name }) => name);

/** A virtual MTA's wide section goes before the file's narrow one: no example of the guides settles it. */
export function checkScopes({ domains, virtualMtas, pools }: Configuration, notes: NoteList): void {
  const wide = [...virtualMtas.values(), ...pools.values()]
    .flatMap(({ scope }) => scope.all)
    .filter(({ pattern, statements }) => pattern.kind !== "exact" && pattern.kind !== "literal" && statements.size > 0);
  if (wide.length === 0) return;
  const narrow = indexOfOthers(domains);
  for (const section of wide) {
    for (const name of tlsNames) {
      const directive = section.statements.get(name);
      const other = directive === undefined ? undefined : narrow(section, name, directive.value);
      if (directive === undefined || other === undefined) continue;
      notes.differs(
        directive,
        `${name}: ${section.scope} goes before ${other.scope} (line ${other.place.line}), which says otherwise; the guides do not settle it`,
        "write it in both, or in neither",
      );
    }
  }
}

/** The first section of the file below a pattern that states another value; one look-up however many there are. */
function indexOfOthers(domains: DomainScope) {
  const index = new Map<string, Map<string, DomainSection>>();
  const put = (parent: string, section: DomainSection): void => {
    for (const name of tlsNames) {
      const directive = section.statements.get(name);
      if (directive === undefined) continue;
      const key = `${parent} ${name}`;
      const values = index.get(key) ?? new Map<string, DomainSection>();
      index.set(key, values);
      if (!values.has(directive.value)) values.set(directive.value, section);
    }
  };
  for (const section of domains.all) {
    const { pattern } = section;
    if (pattern.kind === "any" || pattern.kind === "literal") continue;
    put("*", section);
    put(pattern.name, section);
    for (let dot = pattern.name.indexOf("."); dot >= 0; dot = pattern.name.indexOf(".", dot + 1)) {
      put(pattern.name.slice(dot + 1), section);
    }
  }
  return ({ pattern }: DomainSection, name: string, value: string): DomainSection | undefined => {
    const parent = pattern.kind === "any" ? "*" : pattern.kind === "literal" ? "" : pattern.name;
    for (const [other, section] of index.get(`${parent} ${name}`) ?? []) {
      if (other !== value && covers(pattern, section.pattern)) return section;
    }
    return undefined;
  };
}
