/**
 * What a configuration says that its author hardly meant, told with the line and the remedy: PowerMTA does the same without
 * a word (reference, sections 1.4, 2.3 and 2.4). Nothing here changes an outcome.
 */

import { checkQueueTo, checkRollups, nameFor, type Place } from "./check-queues.ts";
import { checkScopes } from "./check-scopes.ts";
import { checkStatements } from "./check-statements.ts";
import type { Configuration } from "./configuration.ts";
import type { DomainSection } from "./domain-sections.ts";
import type { KeyFiles } from "./key-files.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import type { Queues } from "./queues.ts";
import { flag, stated } from "./tls-rule.ts";
import { booleanOf } from "./values.ts";

export function checkDomains(configuration: Configuration, queues: Queues, keys: KeyFiles, notes: NoteList): void {
  const places = placesOf(configuration);
  checkStatements(places, keys, notes);
  const doubtful = meaningsInDoubt(places);
  let daneWritten = false;
  for (const place of places) {
    for (const section of place.scope.all) {
      if (doubtful.some((name) => section.statements.has(name))) checkMeaning(section, place, queues, notes);
      checkQueueTo(section, place, queues, notes);
      if (section.pattern.kind === "any" && section.statements.has("use-dane")) daneWritten = true;
    }
  }
  checkRollups(configuration, places, queues, notes);
  checkScopes(configuration, notes);
  checkDefaults(configuration, daneWritten, notes);
}

/**
 * Directives that may contradict what holds around them. Nothing can contradict `require-starttls` where no section says
 * `use-starttls no` or names a CA file, and a hundred thousand sections need no look.
 */
function meaningsInDoubt(places: readonly Place[]): readonly string[] {
  const all = ["use-starttls", "require-starttls", "smtp-tls-ca-file", "use-dane", "use-mta-sts"];
  for (const { scope } of places) {
    for (const { statements } of scope.all) {
      const use = statements.get("use-starttls");
      if (statements.has("smtp-tls-ca-file") || (use !== undefined && booleanOf(use.value) === false)) return all;
    }
  }
  return ["use-dane", "use-mta-sts"];
}

function placesOf({ domains, virtualMtas, pools }: Configuration): Place[] {
  return [
    { scope: domains, binding: "", group: undefined },
    ...[...virtualMtas.values()].map(({ name, scope }) => ({ scope, binding: name, group: undefined })),
    ...[...pools.values()].map(({ name, scope }) => ({ scope, binding: "", group: name })),
  ];
}

function checkMeaning(section: DomainSection, { binding, group }: Place, queues: Queues, notes: NoteList): void {
  const sections = queues.sectionsFor({ queue: nameFor(section) }, binding, group);
  const use = flag(sections, "use-starttls", true);
  const require = flag(sections, "require-starttls", false);
  const own = (name: string): Directive | undefined => section.statements.get(name);
  const where = section.scope;
  if (!use.on && require.on) {
    notes.warning(
      own("require-starttls") ?? own("use-starttls") ?? section.place,
      `${where}: require-starttls has no effect with use-starttls no: mail leaves in clear text`,
      "write use-starttls yes",
    );
  }
  const authorities = stated(sections, "smtp-tls-ca-file");
  if (use.on && !require.on && authorities !== undefined) {
    notes.warning(
      own("smtp-tls-ca-file") ?? own("require-starttls") ?? section.place,
      `${where}: where the certificate does not lead to smtp-tls-ca-file, mail leaves in clear text`,
      "write require-starttls yes, or take smtp-tls-ca-file out",
    );
  }
  for (const name of ["use-dane", "use-mta-sts"]) checkEvidence(name, section, use.on, notes);
}

function checkEvidence(name: string, section: DomainSection, useStarttls: boolean, notes: NoteList): void {
  const directive = section.statements.get(name);
  if (directive === undefined || booleanOf(directive.value) !== true) return;
  notes.warning(
    directive,
    `${section.scope}: ${name} yes makes no connection: that evidence is not gathered yet`,
    `write ${name} no, and require-starttls yes where TLS is a must`,
  );
  if (!useStarttls) {
    notes.warning(
      directive,
      `${section.scope}: ${name} with use-starttls no contradict each other`,
      "write use-starttls yes",
    );
  }
}

function checkDefaults({ main }: Configuration, daneWritten: boolean, notes: NoteList): void {
  notes.differs(
    main,
    "smtp-tls-allow-tlsv1.1: TLS 1.1, which PowerMTA allows where nothing is written, is never spoken here; where it is the newest allowed and TLS is no must, TLS 1.2 and 1.3 are used in its place",
  );
  if (daneWritten) return;
  notes.differs(
    main,
    "use-dane: DANE, which PowerMTA 5.0 uses where nothing is written and later versions do not, is not used here",
    "write use-dane no in <domain *> to say that it is meant",
  );
}
