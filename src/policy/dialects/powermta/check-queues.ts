/**
 * Mail that is moved to another queue, and what its own domain asked for and is lost with it.
 */
import type { Configuration } from "./configuration.ts";
import { type DomainScope, type DomainSection, formatPattern } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { Queues } from "./queues.ts";
import { flag, stated } from "./tls-rule.ts";
import { booleanOf } from "./values.ts";

/** A scope, and as whom one must send to be in it. */
export type Place = Readonly<{ scope: DomainScope; binding: string; group: string | undefined }>;

/** A name that the section covers. */
export function nameFor({ pattern }: DomainSection): string | undefined {
  if (pattern.kind === "any" || pattern.kind === "literal") return undefined;
  return pattern.kind === "below" ? `any.${pattern.name}` : pattern.name;
}

/** What the section asks for, and the queue that its mail is moved to does not. */
export function checkQueueTo(section: DomainSection, { binding, group }: Place, queues: Queues, notes: NoteList): void {
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
export function checkRollups(
  configuration: Configuration,
  places: readonly Place[],
  queues: Queues,
  notes: NoteList,
): void {
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
