/**
 * Whether a pattern may take time exponential in the length of a key: JavaScript's engine tries every way to read a key,
 * and keys come from whoever sends mail. A pattern has that many ways when one and the same text leads from a place in it
 * back to that place by two different paths (`(a+)+`, `(a|a)*`).
 *
 * Counted repetitions are taken as endless ones, and what looks around as if it were read in passing: a pattern that is
 * refused may be harmless, one that passes is not exponential.
 */
import { type CharSet, complement, overlaps } from "./char-set.ts";
import type { Pattern, PatternNode } from "./pattern-tree.ts";

/** More places than this are not looked through: the pattern counts as costly if it repeats repetitions. */
const maxPlaces = 300;

type Part = Readonly<{ nullable: boolean; first: readonly number[]; last: readonly number[] }>;

export function mayExplode({ root }: Pattern): boolean {
  if (!repeatsChoices(root, false)) return false;
  const places = new Places();
  places.add(root);
  return places.sets.length > maxPlaces || places.isAmbiguous();
}

/** Without a repetition or a choice inside a repetition there is one way only through each repetition. */
function repeatsChoices(node: PatternNode, inside: boolean): boolean {
  if (inside && (node.kind === "choice" || (node.kind === "repeat" && node.min !== node.max))) return true;
  const within = inside || (node.kind === "repeat" && node.max > 1);
  if (node.kind === "sequence") return node.items.some((item) => repeatsChoices(item, within));
  if (node.kind === "choice") return node.branches.some((branch) => repeatsChoices(branch, within));
  return "body" in node && repeatsChoices(node.body, within);
}

/** One place for each set of characters in the pattern, and which place may follow which (Glushkov's automaton). */
class Places {
  readonly sets: CharSet[] = [];
  readonly #next: Set<number>[] = [];
  /** Pairs that follow each other in two ways. */
  readonly #doubled: [from: number, to: number][] = [];

  add(node: PatternNode): Part {
    switch (node.kind) {
      case "chars":
        return this.#place(node.set);
      case "back":
        return this.#repeat(this.#place(complement([])));
      case "assertion":
        return empty;
      case "sequence":
        return node.items.reduce<Part>((before, item) => this.#sequence(before, this.add(item)), empty);
      case "choice":
        return node.branches.map((branch) => this.add(branch)).reduce(either);
      case "repeat": {
        const body = this.add(node.body);
        const repeated = node.max > 1 ? this.#repeat(body) : body;
        return node.min === 0 ? { ...repeated, nullable: true } : repeated;
      }
      default:
        return this.add(node.body);
    }
  }

  #place(set: CharSet): Part {
    const place = this.sets.push(set) - 1;
    this.#next.push(new Set());
    return { nullable: false, first: [place], last: [place] };
  }

  #repeat(part: Part): Part {
    this.#link(part.last, part.first);
    return part;
  }

  #sequence(left: Part, right: Part): Part {
    this.#link(left.last, right.first);
    return {
      nullable: left.nullable && right.nullable,
      first: left.nullable ? [...left.first, ...right.first] : left.first,
      last: right.nullable ? [...left.last, ...right.last] : right.last,
    };
  }

  #link(from: readonly number[], to: readonly number[]): void {
    if (this.sets.length > maxPlaces) return;
    for (const one of from) {
      const next = this.#next[one];
      for (const other of to) {
        if (next?.has(other)) this.#doubled.push([one, other]);
        else next?.add(other);
      }
    }
  }

  /** Two paths from a place back to itself by the same text. */
  isAmbiguous(): boolean {
    if (this.#doubled.some(([from, to]) => this.#reaches(to).has(from))) return true;
    for (const place of this.sets.keys()) {
      if (this.#reaches(place).has(place) && this.#forksFrom(place)) return true;
    }
    return false;
  }

  #reaches(from: number): ReadonlySet<number> {
    const seen = new Set<number>();
    const open = [from];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      for (const next of this.#next[place] ?? []) {
        if (!seen.has(next)) open.push(next);
        seen.add(next);
      }
    }
    return seen;
  }

  /** Pairs of places that the same text leads to from (place, place): does one of two different places lead back? */
  #forksFrom(place: number): boolean {
    const seen = new Set<number>();
    const open: [number, number, boolean][] = [[place, place, false]];
    for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
      const [left, right, apart] = pair;
      for (const one of this.#next[left] ?? []) {
        for (const other of this.#next[right] ?? []) {
          const differ = apart || one !== other;
          if (!overlaps(this.sets[one] ?? [], this.sets[other] ?? [])) continue;
          if (differ && one === place && other === place) return true;
          const key = (one * this.sets.length + other) * 2 + Number(differ);
          if (!seen.has(key)) open.push([one, other, differ]);
          seen.add(key);
        }
      }
    }
    return false;
  }
}

const empty: Part = { nullable: true, first: [], last: [] };

function either(left: Part, right: Part): Part {
  return {
    nullable: left.nullable || right.nullable,
    first: [...left.first, ...right.first],
    last: [...left.last, ...right.last],
  };
}
