/**
 * A Momentum configuration with its scopes merged: every stanza of one name is one, the later value of an option has
 * replaced the earlier. Made by `read-scopes.ts`, asked by `resolve.ts`.
 */
import type { Origin } from "../../rules.ts";
import type { Tester } from "../safe-pattern.ts";
import type { Position } from "./notes.ts";
import { printMomentum } from "./print.ts";
import type { Value } from "./syntax.ts";
import { readBoolean } from "./values.ts";

/** One option as it stands. */
export type Setting = Position &
  Readonly<{
    name: string;
    value: Value;
    /** The scope in words: `domain example.com in binding marketing`. */
    scope: string;
  }>;

/** The options of one stanza by name. They are few and stanzas are many, so this is a list and no map. */
export class Settings {
  readonly #list: Setting[] = [];

  get size(): number {
    return this.#list.length;
  }

  get(name: string): Setting | undefined {
    for (const setting of this.#list) if (setting.name === name) return setting;
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** The later value counts. */
  set(setting: Setting): void {
    const before = this.#list.findIndex(({ name }) => name === setting.name);
    if (before < 0) this.#list.push(setting);
    else this.#list[before] = setting;
  }

  values(): readonly Setting[] {
    return this.#list;
  }
}

/** Anything that holds options. */
export class Stanza {
  readonly settings = new Settings();
  readonly scope: string;
  readonly at: Position;
  /** Different for each: what was resolved is kept by the stanzas that had a say. */
  readonly id: number;

  constructor(scope: string, at: Position, id: number) {
    this.scope = scope;
    this.at = at;
    this.id = id;
  }
}

export type RegexStanza = Readonly<{ stanza: Stanza; regex: Tester; source: string }>;

/** Stanzas by name, and those by regular expression in the order in which they were first written. */
export class NamedStanzas {
  readonly plain = new Map<string, Stanza>();
  readonly regexes: RegexStanza[] = [];
  readonly bySource = new Map<string, Stanza>();

  /** The plain one first; each option is taken from the first that has it. */
  matching(key: string): Stanza[] {
    const found: Stanza[] = [];
    const plain = this.plain.get(key);
    if (plain !== undefined) found.push(plain);
    for (const { stanza, regex } of this.regexes) if (regex.test(key)) found.push(stanza);
    return found;
  }
}

/** What domains and hosts may stand in: the file itself, a binding group, a binding. */
export class Container extends Stanza {
  readonly domains = new NamedStanzas();
  readonly hosts = new NamedStanzas();
}

export type Binding = Readonly<{ name: string; container: Container; group: string }>;

/** A listener or one of its sockets. */
export class ListenerStanza extends Stanza {
  /** CIDR block or address by its text as written. */
  readonly peers = new Map<string, Stanza>();
  readonly listens = new Map<string, ListenerStanza>();
}

/** A module's stanza: its options as they stand, unknown ones included. */
export type ModuleStanza = Readonly<{
  name: string;
  instance: string | undefined;
  options: readonly Setting[];
  at: Position;
}>;

export type Model = Readonly<{
  global: Container;
  groups: ReadonlyMap<string, Container>;
  bindings: ReadonlyMap<string, Binding>;
  smtpListener: ListenerStanza | undefined;
  pathways: ReadonlyMap<string, Stanza>;
  modules: readonly ModuleStanza[];
}>;

export function textOf(setting: Setting | undefined): string | undefined {
  return setting?.value.kind === "word" ? setting.value.word.text : undefined;
}

/** The keyword in lower case. */
export function keywordOf(setting: Setting | undefined): string | undefined {
  return textOf(setting)?.toLowerCase();
}

export function truthOf(setting: Setting | undefined): boolean | undefined {
  const text = textOf(setting);
  return text === undefined ? undefined : readBoolean(text);
}

export function originOf({ file, line, column, scope }: Omit<Setting, "name" | "value">): Origin {
  return { source: "momentum", file: file.path, line, column, scope };
}

/** Where nothing is written. */
export function defaultOrigin(file: string): Origin {
  return { source: "momentum", file, line: undefined, column: undefined, scope: "Momentum's default" };
}

/** The option as a line of a configuration. */
export function writtenAs({ name, value, line, column }: Setting): string {
  return printMomentum([{ kind: "option", name, value, line, column }]).trimEnd();
}
