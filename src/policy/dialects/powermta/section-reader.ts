/**
 * The inside of a section: its directives, each looked at once, and the sections in it. Also which word counts where one is
 * said twice: the later (our reading; the guides do not say), and that is told.
 */

import { nearestWord } from "../../../mail/nearest-word.ts";
import { checkDirective } from "./check-directive.ts";
import type { Statements } from "./configuration.ts";
import { textOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive, Place, Section } from "./parse.ts";
import { sectionNames } from "./section-names.ts";

/** These are kept in order; of all others the last line counts. */
const accumulating: ReadonlySet<string> = new Set([
  "smtp-source-host",
  "host-name",
  "virtual-mta",
  "smtp-listener",
  "domain-macro",
  "relay-domain",
  "relay-address",
]);

export class SectionReader {
  readonly notes: NoteList;

  constructor(notes: NoteList) {
    this.notes = notes;
  }

  /** @param outer the section around it, or `global` */
  mayStand(node: Section, outer: string): boolean {
    const place = sectionNames.get(node.name);
    if (place === undefined) {
      const near = nearestWord(node.name, [...sectionNames.keys()]);
      const remedy = near === undefined ? "remove it, or check its spelling" : `did you mean <${near}>?`;
      this.notes.error(node, `unknown section <${node.name}>`, remedy);
      return false;
    }
    if (!place.inside.includes(outer)) {
      const where = outer === "global" ? "outside of sections" : `in <${outer}>`;
      this.notes.error(node, `<${node.name}> cannot stand ${where}`, "close the section before it");
      return false;
    }
    if (place.argument === "one" && textOf(node.argument) === "") {
      this.notes.error(node, `<${node.name}>: argument missing`, `write <${node.name} ...>`);
      return false;
    }
    return true;
  }

  /** The directives that mean something here, in their order; sections inside go to `inner`. */
  directives(node: Section, inner?: (section: Section) => void): Directive[] {
    const found: Directive[] = [];
    for (const child of node.children) {
      if (child.kind === "section") {
        if (this.mayStand(child, node.name)) inner?.(child);
      } else if (checkDirective(node.name, child, this.notes) !== undefined) found.push(child);
    }
    return found;
  }

  statements(node: Section, inner?: (section: Section) => void): Map<string, Directive[]> {
    const statements = new Map<string, Directive[]>();
    for (const directive of this.directives(node, inner)) this.keep(statements, directive);
    return statements;
  }

  keep(statements: Map<string, Directive[]>, directive: Directive): void {
    const before = statements.get(directive.name);
    if (before === undefined) {
      statements.set(directive.name, [directive]);
      return;
    }
    if (!accumulating.has(directive.name)) this.replaced(before.at(-1), directive);
    before.push(directive);
  }

  keepAll(statements: Map<string, Directive[]>, others: Statements): void {
    for (const list of others.values()) for (const directive of list) this.keep(statements, directive);
  }

  replaced(before: Directive | undefined, directive: Directive): void {
    if (before === undefined || before.value === directive.value) return;
    const where = `line ${before.line} of ${before.in.file}`;
    this.notes.warning(
      directive,
      `${directive.name} replaces what ${where} says at the same place`,
      "keep one of them",
    );
  }

  duplicate(node: Section, first: Place): void {
    this.notes.warning(
      node,
      `<${node.name} ${node.argument}> was begun in line ${first.line} of ${first.in.file}; both are read as one`,
      "join them",
    );
  }

  /** Nothing of it means anything here. */
  other(node: Section): void {
    this.notes.noEffect(node, `<${node.name}> has no effect here`);
    this.directives(node, (inner) => this.other(inner));
  }
}
