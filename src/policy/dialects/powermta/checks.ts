/**
 * What a configuration says that its author hardly meant, told with the line and the remedy: PowerMTA does the same without
 * a word (reference, sections 1.4, 2.3 and 2.4). Nothing here changes an outcome.
 */

import { checkScopes } from "./check-scopes.ts";
import { cipherList, withoutLowSecurity } from "./cipher-lists.ts";
import type { Configuration } from "./configuration.ts";
import { type DomainScope, type DomainSection, formatPattern } from "./domain-sections.ts";
import type { KeyFiles } from "./key-files.ts";
import { textOf, wordsOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import type { Queues } from "./queues.ts";
import { parseHosts } from "./smtp-hosts.ts";
import { flag, stated } from "./tls-rule.ts";
import { booleanOf } from "./values.ts";

/** A scope, and as whom one must send to be in it. */
type Place = Readonly<{ scope: DomainScope; binding: string; group: string | undefined }>;

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

/** A macro gives one line to many sections; it is looked at once. */
function checkStatements(places: readonly Place[], keys: KeyFiles, notes: NoteList): void {
  const seen = new Set<Directive>();
  for (const { scope } of places) {
    for (const { statements } of scope.all) {
      for (const directive of statements.values()) {
        if (!checkable.has(directive.name) || seen.has(directive)) continue;
        seen.add(directive);
        checkStatement(directive, keys, notes);
      }
    }
  }
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

const checkable: ReadonlySet<string> = new Set([
  "smtp-tls-ca-file",
  "smtp-client-certificate",
  "smtp-tls-ciphers",
  "smtp-tls-tlsv1.3-ciphersuites",
  "smtp-hosts",
  "route",
]);

/** Files and ciphers that a single directive names. */
function checkStatement(directive: Directive, keys: KeyFiles, notes: NoteList): void {
  const { name, value } = directive;
  const text = textOf(value);
  if (text === "") return;
  const [file = "", password] = wordsOf(value);
  if (name === "smtp-tls-ca-file") {
    const read = keys.anchors(file);
    if (read.kind === "bad") notes.error(directive, read.problem, read.remedy);
  } else if (name === "smtp-client-certificate") {
    const read = keys.credential(file, password);
    if (read.kind === "bad") notes.error(directive, read.problem, read.remedy);
    else if (read.warning !== undefined)
      notes.warning(directive, `smtp-client-certificate: ${read.warning}`, "renew it");
  } else if (name === "smtp-tls-ciphers" || name === "smtp-tls-tlsv1.3-ciphersuites")
    checkCiphers(directive, text, notes);
  else if (name === "smtp-hosts" || name === "route") {
    const hosts = parseHosts(text, 25);
    if (hosts.kind === "hosts" && hosts.shared)
      notes.differs(directive, `${name}: hosts of one level take no turns here; they are tried in the order written`);
  }
}

function checkCiphers(directive: Directive, text: string, notes: NoteList): void {
  const made = directive.name === "smtp-tls-ciphers" ? cipherList(text, undefined) : cipherList(undefined, text);
  if (made.kind === "bad") {
    notes.differs(
      directive,
      `${directive.name}: none of these may be used (${made.problem}); no connection is made`,
      "write HIGH:!ADH:@STRENGTH, or take the line out",
    );
  } else if (withoutLowSecurity(text) !== text && /@SECLEVEL=[01]/i.test(text)) {
    notes.differs(directive, `${directive.name}: security levels below 2 are never used`, "take @SECLEVEL out");
  }
}

function nameFor({ pattern }: DomainSection): string | undefined {
  if (pattern.kind === "any" || pattern.kind === "literal") return undefined;
  return pattern.kind === "below" ? `any.${pattern.name}` : pattern.name;
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

/** What the section asks for, and the queue that its mail is moved to does not. */
function checkQueueTo(section: DomainSection, { binding, group }: Place, queues: Queues, notes: NoteList): void {
  const directive = section.statements.get("queue-to");
  if (directive === undefined || textOf(directive.value) === "") return;
  const { own, sections } = queues.resolve({ queue: nameFor(section) }, binding, group, undefined);
  const lost = lostBetween(own, sections);
  if (lost.length === 0) return;
  notes.warning(
    directive,
    `${section.scope}: ${lost.join(", ")} do${lost.length === 1 ? "es" : ""} not hold in the queue ${textOf(directive.value)}`,
    `write the same in <domain ${textOf(directive.value)}>`,
  );
}

const asksForMore = [
  "require-starttls",
  "smtp-tls-ca-file",
  "smtp-client-certificate",
  "smtp-tls-ciphers",
  "use-dane",
  "use-mta-sts",
];

function lostBetween(before: readonly DomainSection[], after: readonly DomainSection[]): string[] {
  return asksForMore.filter((name) => {
    const had = stated(before, name)?.directive;
    if (had === undefined || booleanOf(had.value) === false) return false;
    const has = stated(after, name)?.directive;
    return has === undefined || (booleanOf(has.value) ?? has.value) !== (booleanOf(had.value) ?? had.value);
  });
}

/** Which domains are rolled up is known only from DNS; the first that requires TLS is named. */
function checkRollups(configuration: Configuration, places: readonly Place[], queues: Queues, notes: NoteList): void {
  if (configuration.rollups.length === 0) return;
  const strict = places
    .flatMap(({ scope }) => scope.all)
    .find((section) => {
      const directive = section.statements.get("require-starttls");
      return (
        directive !== undefined &&
        booleanOf(directive.value) === true &&
        !formatPattern(section.pattern).endsWith(".rollup")
      );
    });
  const told = new Set<string>();
  for (const { queue, place } of configuration.rollups) {
    if (strict === undefined || told.has(queue)) continue;
    told.add(queue);
    const sections = queues.sectionsFor({ queue }, "", undefined);
    if (flag(sections, "require-starttls", false).on && flag(sections, "use-starttls", true).on) continue;
    notes.warning(
      place,
      `mail rolled up into ${queue} loses require-starttls, which ${strict.scope} asks for`,
      `write require-starttls yes in <domain ${queue}>`,
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
