/**
 * Words of which one at least stands in every text that a pattern fits: most texts have none of them, and need not be read
 * by the whole pattern. For `safe-pattern.ts` alone.
 */
import type { PatternNode } from "./pattern-shape.ts";

/** A word as a regular expression's source, and how many characters it is of. */
type Word = Readonly<{ source: string; length: number }>;
type Words = readonly Word[];

/** Shorter words stand in any text. */
const leastLength = 3;
const mostWords = 60;

/** @returns undefined where there are none that are worth a look */
export function requiredWords(tree: PatternNode): string | undefined {
  const words = wordsOf(tree);
  if (words === undefined || shortest(words) < leastLength) return undefined;
  return words.map(({ source }) => source).join("|");
}

function wordsOf(node: PatternNode): Words | undefined {
  switch (node.kind) {
    case "one":
      return isLiteral(node.atom) ? [{ source: node.atom, length: 1 }] : undefined;
    case "at":
      return undefined;
    case "all":
      return ofSequence(node.parts);
    case "any":
      return ofBranches(node.branches);
    default:
      return node.min > 0 ? wordsOf(node.body) : undefined;
  }
}

/** Literal characters beside each other are one word; of all that a text must have, the best counts. */
function ofSequence(parts: readonly PatternNode[]): Words | undefined {
  let best: Words | undefined;
  let run: Word | undefined;
  const offer = (words: Words | undefined): void => {
    if (words !== undefined && (best === undefined || shortest(words) > shortest(best))) best = words;
  };
  for (const part of parts) {
    if (part.kind === "one" && isLiteral(part.atom)) {
      run = { source: (run?.source ?? "") + part.atom, length: (run?.length ?? 0) + 1 };
      continue;
    }
    offer(run && [run]);
    run = undefined;
    offer(wordsOf(part));
  }
  offer(run && [run]);
  return best;
}

function ofBranches(branches: readonly PatternNode[]): Words | undefined {
  const all: Word[] = [];
  for (const branch of branches) {
    const words = wordsOf(branch);
    if (words === undefined || all.length + words.length > mostWords) return undefined;
    all.push(...words);
  }
  return all;
}

function shortest(words: Words): number {
  return Math.min(...words.map(({ length }) => length));
}

/** A character that stands for itself, a backslash before it or not. */
function isLiteral(atom: string): boolean {
  return /^(?:[^.[\\]|\\[^A-Za-z0-9])$/.test(atom);
}
