/**
 * A regular expression taken apart, whichever syntax it was written in, and printed as JavaScript's. Sets of characters
 * stand for themselves, so that flags play no part in it.
 */
import { type CharSet, printSet } from "./char-set.ts";

export type PatternNode =
  | Readonly<{ kind: "chars"; set: CharSet }>
  | Readonly<{ kind: "sequence"; items: readonly PatternNode[] }>
  | Readonly<{ kind: "choice"; branches: readonly PatternNode[] }>
  | Readonly<{ kind: "capture"; number: number; body: PatternNode }>
  | Readonly<{ kind: "look"; how: "=" | "!" | "<=" | "<!"; body: PatternNode }>
  /** Never given back once it matched. */
  | Readonly<{ kind: "atomic"; body: PatternNode }>
  | Readonly<{ kind: "repeat"; body: PatternNode; min: number; max: number; lazy: boolean }>
  | Readonly<{ kind: "assertion"; script: string }>
  | Readonly<{ kind: "back"; number: number; ignoreCase: boolean }>;

/** `captures`: how many there are. */
export type Pattern = Readonly<{ root: PatternNode; captures: number }>;

/**
 * A problem is `invalid` where the original refuses the pattern, too, and `unsupported` where it means something that
 * is not carried over.
 */
export type PatternProblem = Readonly<{ kind: "invalid" | "unsupported"; text: string }>;
export type PatternReading = Readonly<{ kind: "pattern"; pattern: Pattern }> | PatternProblem;

/** More than this is nothing that people write. */
export const maxRepeat = 1000;

export function childrenOf(node: PatternNode): readonly PatternNode[] {
  if (node.kind === "sequence") return node.items;
  if (node.kind === "choice") return node.branches;
  return "body" in node ? [node.body] : [];
}

/**
 * JavaScript's form of it. `indexes[n]` is where group n of the original is found: an atomic group takes a group of its own.
 */
export function printPattern({ root }: Pattern): Readonly<{ source: string; indexes: readonly number[] }> {
  const printer = new Printer();
  return { source: printer.print(root), indexes: printer.indexes };
}

class Printer {
  readonly indexes: number[] = [0];
  #groups = 0;

  print(node: PatternNode): string {
    switch (node.kind) {
      case "chars":
        return printSet(node.set);
      case "sequence":
        return node.items.map((item) => this.#item(item)).join("");
      case "choice":
        return node.branches.map((branch) => this.print(branch)).join("|");
      case "capture":
        this.#groups += 1;
        this.indexes[node.number] = this.#groups;
        return `(${this.print(node.body)})`;
      case "look":
        return `(?${node.how}${this.print(node.body)})`;
      case "atomic":
        return this.#atomic(node.body);
      case "repeat":
        return `(?:${this.print(node.body)})${count(node.min, node.max)}${node.lazy ? "?" : ""}`;
      case "assertion":
        return node.script;
      case "back":
        return this.#back(node.number, node.ignoreCase);
    }
  }

  #item(node: PatternNode): string {
    return node.kind === "choice" ? `(?:${this.print(node)})` : this.print(node);
  }

  /** A look-ahead does not go back into what it found. */
  #atomic(body: PatternNode): string {
    this.#groups += 1;
    const index = this.#groups;
    return `(?=(${this.print(body)}))\\${index}(?:)`;
  }

  #back(number: number, ignoreCase: boolean): string {
    const reference = `\\${this.indexes[number] ?? 0}(?:)`;
    return ignoreCase ? `(?i:${reference})` : reference;
  }
}

function count(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  return min === 0 && max === 1 ? "?" : `{${min},${max}}`;
}
