/**
 * What single directives name: files that can be used, ciphers that there are, hosts that take no turns here.
 */
import { cipherList, withoutLowSecurity } from "./cipher-lists.ts";
import type { DomainScope } from "./domain-sections.ts";
import type { KeyFiles } from "./key-files.ts";
import { textOf, wordsOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { parseHosts } from "./smtp-hosts.ts";

/** A macro gives one line to many sections; it is looked at once. */
export function checkStatements(
  places: readonly Readonly<{ scope: DomainScope }>[],
  keys: KeyFiles,
  notes: NoteList,
): void {
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
