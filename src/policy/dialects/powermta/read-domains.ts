/**
 * `<domain>` sections into their scope: macros multiplied out, sections of the same pattern joined.
 */
import { type DomainPattern, type DomainScope, parsePattern } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import type { ExpandedName, Macros } from "./macros.ts";
import type { Directive, Section } from "./parse.ts";
import type { SectionReader } from "./section-reader.ts";

type Statements = Map<string, Directive>;

export class DomainReader {
  readonly #reader: SectionReader;
  readonly #macros: Macros;
  #count = 0;

  constructor(reader: SectionReader, macros: Macros) {
    this.#reader = reader;
    this.#macros = macros;
  }

  /** @param around the scope in words: ` in virtual-mta m1` */
  read(node: Section, scope: DomainScope, around: string): void {
    const written = textOf(node.argument);
    const expanded = written.includes("$") ? this.#macros.expand(written, node) : { names: [written], viaMacro: [] };
    const statements = this.#last(this.#reader.directives(node));
    for (const name of expanded?.names ?? []) {
      const pattern = parsePattern(name);
      if (pattern !== undefined) this.#add(node, { name, written, pattern, expanded, statements, scope, around });
      else {
        const remedy = "write one of: a.test, *.a.test, [*.]a.test, *";
        this.#reader.notes.error(node, `<domain ${name}> is no domain`, remedy);
      }
    }
  }

  #add(place: Section, { name, written, pattern, expanded, statements, scope, around }: Parts): void {
    const viaMacro = expanded?.viaMacro ?? [];
    const own = viaMacro.length === 0 ? statements : new Map(statements);
    const words = `domain ${name}${around}`;
    const section = { id: this.#count, pattern, written, viaMacro, statements: own, place, scope: words };
    this.#count += 1;
    const before = scope.add(section);
    if (before !== undefined) this.#join(before.statements, statements);
  }

  /** The later of two sections of one pattern. */
  #join(known: Statements, later: Statements): void {
    for (const [key, directive] of later) {
      this.#reader.replaced(known.get(key), directive);
      known.set(key, directive);
    }
  }

  #last(directives: readonly Directive[]): Statements {
    const last: Statements = new Map();
    for (const directive of directives) {
      this.#reader.replaced(last.get(directive.name), directive);
      last.set(directive.name, directive);
    }
    return last;
  }
}

type Parts = Readonly<{
  name: string;
  written: string;
  pattern: DomainPattern;
  expanded: ExpandedName | undefined;
  statements: Statements;
  scope: DomainScope;
  around: string;
}>;
