/**
 * For every parameter that main.cf or a `-o` of master.cf sets: what becomes of it here, from the one option table.
 * A name that Postfix does not know and no value uses is a warning there and here: most often a typing error (CF-10).
 */

import { nearestWord } from "../../../mail/nearest-word.ts";
import type { Entry } from "./configuration.ts";
import type { Notes } from "./lints.ts";
import { isKnownParameter, optionTable, parameterEntry } from "./parameters.ts";
import type { MasterService } from "./services.ts";

type Named = readonly [name: string, entry: Entry];

export function noteParameters(main: readonly Named[], master: readonly MasterService[], notes: Notes): void {
  const overrides = master.flatMap((service) => [...service.overrides].map((pair) => ({ service, pair })));
  const all = [...main, ...overrides.map(({ pair }) => pair)];
  const uses = usersOf(all);
  const services = new Set(master.map(({ name }) => name));
  for (const [name, entry] of main) noteOne(name, entry, isKnownParameter(name, services), uses, notes);
  for (const { service, pair } of overrides) {
    const [name, entry] = pair;
    const known = isKnownParameter(name, services);
    const matters = service.command === "smtp" || service.command === "smtpd";
    if (matters || !(known || uses.has(name))) noteOne(name, entry, known, uses, notes);
  }
}

function noteOne(name: string, entry: Entry, known: boolean, uses: Uses, notes: Notes): void {
  const option = parameterEntry(name);
  const counting = usedByApplied(name, uses);
  const users = uses.get(name);
  if (option !== undefined) notes.add(option.status, entry, `${name}: ${option.reason}`);
  else if (counting.length > 0) notes.add("applied", entry, `${name}: used by ${counting.join(", ")}`);
  else if (known) notes.add("no-effect", entry, `${name}: not about TLS between mail servers`);
  else if (users !== undefined) {
    notes.add(
      "no-effect",
      entry,
      `${name}: used by ${[...users].join(", ")}, which is not about TLS between mail servers`,
    );
  } else {
    const near = nearestWord(name, parameterNames);
    const remedy = near === undefined ? "remove it, or correct its name" : `did you mean ${near}?`;
    notes.add("warning", entry, `unused parameter: ${name}: Postfix does not know it`, remedy);
  }
}

/** The parameters that have an effect here and whose values come to this name, also by way of other names. */
function usedByApplied(name: string, uses: Uses): readonly string[] {
  const seen = new Set([name]);
  for (const one of seen) for (const user of uses.get(one) ?? []) seen.add(user);
  seen.delete(name);
  return [...seen].filter((user) => (parameterEntry(user)?.status ?? "no-effect") !== "no-effect");
}

const parameterNames = optionTable.filter(({ scopes }) => scopes !== "TLS policy table").map(({ name }) => name);

/** By name, the parameters whose values use it. */
type Uses = ReadonlyMap<string, ReadonlySet<string>>;

/** Also names that are restriction classes: inventing those is usual. */
function usersOf(entries: readonly Named[]): Uses {
  const uses = new Map<string, Set<string>>();
  const add = (used: string, by: string): void => {
    const users = uses.get(used) ?? new Set();
    uses.set(used, users.add(by));
  };
  for (const [name, { value }] of entries) {
    for (const [, word = ""] of value.matchAll(/\$[({]?([A-Za-z0-9_]+)/g)) add(word, name);
    if (name === "smtpd_restriction_classes") for (const word of value.split(/[\s,]+/)) add(word, name);
  }
  return uses;
}
