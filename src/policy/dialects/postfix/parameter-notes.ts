/**
 * For every parameter that main.cf or a `-o` of master.cf sets: what becomes of it here, from the one option table.
 * A name that Postfix does not know and no value uses is a warning there and here: most often a typing error (CF-10).
 */
import type { Entry } from "./configuration.ts";
import type { Notes } from "./lints.ts";
import { isKnownParameter, optionTable, parameterEntry } from "./parameters.ts";
import type { MasterService } from "./services.ts";
import { suggestName } from "./suggest-name.ts";

type Named = readonly [name: string, entry: Entry];

export function noteParameters(main: readonly Named[], master: readonly MasterService[], notes: Notes): void {
  const overrides = master.flatMap((service) => [...service.overrides].map((pair) => ({ service, pair })));
  const used = usedNames([...main, ...overrides.map(({ pair }) => pair)]);
  const services = new Set(master.map(({ name }) => name));
  const known = (name: string): boolean => isKnownParameter(name, services) || used.has(name);
  for (const [name, entry] of main) noteOne(name, entry, known(name), notes);
  for (const { service, pair } of overrides) {
    const [name, entry] = pair;
    const matters = service.command === "smtp" || service.command === "smtpd";
    if (matters || !known(name)) noteOne(name, entry, known(name), notes);
  }
}

function noteOne(name: string, entry: Entry, known: boolean, notes: Notes): void {
  const option = parameterEntry(name);
  if (option !== undefined) notes.add(option.status, entry, `${name}: ${option.reason}`);
  else if (known) notes.add("no-effect", entry, `${name}: not about TLS between mail servers`);
  else {
    const near = suggestName(name, parameterNames);
    const remedy = near === undefined ? "remove it, or correct its name" : `did you mean ${near}?`;
    notes.add("warning", entry, `unused parameter: ${name}: Postfix does not know it`, remedy);
  }
}

const parameterNames = optionTable.filter(({ scopes }) => scopes !== "TLS policy table").map(({ name }) => name);

/** Names that some value uses, or that are restriction classes: inventing those is usual. */
function usedNames(entries: readonly Named[]): ReadonlySet<string> {
  const used = new Set<string>();
  for (const [name, { value }] of entries) {
    for (const [, word = ""] of value.matchAll(/\$[({]?([A-Za-z0-9_]+)/g)) used.add(word);
    if (name === "smtpd_restriction_classes") for (const word of value.split(/[\s,]+/)) used.add(word);
  }
  return used;
}
