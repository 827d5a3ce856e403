/**
 * Items as text in one canonical form: names in lower case, values in double quotes, two spaces for each scope.
 * Parsing the result gives the same items, positions apart.
 */
import type { Item, Value, Word } from "./syntax.ts";

export function printMomentum(items: readonly Item[]): string {
  return printItems(items, "");
}

function printItems(items: readonly Item[], indent: string): string {
  return items.map((item) => `${indent}${printItem(item, indent)}\n`).join("");
}

function printItem(item: Item, indent: string): string {
  if (item.kind === "include") return `${item.keyword} ${printWord(item.target)}`;
  const name = item.name.toLowerCase();
  if (item.kind === "option") return `${name} = ${printValue(item.value)}`;
  const head = item.instance === undefined ? name : `${name} ${printWord(item.instance)}`;
  if (item.items.length === 0) return `${head} {\n${indent}}`;
  return `${head} {\n${printItems(item.items, `${indent}  `)}${indent}}`;
}

function printValue(value: Value): string {
  switch (value.kind) {
    case "word":
      return printWord(value.word);
    case "list":
      return value.words.length === 0 ? "( )" : `( ${value.words.map(printWord).join(" ")} )`;
    case "dictionary": {
      const entries = value.entries.map(({ key, value: word }) => `${printWord(key)} = ${printWord(word)}`);
      return entries.length === 0 ? "[ ]" : `[ ${entries.join(" ")} ]`;
    }
  }
}

/** A bare word with a backslash or a quote (a regular expression) stays bare: quoted it might be another text. */
function printWord({ text, quoted }: Word): string {
  return quoted || !/["\\]/.test(text) ? `"${text}"` : text;
}
