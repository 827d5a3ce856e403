/**
 * The lines of one accounting section, by name: who compiles a part of it asks here for its directives. Unknown names,
 * repeated lines and values of the wrong kind are told. The sections of PowerMTA's own configuration and those of
 * letterlock.yaml come through here alike.
 */
import { nearestWord } from "../../../mail/nearest-word.ts";
import { listItems, parseBytes, parseInterval } from "./accounting-values.ts";
import { textOf } from "./lines.ts";
import type { NoteList } from "./note-list.ts";
import { namesIn, optionIn } from "./options.ts";
import type { Place } from "./parse.ts";
import { booleanOf } from "./values.ts";

/** A line as written: `records` and `d, b`, in lower case and without comment. */
export type AccountingDirective = Place & Readonly<{ name: string; value: string }>;

export type AccountingNotes = Pick<NoteList, "error" | "warning" | "differs" | "noEffect">;

/** These may be written several times, and count in their order. */
const accumulating: ReadonlySet<string> = new Set(["record-fields", "map-header-to-field"]);

export class AccountingLines {
  readonly notes: AccountingNotes;
  readonly #byName = new Map<string, AccountingDirective[]>();

  constructor(directives: readonly AccountingDirective[], notes: AccountingNotes) {
    this.notes = notes;
    for (const directive of directives) this.#add(directive);
  }

  #add(directive: AccountingDirective): void {
    const { name, value } = directive;
    if (optionIn("acct-file", name) === undefined) {
      const near = nearestWord(name, namesIn("acct-file"));
      const remedy = near === undefined ? "remove it, or check its spelling" : `did you mean ${near}?`;
      this.notes.error(directive, `unknown directive "${name}"`, remedy);
      return;
    }
    if (value === "") {
      this.notes.error(directive, `${name}: argument missing`, `write ${name} and its value`);
      return;
    }
    const before = this.#byName.get(name);
    if (before === undefined) this.#byName.set(name, [directive]);
    else {
      if (!accumulating.has(name)) {
        this.notes.warning(directive, `${name} is written twice in this section: the later line counts`, "write one");
      }
      before.push(directive);
    }
  }

  all(name: string): readonly AccountingDirective[] {
    return this.#byName.get(name) ?? [];
  }

  last(name: string): AccountingDirective | undefined {
    return this.all(name).at(-1);
  }

  text(name: string): string | undefined {
    const line = this.last(name);
    return line === undefined ? undefined : textOf(line.value);
  }

  flag(name: string, otherwise: boolean): boolean {
    return this.#read(name, booleanOf, "is neither yes nor no", "write yes or no") ?? otherwise;
  }

  /** ms */
  interval(name: string): number | undefined {
    return this.#read(name, parseInterval, "is no interval", "write an interval such as 5m or 1d12h");
  }

  bytes(name: string): number | undefined {
    return this.#read(name, parseBytes, "is no size", "write a size such as 250M");
  }

  /** Lines that say nothing where they stand. */
  withoutEffect(names: readonly string[], why: string): void {
    for (const name of names) {
      const line = this.last(name);
      if (line !== undefined) this.notes.noEffect(line, `${name} has no effect: ${why}`);
    }
  }

  #read<T>(name: string, parse: (text: string) => T | undefined, fault: string, remedy: string): T | undefined {
    const line = this.last(name);
    if (line === undefined) return undefined;
    const value = parse(textOf(line.value));
    if (value === undefined) this.notes.error(line, `${name}: "${textOf(line.value)}" ${fault}`, remedy);
    return value;
  }
}

/** Items of a list; empty ones are told, and left out. */
export function itemsOf(line: AccountingDirective, text: string, notes: AccountingNotes): string[] {
  const items = listItems(text);
  const named = items.filter((item) => item !== "");
  if (named.length < items.length) {
    notes.warning(line, `${line.name}: there is nothing beside a comma`, "take the comma out");
  }
  return named;
}
