/**
 * `<source>` and `<smtp-user>` sections, by address block and by name (reference, section 4.1).
 */
import { prepareStored } from "../../../users/saslprep.ts";
import { BlockTable, parseBlock } from "./address-block.ts";
import type { SmtpUser, Source, Statements } from "./configuration.ts";
import { textOf } from "./lines.ts";
import type { Directive, Section } from "./parse.ts";
import type { PatternList } from "./pattern-list.ts";
import type { SectionReader } from "./section-reader.ts";

type OpenSource = Source & Readonly<{ statements: Map<string, Directive[]> }>;

export class SourceReader {
  readonly #reader: SectionReader;
  readonly #patternLists: ReadonlyMap<string, PatternList>;
  readonly byAddress = new BlockTable<OpenSource>();
  readonly byName = new Map<string, OpenSource>();
  readonly all: OpenSource[] = [];
  readonly users = new Map<string, SmtpUser>();

  /** @param patternLists as far as they are read: a list stands before the source that names it */
  constructor(reader: SectionReader, patternLists: ReadonlyMap<string, PatternList>) {
    this.#reader = reader;
    this.#patternLists = patternLists;
  }

  source(node: Section): void {
    const name = textOf(node.argument);
    const statements = this.#reader.statements(node);
    this.#checkPatternList(statements);
    const block = parseBlock(name);
    const before = block === undefined ? this.byName.get(name) : this.byAddress.get(block);
    if (before !== undefined) {
      this.#reader.duplicate(node, before.place);
      this.#reader.keepAll(before.statements, statements);
      return;
    }
    const source = { id: this.all.length, name, place: node, statements, ...(block === undefined ? {} : { block }) };
    this.all.push(source);
    if (block === undefined) this.byName.set(name, source);
    else this.byAddress.set(block, source);
  }

  /** Names are kept in the form in which they log in (SASLprep). */
  user(node: Section): void {
    const written = textOf(node.argument);
    const name = prepareStored(written) ?? written;
    const before = this.users.get(name);
    if (before !== undefined) {
      this.#reader.notes.error(
        node,
        `smtp-user ${name} is there twice`,
        `remove one; the other is in line ${before.place.line}`,
      );
    }
    this.users.set(name, { name, place: node, statements: this.#reader.statements(node) });
  }

  #checkPatternList(statements: Statements): void {
    const directive = statements.get("pattern-list")?.at(-1);
    const name = directive === undefined ? "" : textOf(directive.value);
    if (directive === undefined || name === "" || this.#patternLists.has(name)) return;
    this.#reader.notes.error(
      directive,
      `there is no pattern-list ${name} before this line`,
      "write it above the source",
    );
  }
}
