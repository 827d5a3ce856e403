/**
 * The configuration as things: scopes of domains, virtual MTAs and their pools, sources, listeners, lists. Everything in it
 * has been looked at once, and every line has its note. What each thing means is the business of the files beside this.
 */
import type { SourceFiles } from "../dialect.ts";
import { type AddressBlock, BlockTable, parseBlock } from "./address-block.ts";
import { checkDirective } from "./check-directive.ts";
import { type DomainPattern, DomainScope, parsePattern, queueName } from "./domain-sections.ts";
import { readConfiguration } from "./expand.ts";
import { textOf, wordsOf } from "./lines.ts";
import { Macros } from "./macros.ts";
import { nearest } from "./nearest.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive, Place, PowerMtaNode, Section } from "./parse.ts";
import { compilePatternList, type PatternList } from "./pattern-list.ts";
import { sectionNames } from "./section-names.ts";
import { parseEndpoint } from "./values.ts";

/** Directives by name, in the order written; those that do not accumulate count by their last. */
export type Statements = ReadonlyMap<string, readonly Directive[]>;

export type VirtualMta = Readonly<{
  name: string;
  place: Place;
  scope: DomainScope;
  statements: Statements;
  /** Pools that it is a member of. */
  pools: readonly Pool[];
}>;

export type Pool = Readonly<{
  name: string;
  place: Place;
  scope: DomainScope;
  members: readonly string[];
}>;

export type Source = Readonly<{ id: number; name: string; place: Place; statements: Statements; block?: AddressBlock }>;

export type SmtpUser = Readonly<{ name: string; place: Place; statements: Statements }>;

export type Listener = Readonly<{
  /** As written: `192.0.2.1:25`. */
  text: string;
  block: AddressBlock;
  port: number;
  statements: Statements;
  source: Readonly<{ name: string; place: Place }> | undefined;
  implicitTls: Readonly<{ on: boolean; place: Place }> | undefined;
  place: Place;
}>;

/** `mx HOST NAME.rollup`; `below`: every host below that name. */
export type Rollup = Readonly<{ below: boolean; host: string; queue: string; place: Place }>;

export type AccountingSection = Readonly<{ target: string; directives: readonly Directive[]; place: Place }>;

export type Configuration = Readonly<{
  main: Place;
  globals: Statements;
  domains: DomainScope;
  virtualMtas: ReadonlyMap<string, VirtualMta>;
  pools: ReadonlyMap<string, Pool>;
  rollups: readonly Rollup[];
  addressSources: BlockTable<Source>;
  namedSources: ReadonlyMap<string, Source>;
  sources: readonly Source[];
  users: ReadonlyMap<string, SmtpUser>;
  listeners: readonly Listener[];
  patternLists: ReadonlyMap<string, PatternList>;
  accounting: readonly AccountingSection[];
}>;

export function loadConfiguration(file: string, files: SourceFiles, notes: NoteList): Configuration {
  const nodes = readConfiguration(file, files, notes);
  const builder = new Builder(notes);
  builder.macros(nodes);
  builder.walk(nodes);
  return builder.finish({ in: { file, through: [] }, line: 1, column: 1 });
}

type OpenVirtualMta = VirtualMta & { readonly pools: Pool[]; readonly statements: Map<string, Directive[]> };
type OpenPool = Pool & {
  readonly members: string[];
  readonly memberLines: Readonly<{ name: string; at: Directive }>[];
};

/** These are kept in order; of all others the last line counts. */
const accumulating: ReadonlySet<string> = new Set([
  ...["smtp-source-host", "host-name", "virtual-mta", "smtp-listener", "domain-macro"],
]);

