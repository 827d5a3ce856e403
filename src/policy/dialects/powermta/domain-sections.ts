/**
 * `<domain>` sections of one scope (the file itself, a virtual MTA, a pool), found by the name of a queue, the most specific
 * first. Where sections stand in the file does not matter (reference, section 1.4; the exact order of patterns is our
 * reading): a name written out, the same from a macro, then for each parent from the longest `*.x` before `[*.]x`, then `*`.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { parseDomain } from "../../../mail/domain.ts";
import type { Origin } from "../../rules.ts";
import { type AddressBlock, blockHolds, parseBlock } from "./address-block.ts";
import { originAt } from "./note-list.ts";
import type { Directive, Place } from "./parse.ts";

export type DomainPattern =
  | Readonly<{ kind: "any" }>
  | Readonly<{ kind: "exact" | "below" | "below-and-itself"; name: string }>
  | Readonly<{ kind: "literal"; block: AddressBlock }>;

/** All directives that the sections of one pattern state in one scope; of a repeated one the last. */
export type DomainSection = Readonly<{
  id: number;
  pattern: DomainPattern;
  /** The argument as written, macros unexpanded. */
  written: string;
  viaMacro: readonly string[];
  statements: Map<string, Directive>;
  place: Place;
  /** `domain a.test in virtual-mta m1` */
  scope: string;
}>;

/** Names of queues need not be names in DNS: `{sparkpost}`, `mail_queue.rollup`. */
export function queueName(text: string): string {
  return parseDomain(text) ?? text.toLowerCase();
}

const bracketed = /^\[([^\]]*)\]$/;

/** `undefined`: no pattern that PowerMTA knows. */
export function parsePattern(text: string): DomainPattern | undefined {
  if (text === "*") return { kind: "any" };
  const block = bracketed.exec(text)?.[1];
  if (block !== undefined) {
    const parsed = parseBlock(block.replace(/^ipv6:/i, ""));
    return parsed === undefined ? undefined : { kind: "literal", block: parsed };
  }
  if (/^\{[A-Za-z0-9_.-]+\}$/.test(text)) return { kind: "exact", name: text.toLowerCase() };
  if (text.startsWith("[*.]")) return named("below-and-itself", text.slice(4));
  if (text.startsWith("*.")) return named("below", text.slice(2));
  return named("exact", text);
}

function named(kind: "exact" | "below" | "below-and-itself", text: string): DomainPattern | undefined {
  const name = parseDomain(text);
  return name === undefined ? undefined : { kind, name };
}

export function formatPattern(pattern: DomainPattern): string {
  switch (pattern.kind) {
    case "any":
      return "*";
    case "below":
      return `*.${pattern.name}`;
    case "below-and-itself":
      return `[*.]${pattern.name}`;
    case "literal":
      return `[${pattern.block.text}]`;
    default:
      return pattern.name;
  }
}

type Slot = "exact" | "exactByMacro" | "below" | "belowByMacro" | "itself" | "itselfByMacro";

export class DomainScope {
  readonly #byName: Record<Slot, Map<string, DomainSection>> = {
    exact: new Map(),
    exactByMacro: new Map(),
    below: new Map(),
    belowByMacro: new Map(),
    itself: new Map(),
    itselfByMacro: new Map(),
  };
  readonly #literals: DomainSection[] = [];
  readonly #all: DomainSection[] = [];
  #any: DomainSection | undefined;
  #hasParents = false;

  get all(): readonly DomainSection[] {
    return this.#all;
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** @returns the section of that pattern that was there before; it stays, and the caller adds to it */
  add(section: DomainSection): DomainSection | undefined {
    const before = this.#store(section);
    if (before === undefined) this.#all.push(section);
    return before;
  }

  #store(section: DomainSection): DomainSection | undefined {
    const { pattern } = section;
    if (pattern.kind === "any") {
      if (this.#any !== undefined) return this.#any;
      this.#any = section;
      return undefined;
    }
    if (pattern.kind === "literal") {
      const before = this.#literals.find((other) => formatPattern(other.pattern) === formatPattern(pattern));
      if (before !== undefined) return before;
      this.#literals.push(section);
      this.#literals.sort((left, right) => prefixOf(right) - prefixOf(left));
      return undefined;
    }
    if (pattern.kind !== "exact") this.#hasParents = true;
    const map = this.#byName[slotOf(pattern.kind, section.viaMacro.length > 0)];
    const before = map.get(pattern.name);
    if (before === undefined) map.set(pattern.name, section);
    return before;
  }

  /** Most specific first. */
  find(queue: string): DomainSection[] {
    const found: DomainSection[] = [];
    const { exact, exactByMacro, itself, itselfByMacro, below, belowByMacro } = this.#byName;
    push(found, exact.get(queue));
    if (exactByMacro.size > 0) push(found, exactByMacro.get(queue));
    if (this.#hasParents) {
      push(found, itself.get(queue));
      push(found, itselfByMacro.get(queue));
      for (let dot = queue.indexOf("."); dot >= 0; dot = queue.indexOf(".", dot + 1)) {
        const parent = queue.slice(dot + 1);
        push(found, below.get(parent));
        push(found, belowByMacro.get(parent));
        push(found, itself.get(parent));
        push(found, itselfByMacro.get(parent));
      }
    }
    push(found, this.#any);
    return found;
  }

  findLiteral(ip: IpAddress | undefined): DomainSection[] {
    const found =
      ip === undefined
        ? []
        : this.#literals.filter(({ pattern }) => pattern.kind === "literal" && blockHolds(pattern.block, ip));
    push(found, this.#any);
    return found;
  }
}

function push(found: DomainSection[], section: DomainSection | undefined): void {
  if (section !== undefined) found.push(section);
}

function slotOf(kind: "exact" | "below" | "below-and-itself", byMacro: boolean): Slot {
  const slot = kind === "below-and-itself" ? "itself" : kind;
  return byMacro ? `${slot}ByMacro` : slot;
}

function prefixOf({ pattern }: DomainSection): number {
  return pattern.kind === "literal" ? pattern.block.prefix : 0;
}

/** A directive, and the scope in words of the section that states it. */
export type Statement = Readonly<{ directive: Directive; section: DomainSection }>;

/** Settings are merged from general to specific: the first section that states a directive decides it. */
export function statementOf(sections: readonly DomainSection[], name: string): Statement | undefined {
  for (const section of sections) {
    const directive = section.statements.get(name);
    if (directive !== undefined) return { directive, section };
  }
  return undefined;
}

export function originOf({ directive, section }: Statement): Origin {
  return originAt(directive, section.scope);
}

/** Does a pattern cover all that another covers, the two not being the same? */
export function covers(wide: DomainPattern, narrow: DomainPattern): boolean {
  if (wide.kind === "any") return narrow.kind !== "any";
  if (wide.kind === "exact" || wide.kind === "literal" || narrow.kind === "any" || narrow.kind === "literal")
    return false;
  if (narrow.name.endsWith(`.${wide.name}`)) return true;
  return wide.kind === "below-and-itself" && narrow.name === wide.name && narrow.kind !== wide.kind;
}
