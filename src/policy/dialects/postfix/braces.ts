/**
 * Lists whose items may be held together by braces, as Postfix has them in table lists, inline tables and master.cf.
 */
import { trimmed } from "./logical-lines.ts";

/** Comma and white space. */
export const commaOrSpace = ", \t\r\n";

export type Item = Readonly<{ text: string; offset: number }>;

/** Split at separators outside braces; an item keeps its braces. A brace that is never closed reaches to the end. */
export function splitOutsideBraces(text: string, separators = commaOrSpace): readonly Item[] {
  const items: Item[] = [];
  let start = -1;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (depth === 0 && separators.includes(char)) {
      if (start >= 0) items.push({ text: text.slice(start, at), offset: start });
      start = -1;
      continue;
    }
    if (start < 0) start = at;
    if (char === "{") depth += 1;
    else if (char === "}" && depth > 0) depth -= 1;
  }
  if (start >= 0) items.push({ text: text.slice(start), offset: start });
  return items;
}

export type Unbraced = Readonly<{ kind: "text"; text: string }> | Readonly<{ kind: "wrong"; problem: string }>;

/** What stands inside `{ ... }`, white space at its ends cut. */
export function unbrace(text: string): Unbraced {
  if (!text.startsWith("{")) return { kind: "wrong", problem: `no '{' at start of text in "${text}"` };
  const end = closingOffset(text, 0);
  if (end < 0) return { kind: "wrong", problem: `missing '}' in "${text}"` };
  if (trimmed(text, end + 1) !== "") return { kind: "wrong", problem: `syntax error after '}' in "${text}"` };
  return { kind: "text", text: trimmed(text.slice(1, end)) };
}

/** The offset of the bracket that closes the one at `from`; -1 where none does. Other kinds of brackets do not count. */
export function closingOffset(text: string, from: number): number {
  const open = text.charAt(from);
  const close = open === "(" ? ")" : "}";
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === open) depth += 1;
    else if (char === close) depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}
