/**
 * `<virtual-mta>` and `<virtual-mta-pool>`: one name space for both, members joined to their pools once all are known
 * (reference, section 1.3).
 */

import { nearestWord } from "../../../mail/nearest-word.ts";
import type { Pool, VirtualMta } from "./configuration.ts";
import { DomainScope } from "./domain-sections.ts";
import { textOf } from "./lines.ts";
import type { Directive, Section } from "./parse.ts";
import type { DomainReader } from "./read-domains.ts";
import type { SectionReader } from "./section-reader.ts";

type OpenVirtualMta = VirtualMta & Readonly<{ pools: Pool[]; statements: Map<string, Directive[]> }>;
type OpenPool = Pool & Readonly<{ members: string[]; memberLines: Directive[] }>;

export class VirtualMtaReader {
  readonly #reader: SectionReader;
  readonly #domains: DomainReader;
  readonly virtualMtas = new Map<string, OpenVirtualMta>();
  readonly pools = new Map<string, OpenPool>();

  constructor(reader: SectionReader, domains: DomainReader) {
    this.#reader = reader;
    this.#domains = domains;
  }

  virtualMta(node: Section): void {
    const name = textOf(node.argument);
    if (this.pools.has(name)) {
      this.#reader.notes.error(node, `virtual-mta ${name} has the name of a pool`, "choose another name");
      return;
    }
    const before = this.virtualMtas.get(name);
    if (before !== undefined) this.#reader.duplicate(node, before.place);
    const scope = before?.scope ?? new DomainScope();
    const statements = this.#reader.statements(node, (inner) =>
      this.#domains.read(inner, scope, ` in virtual-mta ${name}`),
    );
    if (before === undefined) this.virtualMtas.set(name, { name, place: node, scope, statements, pools: [] });
    else this.#reader.keepAll(before.statements, statements);
  }

  pool(node: Section): void {
    const name = textOf(node.argument);
    if (this.virtualMtas.has(name)) {
      this.#reader.notes.error(node, `virtual-mta-pool ${name} has the name of a virtual MTA`, "choose another name");
      return;
    }
    const before = this.pools.get(name);
    if (before !== undefined) this.#reader.duplicate(node, before.place);
    const scope = before?.scope ?? new DomainScope();
    const directives = this.#reader.directives(node, (inner) =>
      this.#domains.read(inner, scope, ` in virtual-mta-pool ${name}`),
    );
    const pool = before ?? { name, place: node, scope, members: [], memberLines: [] };
    pool.memberLines.push(...directives.filter((directive) => directive.name === "virtual-mta"));
    this.pools.set(name, pool);
  }

  /** To be called once, when all are read. */
  join(): void {
    for (const pool of this.pools.values()) for (const line of pool.memberLines) this.#member(pool, line);
  }

  /** A member of two pools that both have `<domain>` sections is an error there. */
  #member(pool: OpenPool, at: Directive): void {
    const name = textOf(at.value);
    const member = this.virtualMtas.get(name);
    if (member === undefined) {
      const near = nearestWord(name, [...this.virtualMtas.keys()]);
      const remedy = near === undefined ? `write <virtual-mta ${name}>` : `did you mean ${near}?`;
      this.#reader.notes.error(at, `there is no virtual-mta ${name}`, remedy);
      return;
    }
    pool.members.push(name);
    if (member.pools.includes(pool)) return;
    const other = pool.scope.isEmpty ? undefined : member.pools.find(({ scope }) => !scope.isEmpty);
    if (other !== undefined) {
      const both = `pools ${other.name} and ${pool.name}, which both have <domain> sections`;
      this.#reader.notes.error(at, `virtual-mta ${name} is in ${both}`, "take it out of one of them");
    }
    member.pools.push(pool);
  }
}
