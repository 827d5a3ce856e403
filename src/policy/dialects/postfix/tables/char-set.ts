/**
 * Sets of characters (UTF-16 units) as sorted ranges: what a bracket expression, an escape or a single letter of a
 * pattern stands for. Case is settled here, so that JavaScript's own idea of it never comes in.
 */

/** First and last unit, both included; sorted, apart, none touching the next. */
export type CharSet = readonly (readonly [first: number, last: number])[];

const max = 0xffff;

export function charSet(...ranges: readonly (readonly [number, number])[]): CharSet {
  const sorted = ranges.toSorted((left, right) => left[0] - right[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function charOf(unit: number): CharSet {
  return [[unit, unit]];
}

export function union(...sets: readonly CharSet[]): CharSet {
  return charSet(...sets.flat());
}

export function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let from = 0;
  for (const [first, last] of set) {
    if (first > from) rest.push([from, first - 1]);
    from = last + 1;
  }
  if (from <= max) rest.push([from, max]);
  return rest;
}

export function overlaps(left: CharSet, right: CharSet): boolean {
  return left.some(([first, last]) => right.some(([from, to]) => first <= to && from <= last));
}

/** With the other case of every letter; beyond ASCII of those whose other case is one letter, too. */
export function ignoringCase(set: CharSet): CharSet {
  const more: [number, number][] = [];
  for (const [first, last] of set) {
    addOtherCase(more, first, last, 65, 90, 32);
    addOtherCase(more, first, last, 97, 122, -32);
    for (let unit = Math.max(first, 0xb5); unit <= Math.min(last, 0x587); unit += 1) {
      for (const other of otherCases(unit)) more.push([other, other]);
    }
  }
  return charSet(...set, ...more);
}

function addOtherCase(to: [number, number][], first: number, last: number, a: number, z: number, by: number): void {
  const [from, until] = [Math.max(first, a), Math.min(last, z)];
  if (from <= until) to.push([from + by, until + by]);
}

function otherCases(unit: number): readonly number[] {
  const char = String.fromCharCode(unit);
  return [char.toLowerCase(), char.toUpperCase()]
    .filter((other) => other !== char && other.length === 1 && other.charCodeAt(0) > 127)
    .map((other) => other.charCodeAt(0));
}

/** As JavaScript writes it. */
export function printSet(set: CharSet): string {
  const [only] = set;
  if (only === undefined) return "[]";
  if (set.length === 1 && only[0] === only[1]) return printUnit(only[0]);
  const ranges = set.map(([first, last]) =>
    first === last ? printUnit(first) : `${printUnit(first)}-${printUnit(last)}`,
  );
  return `[${ranges.join("")}]`;
}

function printUnit(unit: number): string {
  const char = String.fromCharCode(unit);
  return /[A-Za-z0-9]/.test(char) ? char : `\\u${unit.toString(16).padStart(4, "0")}`;
}

/** POSIX classes in the C locale. */
export const posixClasses: ReadonlyMap<string, CharSet> = new Map([
  ["alpha", charSet([65, 90], [97, 122])],
  ["digit", charSet([48, 57])],
  ["alnum", charSet([48, 57], [65, 90], [97, 122])],
  ["upper", charSet([65, 90])],
  ["lower", charSet([97, 122])],
  ["space", charSet([9, 13], [32, 32])],
  ["blank", charSet([9, 9], [32, 32])],
  ["punct", charSet([33, 47], [58, 64], [91, 96], [123, 126])],
  ["print", charSet([32, 126])],
  ["graph", charSet([33, 126])],
  ["cntrl", charSet([0, 31], [127, 127])],
  ["xdigit", charSet([48, 57], [65, 70], [97, 102])],
]);

export const wordChars = charSet([48, 57], [65, 90], [95, 95], [97, 122]);
export const digitChars = charSet([48, 57]);
export const spaceChars = charSet([9, 13], [32, 32]);
export const newline = charOf(10);
