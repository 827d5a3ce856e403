/**
 * Whether a pattern may take time exponential in the length of a key, and how long a key may be where it is a power of it: JavaScript's engine tries every way to read a key,
 * and keys come from whoever sends mail. A pattern has that many ways when one and the same text leads from a place in it
 * back to that place by two different paths (`(a+)+`, `(a|a)*`).
 *
 * Counted repetitions are taken as endless ones, and what looks around as if it were read in passing: a pattern that is
 * refused may be harmless, one that passes is not exponential.
 */
import { type CharSet, complement, overlaps } from "./char-set.ts";
import { childrenOf, type Pattern, type PatternNode } from "./pattern-tree.ts";

/** More places than this are not looked through: the pattern counts as costly if it repeats repetitions. */
const maxPlaces = 300;

type Part = Readonly<{ nullable: boolean; first: readonly number[]; last: readonly number[] }>;

export function mayExplode({ root }: Pattern): boolean {
  if (countsNothing(root)) return true;
  if (!repeatsChoices(root, false)) return false;
  const places = new Places();
  places.add(root);
  return places.sets.length > maxPlaces || places.isAmbiguous();
}

/** No address is longer. */
const longestKey = 1024;
/** Ways to read a key. A tenth of a second or so. */
const maxWays = 1e7;

/**
 * The longest key, in UTF-16 units, that is read in time: `.*` behind `.*` behind `.*` takes the third power of its length.
 * For patterns that do not explode.
 */
export function longestKeyInTime({ root }: Pattern): number {
  if (waysToRead(root, longestKey) <= maxWays) return longestKey;
  let [enough, tooLong] = [1, longestKey];
  while (tooLong - enough > 1) {
    const middle = Math.floor((enough + tooLong) / 2);
    if (waysToRead(root, middle) <= maxWays) enough = middle;
    else tooLong = middle;
  }
  return enough;
}

/** An upper bound: each repetition may end anywhere, and the search begin anywhere unless it is held at the beginning. */
function waysToRead(root: PatternNode, length: number): number {
  const ways = { count: beginsAtStart(root) ? 1 : length + 1, repetitions: 0 };
  const visit = (node: PatternNode): void => {
    if (node.kind === "repeat" && node.max > node.min) {
      const lengths = Math.min(node.max - node.min, length) + 1;
      // Repetitions that share a key share its length: the n-th finds a part of what the others left.
      if (lengths > 2) ways.repetitions += 1;
      ways.count *= lengths > 2 ? lengths / ways.repetitions : lengths;
    }
    childrenOf(node).forEach(visit);
  };
  visit(root);
  return ways.count;
}

function beginsAtStart(node: PatternNode): boolean {
  if (node.kind === "assertion") return node.script === "^";
  if (node.kind === "choice") return node.branches.every(beginsAtStart);
  const [first] = node.kind === "repeat" || node.kind === "look" ? [] : childrenOf(node);
  return first !== undefined && beginsAtStart(first);
}

/** `(?:a?){50}`: any of the fifty may be the empty ones. */
function countsNothing(node: PatternNode): boolean {
  if (node.kind === "repeat" && node.max > 1 && (node.min > 1 || node.max < Number.POSITIVE_INFINITY)) {
    if (new Places().add(node.body).nullable) return true;
  }
  return childrenOf(node).some(countsNothing);
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
