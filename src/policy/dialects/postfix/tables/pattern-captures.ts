/**
 * Which groups of a pattern hold the same text here as in the original, where a result uses them as `$1`. JavaScript
 * forgets a group whenever a repetition around it begins anew, and takes the first alternative that fits where POSIX takes
 * the longest.
 */
import { overlaps } from "./char-set.ts";
import { childrenOf, type Pattern, type PatternNode } from "./pattern-tree.ts";

/** Why group `number` may hold other text here, or `undefined`. */
export function whyUncertain({ root }: Pattern, number: number, longest: boolean): string | undefined {
  if (longest && mayStopShort(root)) return "alternatives of which one is the beginning of another";
  return isForgotten(root, number) ? "a group that a repetition around it may leave out" : undefined;
}

/** A reference inside the pattern to a group that may not have been reached: JavaScript takes it for empty. */
export function refersToMissing({ root }: Pattern): boolean {
  return references(root).some((number) => isForgotten(root, number) || isOptional(root, number));
}

function references(node: PatternNode): readonly number[] {
  return node.kind === "back" ? [node.number] : childrenOf(node).flatMap(references);
}

function contains(node: PatternNode, number: number): boolean {
  return (
    (node.kind === "capture" && node.number === number) || childrenOf(node).some((child) => contains(child, number))
  );
}

function isForgotten(node: PatternNode, number: number): boolean {
  if (!contains(node, number)) return false;
  if (node.kind === "repeat" && node.max > 1 && (isOptional(node.body, number) || isNullable(node.body))) return true;
  return childrenOf(node).some((child) => isForgotten(child, number));
}

/** The node can be passed without the group. */
function isOptional(node: PatternNode, number: number): boolean {
  if (!contains(node, number) || (node.kind === "capture" && node.number === number)) return false;
  if (node.kind === "choice" || node.kind === "look" || (node.kind === "repeat" && node.min === 0)) return true;
  return childrenOf(node).some((child) => isOptional(child, number));
}

function isNullable(node: PatternNode): boolean {
  if (node.kind === "chars") return false;
  if (node.kind === "repeat") return node.min === 0 || isNullable(node.body);
  if (node.kind === "choice") return node.branches.some(isNullable);
  return childrenOf(node).every(isNullable);
}

/** Some alternatives do not exclude each other character by character. */
function mayStopShort(node: PatternNode): boolean {
  if (childrenOf(node).some(mayStopShort)) return true;
  if (node.kind !== "choice") return false;
  const { branches } = node;
  return branches.some((one, index) => branches.slice(index + 1).some((other) => !exclude(one, other)));
}

function exclude(left: PatternNode, right: PatternNode): boolean {
  const [one, other] = [beginning(left), beginning(right)];
  return one.some((set, index) => set !== undefined && other[index] !== undefined && !overlaps(set, other[index]));
}

/** The sets of characters that a node begins with, as far as nothing is optional. */
function beginning(node: PatternNode): readonly Extract<PatternNode, { kind: "chars" }>["set"][] {
  if (node.kind === "chars") return [node.set];
  if (node.kind === "capture") return beginning(node.body);
  if (node.kind !== "sequence") return [];
  const sets: Extract<PatternNode, { kind: "chars" }>["set"][] = [];
  for (const item of node.items) {
    const inner = beginning(item);
    sets.push(...inner);
    if (item.kind !== "chars") break;
  }
  return sets;
}