class Builder {
  readonly #notes: NoteList;
  readonly #macros: Macros;
  readonly #globals = new Map<string, Directive[]>();
  readonly #domains = new DomainScope();
  readonly #virtualMtas = new Map<string, OpenVirtualMta>();
  readonly #pools = new Map<string, OpenPool>();
  readonly #rollups: Rollup[] = [];
  readonly #addressSources = new BlockTable<Source>();
  readonly #namedSources = new Map<string, Source>();
  readonly #sources: Source[] = [];
  readonly #users = new Map<string, SmtpUser>();
  readonly #listeners: Listener[] = [];
  readonly #patternLists = new Map<string, PatternList>();
  readonly #accounting: AccountingSection[] = [];
  readonly #readers: Readonly<Record<string, (node: Section) => void>> = {
    domain: (node) => this.#domain(node, this.#domains, ""),
    "virtual-mta": (node) => this.#virtualMta(node),
    "virtual-mta-pool": (node) => this.#pool(node),
    source: (node) => this.#source(node),
    "smtp-user": (node) => this.#user(node),
    "smtp-listener": (node) => this.#listenerSection(node),
    "mx-rollup-list": (node) => this.#rollupList(node),
    "pattern-list": (node) => this.#patternList(node),
    "acct-file": (node) => this.#acctFile(node),
  };
  #sectionId = 0;

  constructor(notes: NoteList) {
    this.#notes = notes;
    this.#macros = new Macros(notes);
  }

  /** Before all else: a macro may be used above the line that defines it. */
  macros(nodes: readonly PowerMtaNode[]): void {
    for (const node of nodes) {
      if (node.kind === "directive" && node.name === "domain-macro") this.#macros.define(node);
    }
    this.#macros.check();
  }

  walk(nodes: readonly PowerMtaNode[]): void {
    for (const node of nodes) {
      if (node.kind === "section") this.#section(node);
      else this.#global(node);
    }
  }

  finish(main: Place): Configuration {
    this.#joinPools();
    return {
      main,
      globals: this.#globals,
      domains: this.#domains,
      virtualMtas: this.#virtualMtas,
      pools: this.#pools,
      rollups: this.#rollups,
      addressSources: this.#addressSources,
      namedSources: this.#namedSources,
      sources: this.#sources,
      users: this.#users,
      listeners: this.#listeners,
      patternLists: this.#patternLists,
      accounting: this.#accounting,
    };
  }

  #global(node: Directive): void {
    if (checkDirective("global", node, this.#notes) === undefined) return;
    keep(this.#globals, node, this.#notes);
    if (node.name === "smtp-listener") this.#listenerLine(node);
  }

  #section(node: Section): void {
    if (!this.#mayStand(node, "global")) return;
    const read = this.#readers[node.name] ?? ((section: Section) => this.#other(section));
    read(node);
  }

  #mayStand(node: Section, outer: string): boolean {
    const place = sectionNames.get(node.name);
    if (place === undefined) {
      const near = nearest(node.name, [...sectionNames.keys()]);
      const remedy = near === undefined ? "remove it, or check its spelling" : `did you mean <${near}>?`;
      this.#notes.error(node, `unknown section <${node.name}>`, remedy);
      return false;
    }
    if (!place.inside.includes(outer)) {
      const where = outer === "global" ? "outside of sections" : `in <${outer}>`;
      this.#notes.error(node, `<${node.name}> cannot stand ${where}`, "close the section before it");
      return false;
    }
    if (place.argument === "one" && textOf(node.argument) === "") {
      this.#notes.error(node, `<${node.name}>: argument missing`, `write <${node.name} ...>`);
      return false;
    }
    return true;
  }

  /** The directives of a section; sections inside it go to `inner`. */
  #statements(node: Section, inner?: (section: Section) => void): Map<string, Directive[]> {
    const statements = new Map<string, Directive[]>();
    for (const child of node.children) {
      if (child.kind === "section") {
        if (this.#mayStand(child, node.name)) inner?.(child);
      } else if (checkDirective(node.name, child, this.#notes) !== undefined) keep(statements, child, this.#notes);
    }
    return statements;
  }

  #other(node: Section): void {
    this.#notes.noEffect(node, `<${node.name}> has no effect here`);
    this.#statements(node, (inner) => this.#other(inner));
  }

  #domain(node: Section, scope: DomainScope, around: string): void {
    const written = textOf(node.argument);
    const expanded = written.includes("$") ? this.#macros.expand(written, node) : { names: [written], viaMacro: [] };
    const statements = this.#last(this.#statements(node));
    for (const name of expanded?.names ?? []) {
      const pattern = parsePattern(name);
      if (pattern === undefined) {
        this.#notes.error(node, `<domain ${name}> is no domain`, "write one of: a.test, *.a.test, [*.]a.test, *");
      } else
        this.#addDomain(node, pattern, {
          name,
          written,
          viaMacro: expanded?.viaMacro ?? [],
          statements,
          scope,
          around,
        });
    }
  }

  #addDomain(
    node: Section,
    pattern: DomainPattern,
    { name, written, viaMacro, statements, scope, around }: DomainParts,
  ): void {
    const own = viaMacro.length === 0 ? statements : new Map(statements);
    const place: Place = { in: node.in, line: node.line, column: node.column };
    const section = {
      id: this.#sectionId,
      pattern,
      written,
      viaMacro,
      statements: own,
      place,
      scope: `domain ${name}${around}`,
    };
    this.#sectionId += 1;
    const before = scope.add(section);
    if (before === undefined) return;
    const known = before.statements as Map<string, Directive>;
    for (const [key, directive] of statements) {
      replaceWarning(known.get(key), directive, this.#notes);
      known.set(key, directive);
    }
  }

  #last(statements: Statements): Map<string, Directive> {
    const last = new Map<string, Directive>();
    for (const [name, list] of statements) {
      const directive = list.at(-1);
      if (directive !== undefined) last.set(name, directive);
    }
    return last;
  }

  #virtualMta(node: Section): void {
    const name = textOf(node.argument);
    if (this.#pools.has(name)) {
      this.#notes.error(node, `virtual-mta ${name} has the name of a pool`, "choose another name");
      return;
    }
    const before = this.#virtualMtas.get(name);
    if (before !== undefined) this.#duplicate(node, before.place);
    const scope = before?.scope ?? new DomainScope();
    const statements = this.#statements(node, (inner) => this.#domain(inner, scope, ` in virtual-mta ${name}`));
    if (before === undefined) {
      this.#virtualMtas.set(name, { name, place: node, scope, statements, pools: [] });
      return;
    }
    for (const [key, list] of statements) {
      for (const directive of list) keep(before.statements, directive, this.#notes);
      if (list.length === 0) before.statements.delete(key);
    }
  }

  #pool(node: Section): void {
    const name = textOf(node.argument);
    if (this.#virtualMtas.has(name)) {
      this.#notes.error(node, `virtual-mta-pool ${name} has the name of a virtual MTA`, "choose another name");
      return;
    }
    const before = this.#pools.get(name);
    if (before !== undefined) this.#duplicate(node, before.place);
    const scope = before?.scope ?? new DomainScope();
    const statements = this.#statements(node, (inner) => this.#domain(inner, scope, ` in virtual-mta-pool ${name}`));
    const lines = (statements.get("virtual-mta") ?? []).map((at) => ({ name: textOf(at.value), at }));
    const pool = before ?? { name, place: node, scope, members: [], memberLines: [] };
    pool.memberLines.push(...lines);
    this.#pools.set(name, pool);
  }

  #duplicate(node: Section, first: Place): void {
    this.#notes.warning(
      node,
      `<${node.name} ${node.argument}> was begun in line ${first.line} of ${first.in.file}; both are read as one`,
      "join them",
    );
  }

  /** Once all are known. "VMTA in two pools which have domain definitions" is an error there. */
  #joinPools(): void {
    for (const pool of this.#pools.values()) {
      for (const { name, at } of pool.memberLines) this.#join(pool, name, at);
    }
  }

  #join(pool: OpenPool, name: string, at: Directive): void {
    const member = this.#virtualMtas.get(name);
    if (member === undefined) {
      const near = nearest(name, [...this.#virtualMtas.keys()]);
      const remedy = near === undefined ? `write <virtual-mta ${name}>` : `did you mean ${near}?`;
      this.#notes.error(at, `there is no virtual-mta ${name}`, remedy);
      return;
    }
    pool.members.push(name);
    if (member.pools.includes(pool)) return;
    const other = pool.scope.isEmpty ? undefined : member.pools.find(({ scope }) => !scope.isEmpty);
    if (other !== undefined) {
      const both = `pools ${other.name} and ${pool.name}, which both have <domain> sections`;
      this.#notes.error(at, `virtual-mta ${name} is in ${both}`, "take it out of one of them");
    }
    member.pools.push(pool);
  }

  #source(node: Section): void {
    const name = textOf(node.argument);
    const statements = this.#statements(node);
    this.#checkPatternList(statements);
    const block = parseBlock(name);
    const before = block === undefined ? this.#namedSources.get(name) : this.#addressSources.get(block);
    if (before !== undefined) {
      this.#duplicate(node, before.place);
      const known = before.statements as Map<string, Directive[]>;
      for (const list of statements.values()) for (const directive of list) keep(known, directive, this.#notes);
      return;
    }
    const source: Source = {
      id: this.#sources.length,
      name,
      place: node,
      statements,
      ...(block === undefined ? {} : { block }),
    };
    this.#sources.push(source);
    if (block === undefined) this.#namedSources.set(name, source);
    else this.#addressSources.set(block, source);
  }

  /** A pattern list stands before the source that names it. */
  #checkPatternList(statements: Statements): void {
    const directive = statements.get("pattern-list")?.at(-1);
    const name = directive === undefined ? "" : textOf(directive.value);
    if (directive === undefined || name === "" || this.#patternLists.has(name)) return;
    this.#notes.error(directive, `there is no pattern-list ${name} before this line`, "write it above the source");
  }

  #user(node: Section): void {
    const name = textOf(node.argument);
    const before = this.#users.get(name);
    if (before !== undefined) this.#duplicate(node, before.place);
    this.#users.set(name, { name, place: node, statements: this.#statements(node) });
  }

  #listenerLine(node: Directive): void {
    const [text = "", ...parameters] = wordsOf(node.value);
    const endpoint = parseEndpoint(text);
    if (endpoint === undefined) return;
    const source = parameterOf(parameters, "source");
    const tls = parameterOf(parameters, "tls");
    this.#listeners.push({
      ...endpoint,
      text,
      place: node,
      statements: new Map(),
      source: source === undefined ? undefined : { name: source, place: node },
      implicitTls: tls === undefined ? undefined : { on: /^(?:yes|true)$/i.test(tls), place: node },
    });
  }

  #listenerSection(node: Section): void {
    const text = textOf(node.argument);
    const endpoint = parseEndpoint(text);
    const statements = this.#statements(node);
    if (endpoint === undefined) {
      this.#notes.error(node, `<smtp-listener ${text}> is no address and port`, "write <smtp-listener 192.0.2.1:25>");
      return;
    }
    const source = statements.get("source")?.at(-1);
    const tls = statements.get("immediate-tls")?.at(-1);
    this.#listeners.push({
      ...endpoint,
      text,
      place: node,
      statements,
      source: source === undefined ? undefined : { name: textOf(source.value), place: source },
      implicitTls: tls === undefined ? undefined : { on: /^(?:yes|true)$/i.test(textOf(tls.value)), place: tls },
    });
  }

  #rollupList(node: Section): void {
    for (const child of node.children) {
      if (child.kind === "section") {
        this.#mayStand(child, node.name);
        continue;
      }
      if (checkDirective(node.name, child, this.#notes) !== undefined) this.#rollup(child);
    }
  }

  #rollup(node: Directive): void {
    const [host = "", queue = "", option, extra] = wordsOf(node.value);
    const pattern = parsePattern(host);
    const fits = pattern?.kind === "exact" || pattern?.kind === "below";
    const known = option === undefined || option.toLowerCase() === "rollup-by-ip";
    if (!fits || queue === "" || !known || extra !== undefined) {
      this.#notes.error(node, `mx ${node.value} is no roll-up rule`, "write mx HOST NAME.rollup");
    } else if (!queue.toLowerCase().endsWith(".rollup")) {
      this.#notes.error(node, `the queue ${queue} of a roll-up must end in .rollup`, `write ${queue}.rollup`);
    } else {
      const below = pattern.kind === "below";
      this.#rollups.push({ below, host: pattern.name, queue: queueName(queue), place: node });
    }
  }

  #patternList(node: Section): void {
    const name = textOf(node.argument);
    if (name === "") {
      this.#notes.error(node, "<pattern-list>: argument missing", "write <pattern-list NAME>");
      return;
    }
    const before = this.#patternLists.get(name);
    if (before !== undefined) this.#duplicate(node, before.place);
    const list = compilePatternList(name, node, this.#notes);
    this.#patternLists.set(name, before === undefined ? list : { ...before, rules: [...before.rules, ...list.rules] });
  }

  #acctFile(node: Section): void {
    const directives: Directive[] = [];
    for (const child of node.children) {
      if (child.kind === "section") this.#mayStand(child, node.name);
      else if (checkDirective(node.name, child, this.#notes) !== undefined) directives.push(child);
    }
    this.#accounting.push({ target: textOf(node.argument), directives, place: node });
  }
}

type DomainParts = Readonly<{
  name: string;
  written: string;
  viaMacro: readonly string[];
  statements: Map<string, Directive>;
  scope: DomainScope;
  around: string;
}>;

function keep(statements: Map<string, Directive[]>, directive: Directive, notes: NoteList): void {
  const before = statements.get(directive.name);
  if (before === undefined) {
    statements.set(directive.name, [directive]);
    return;
  }
  if (!accumulating.has(directive.name)) replaceWarning(before.at(-1), directive, notes);
  before.push(directive);
}

/** Stated twice at one place: the later line counts (our reading; the guides do not say). */
function replaceWarning(before: Directive | undefined, directive: Directive, notes: NoteList): void {
  if (before === undefined || before.value === directive.value) return;
  const where = `line ${before.line} of ${before.in.file}`;
  notes.warning(directive, `${directive.name} replaces what ${where} says at the same place`, "keep one of them");
}

function parameterOf(words: readonly string[], name: string): string | undefined {
  const prefix = `${name}=`;
  return words.find((word) => word.toLowerCase().startsWith(prefix))?.slice(prefix.length);
}
