/**
 * The words of a policy value and the two halves of an attribute (Postfix: VAL-1 to VAL-3).
 */

/** `offset` in UTF-16 units from the start of the value. */
export type Word = Readonly<{ text: string; offset: number }>;

const separators = new Set([" ", "\t", "\r", "\n", ","]);

/** Words between separators; a `{...}` keeps its blanks, also where the closing brace is missing (then to the end). */
export function splitWords(text: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < text.length) {
    if (separators.has(text[at] ?? "")) {
      at += 1;
      continue;
    }
    const start = at;
    let depth = 0;
    for (; at < text.length; at += 1) {
      const char = text[at] ?? "";
      if (char === "{") depth += 1;
      else if (char === "}") depth = Math.max(0, depth - 1);
      else if (depth === 0 && separators.has(char)) break;
    }
    words.push({ text: text.slice(start, at), offset: start });
  }
  return words;
}

export type SplitAttribute =
  | Readonly<{ kind: "pair"; name: string; value: string }>
  | Readonly<{ kind: "malformed"; problem: string }>;

/** `name=value`, or `{ name = value }` with blanks (Postfix 3.10). */
export function splitAttribute(word: string): SplitAttribute {
  if (!word.startsWith("{")) return splitPair(word);
  const close = closingBrace(word);
  if (close < 0) return { kind: "malformed", problem: `missing '}' in "${word}"` };
  if (close !== word.length - 1) return { kind: "malformed", problem: `syntax error after '}' in "${word}"` };
  return splitPair(word.slice(1, -1).trim());
}

function closingBrace(word: string): number {
  let depth = 0;
  for (let at = 0; at < word.length; at += 1) {
    if (word[at] === "{") depth += 1;
    if (word[at] === "}") {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}

function splitPair(text: string): SplitAttribute {
  const equals = text.indexOf("=");
  const nameEnd = /[\s=]/.exec(text)?.index ?? text.length;
  if (nameEnd === 0) return { kind: "malformed", problem: "missing attribute name" };
  if (equals < 0 || text.slice(nameEnd, equals).trim() !== "") {
    return { kind: "malformed", problem: "missing '=' after attribute name" };
  }
  return { kind: "pair", name: text.slice(0, nameEnd), value: text.slice(equals + 1).trim() };
}
