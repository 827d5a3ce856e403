/**
 * `domain-macro NAME LIST` and the names that `$NAME` stands for, several macros in one name multiplied out, macros within
 * macros taken apart (reference, section 1.3). Circles are errors, and so is a name that stands for more than anybody means.
 */
import type { NoteList } from "./note-list.ts";
import type { Directive, Place } from "./parse.ts";

type Macro = Readonly<{ items: readonly string[]; at: Directive }>;

/** `viaMacro` lists the macros that took part, as they are written. */
export type ExpandedName = Readonly<{ names: readonly string[]; viaMacro: readonly string[] }>;

const maxNames = 200_000;
const maxDepth = 100;
const use = /\$([A-Za-z0-9_]+)/;

export class Macros {
  readonly #macros = new Map<string, Macro>();
  readonly #expanded = new Map<string, readonly string[] | undefined>();
  readonly #notes: NoteList;
  /** Names of macros that are being taken apart. */
  readonly #open: string[] = [];

  constructor(notes: NoteList) {
    this.#notes = notes;
  }

  define(node: Directive): void {
    const [, name, list] = /^([A-Za-z0-9_]+)\s+(.+)$/.exec(node.value.replaceAll('"', "")) ?? [];
    if (name === undefined || list === undefined) {
      this.#notes.error(node, "domain-macro needs a name and a list", "write domain-macro NAME item, item");
      return;
    }
    const before = this.#macros.get(name);
    if (before !== undefined) {
      this.#notes.warning(
        node,
        `domain-macro ${name} replaces that of line ${before.at.line} of ${before.at.in.file}`,
        "keep one of them",
      );
    }
    const items = list.split(",").map((item) => item.trim());
    const named = items.filter((item) => item !== "");
    if (named.length === 0) this.#notes.error(node, `domain-macro ${name} names nothing`, "write at least one item");
    this.#macros.set(name, { items: named, at: node });
  }

  /** Every macro is taken apart once, so that circles are found whether or not it is used. */
  check(): void {
    for (const [name, { at }] of this.#macros) this.#list(name, at);
  }

  /** @returns `undefined` after an error at `node` */
  expand(text: string, node: Place): ExpandedName | undefined {
    const names = this.#multiply(text, node);
    if (names === undefined) return undefined;
    const used = [...text.matchAll(/\$([A-Za-z0-9_]+)/g)].map(([, name = ""]) => this.#macros.get(name)?.at);
    const viaMacro = used.map((at) => (at === undefined ? "" : `${at.in.file}:${at.line} domain-macro ${at.value}`));
    return { names, viaMacro };
  }

  #multiply(text: string, at: Place): readonly string[] | undefined {
    let names: readonly string[] = [""];
    for (let rest = text; ; ) {
      const found = use.exec(rest);
      const before = found === null ? rest : rest.slice(0, found.index);
      names = names.map((name) => name + before);
      if (found === null) return names;
      const items = this.#list(found[1] ?? "", at);
      if (items === undefined) return undefined;
      if (names.length * items.length > maxNames) {
        this.#notes.error(at, `${text} stands for more than ${maxNames} names`, "split the macros");
        return undefined;
      }
      names = names.flatMap((name) => items.map((item) => name + item));
      rest = rest.slice(found.index + found[0].length);
    }
  }

  #list(name: string, at: Place): readonly string[] | undefined {
    if (this.#expanded.has(name)) return this.#expanded.get(name);
    const macro = this.#macros.get(name);
    if (macro === undefined) {
      this.#notes.error(at, `there is no domain-macro ${name}`, `write domain-macro ${name} and its list`);
      return undefined;
    }
    if (this.#open.includes(name)) {
      const circle = [...this.#open.slice(this.#open.indexOf(name)), name].join(" > ");
      this.#notes.error(macro.at, `domain-macro ${name} is a circle: ${circle}`, "take one of them out");
      return undefined;
    }
    if (this.#open.length >= maxDepth) {
      this.#notes.error(macro.at, `macros within macros deeper than ${maxDepth}`, "write the names out");
      return undefined;
    }
    this.#open.push(name);
    const items = this.#items(macro);
    this.#open.pop();
    this.#expanded.set(name, items);
    return items;
  }

  #items({ items, at }: Macro): readonly string[] | undefined {
    const all: string[] = [];
    for (const item of items) {
      const names = this.#multiply(item, at);
      if (names === undefined) return undefined;
      if (all.length + names.length > maxNames) {
        this.#notes.error(at, `the macro stands for more than ${maxNames} names`, "split it");
        return undefined;
      }
      for (const name of names) all.push(name);
    }
    return all;
  }
}
