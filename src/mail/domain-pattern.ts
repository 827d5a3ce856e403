/**
 * The three patterns for domains that every setting shares: `example.com` is that name alone, `.example.com` any name
 * below it at any depth but not itself, `*` everything.
 */
import { type Domain, parentOf, parseDomain } from "./domain.ts";

export type DomainPattern =
  | Readonly<{ kind: "exact"; domain: Domain }>
  | Readonly<{ kind: "below"; domain: Domain }>
  | Readonly<{ kind: "any" }>;

export function parseDomainPattern(text: string): DomainPattern | undefined {
  if (text === "*") return { kind: "any" };
  const below = text.startsWith(".");
  const domain = parseDomain(below ? text.slice(1) : text);
  return domain === undefined ? undefined : { kind: below ? "below" : "exact", domain };
}

export function formatDomainPattern(pattern: DomainPattern): string {
  if (pattern.kind === "any") return "*";
  return pattern.kind === "below" ? `.${pattern.domain}` : pattern.domain;
}

/**
 * Values kept by pattern, found by name in one order: the exact name, then `.parent` from the longest to the
 * shortest, then `*`. A look-up costs one map access per label, however many patterns there are.
 */
export class DomainTable<T> {
  readonly #exact = new Map<Domain, T>();
  readonly #below = new Map<Domain, T>();
  #any: T | undefined;

  /** Undefined for a new pattern, else the value that it replaced. */
  set(pattern: DomainPattern, value: T): T | undefined {
    if (pattern.kind === "any") {
      const before = this.#any;
      this.#any = value;
      return before;
    }
    const map = pattern.kind === "exact" ? this.#exact : this.#below;
    const before = map.get(pattern.domain);
    map.set(pattern.domain, value);
    return before;
  }

  get(pattern: DomainPattern): T | undefined {
    if (pattern.kind === "any") return this.#any;
    return (pattern.kind === "exact" ? this.#exact : this.#below).get(pattern.domain);
  }

  /** The most specific value for a name; a name that is no domain (a literal) finds only `*`. */
  find(name: Domain | undefined): T | undefined {
    if (name !== undefined) {
      const exact = this.#exact.get(name);
      if (exact !== undefined) return exact;
      if (this.#below.size > 0) {
        for (let parent = parentOf(name); parent !== undefined; parent = parentOf(parent)) {
          const found = this.#below.get(parent);
          if (found !== undefined) return found;
        }
      }
    }
    return this.#any;
  }

  /** Every value that covers the name, most specific first. */
  findAll(name: Domain | undefined): T[] {
    const found: T[] = [];
    if (name !== undefined) {
      const exact = this.#exact.get(name);
      if (exact !== undefined) found.push(exact);
      if (this.#below.size > 0) {
        for (let parent = parentOf(name); parent !== undefined; parent = parentOf(parent)) {
          const value = this.#below.get(parent);
          if (value !== undefined) found.push(value);
        }
      }
    }
    if (this.#any !== undefined) found.push(this.#any);
    return found;
  }
}
