/**
 * The configuration as things: scopes of domains, virtual MTAs and their pools, sources, listeners, lists. Everything in it
 * has been looked at once, and every line has its note. What each thing means is the business of the files beside this.
 */
import type { SourceFiles } from "../dialect.ts";
import type { AccountingSection } from "./accounting-section.ts";
import type { AddressBlock, BlockTable } from "./address-block.ts";
import { checkDirective } from "./check-directive.ts";
import { DomainScope } from "./domain-sections.ts";
import { readConfiguration } from "./expand.ts";
import { textOf } from "./lines.ts";
import { Macros } from "./macros.ts";
import type { NoteList } from "./note-list.ts";
import type { Directive, Place, PowerMtaNode, Section } from "./parse.ts";
import { compilePatternList, type PatternList } from "./pattern-list.ts";
import { DomainReader } from "./read-domains.ts";
import { listenerLine, listenerSection } from "./read-listeners.ts";
import { readRollups } from "./read-rollups.ts";
import { SourceReader } from "./read-sources.ts";
import { VirtualMtaReader } from "./read-virtual-mtas.ts";
import { SectionReader } from "./section-reader.ts";

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
  /** Lines of `<bounce-category-patterns>`: `/PATTERN/` and its category. */
  bouncePatterns: readonly Directive[];
  /** `log-file`, which is not written: files with relative names stand beside it. */
  logFile: Directive | undefined;
}>;

export function loadConfiguration(file: string, files: SourceFiles, notes: NoteList): Configuration {
  const nodes = readConfiguration(file, files, notes);
  const builder = new Builder(notes, nodes);
  for (const node of nodes) builder.add(node);
  return builder.finish({ in: { file, through: [] }, line: 1, column: 1 });
}

class Builder {
  readonly #reader: SectionReader;
  readonly #domainReader: DomainReader;
  readonly #virtualMtas: VirtualMtaReader;
  readonly #sources: SourceReader;
  readonly #globals = new Map<string, Directive[]>();
  readonly #domains = new DomainScope();
  readonly #rollups: Rollup[] = [];
  readonly #listeners: Listener[] = [];
  readonly #patternLists = new Map<string, PatternList>();
  readonly #accounting: AccountingSection[] = [];
  readonly #bouncePatterns: Directive[] = [];
  #logFile: Directive | undefined;
  readonly #readers: Readonly<Record<string, (node: Section) => void>> = {
    domain: (node) => this.#domainReader.read(node, this.#domains, ""),
    "virtual-mta": (node) => this.#virtualMtas.virtualMta(node),
    "virtual-mta-pool": (node) => this.#virtualMtas.pool(node),
    source: (node) => this.#sources.source(node),
    "smtp-user": (node) => this.#sources.user(node),
    "smtp-listener": (node) => this.#listener(listenerSection(node, this.#reader)),
    "mx-rollup-list": (node) => this.#rollups.push(...readRollups(node, this.#reader)),
    "pattern-list": (node) => this.#patternList(node),
    "acct-file": (node) => this.#acctFile(node),
    "bounce-category-patterns": (node) => this.#bounceCategories(node),
  };

  /** Macros are read before all else: one may be used above the line that defines it. */
  constructor(notes: NoteList, nodes: readonly PowerMtaNode[]) {
    const macros = new Macros(notes);
    for (const node of nodes) if (node.kind === "directive" && node.name === "domain-macro") macros.define(node);
    macros.check();
    this.#reader = new SectionReader(notes);
    this.#domainReader = new DomainReader(this.#reader, macros);
    this.#virtualMtas = new VirtualMtaReader(this.#reader, this.#domainReader);
    this.#sources = new SourceReader(this.#reader, this.#patternLists);
  }

  add(node: PowerMtaNode): void {
    if (node.kind === "section") {
      if (!this.#reader.mayStand(node, "global")) return;
      const read = this.#readers[node.name];
      if (read === undefined) this.#reader.other(node);
      else read(node);
      return;
    }
    if (node.name === "log-file") this.#logFile = node;
    if (checkDirective("global", node, this.#reader.notes) === undefined) return;
    this.#reader.keep(this.#globals, node);
    if (node.name === "smtp-listener") this.#listener(listenerLine(node));
  }

  finish(main: Place): Configuration {
    this.#virtualMtas.join();
    return {
      main,
      globals: this.#globals,
      domains: this.#domains,
      virtualMtas: this.#virtualMtas.virtualMtas,
      pools: this.#virtualMtas.pools,
      rollups: this.#rollups,
      addressSources: this.#sources.byAddress,
      namedSources: this.#sources.byName,
      sources: this.#sources.all,
      users: this.#sources.users,
      listeners: this.#listeners,
      patternLists: this.#patternLists,
      accounting: this.#accounting,
      bouncePatterns: this.#bouncePatterns,
      logFile: this.#logFile,
    };
  }

  #listener(listener: Listener | undefined): void {
    if (listener !== undefined) this.#listeners.push(listener);
  }

  #patternList(node: Section): void {
    const name = textOf(node.argument);
    if (name === "") {
      this.#reader.notes.error(node, "<pattern-list>: argument missing", "write <pattern-list NAME>");
      return;
    }
    const before = this.#patternLists.get(name);
    if (before !== undefined) this.#reader.duplicate(node, before.place);
    const list = compilePatternList(name, node, this.#reader.notes);
    this.#patternLists.set(name, before === undefined ? list : { ...before, rules: [...before.rules, ...list.rules] });
  }

  /** Each line is a pattern and a category; whether they are right is told where they are compiled. */
  #bounceCategories(node: Section): void {
    for (const child of node.children) {
      if (child.kind === "section") this.#reader.mayStand(child, node.name);
      else {
        this.#reader.notes.applied(child, `${child.name}: bounces whose reply fits are of this category`);
        this.#bouncePatterns.push(child);
      }
    }
  }

  #acctFile(node: Section): void {
    this.#accounting.push({ target: textOf(node.argument), directives: this.#reader.directives(node), place: node });
  }
}
