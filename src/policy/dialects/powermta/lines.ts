/**
 * One line of a PowerMTA configuration without its comment, and what was odd about it (reference, section 1.1). Also how
 * a value splits into words. Pure; linear in the length of the line.
 */

export type LineFinding = Readonly<{
  /**
   * - `typographic`: U+201C or U+201D was read as `"`.
   * - `open-quote`: a quote without its partner; it stands for itself.
   * - `quoted-hash`: a `#` inside quotes was kept.
   * - `glued-hash`: a `#` right after a value began a comment.
   */
  kind: "typographic" | "open-quote" | "quoted-hash" | "glued-hash";
  /** 1-based. */
  column: number;
}>;

/** `text` is trimmed, with straight quotes only; empty for a blank line. `column`: of its first character, 1-based. */
export type CleanLine = Readonly<{ text: string; column: number; findings: readonly LineFinding[] }>;

const noFindings: readonly LineFinding[] = [];
const special = /["#\u201c\u201d]/;

export function cleanLine(raw: string): CleanLine {
  const start = raw.search(/\S/);
  if (start < 0 || raw[start] === "#") return { text: "", column: 1, findings: noFindings };
  const column = start + 1;
  if (!special.test(raw)) return { text: raw.trim(), column, findings: noFindings };
  return { ...scan(raw, start), column };
}

function scan(raw: string, start: number): Readonly<{ text: string; findings: readonly LineFinding[] }> {
  const findings: LineFinding[] = [];
  let text = "";
  let at = start;
  while (at < raw.length) {
    const char = raw.charAt(at);
    if (char === "\\" && isEscapable(raw.charAt(at + 1))) {
      text += raw.slice(at, at + 2);
      at += 2;
    } else if (char === "#") {
      if (!/\s/.test(raw.charAt(at - 1))) findings.push({ kind: "glued-hash", column: at + 1 });
      break;
    } else if (isQuote(char)) {
      const end = closingQuote(raw, at);
      noteQuotes(findings, raw, at, end);
      text += end === undefined ? '"' : `"${raw.slice(at + 1, end)}"`;
      at = (end ?? at) + 1;
    } else {
      text += char;
      at += 1;
    }
  }
  return { text: text.trim(), findings };
}

function noteQuotes(findings: LineFinding[], raw: string, at: number, end: number | undefined): void {
  if (raw[at] !== '"') findings.push({ kind: "typographic", column: at + 1 });
  if (end === undefined) {
    findings.push({ kind: "open-quote", column: at + 1 });
    return;
  }
  const hash = raw.slice(at, end).indexOf("#");
  if (hash >= 0) findings.push({ kind: "quoted-hash", column: at + hash + 1 });
  if (raw[end] !== '"') findings.push({ kind: "typographic", column: end + 1 });
}

function isEscapable(char: string): boolean {
  return char === '"' || char === "\\";
}

function isQuote(char: string): boolean {
  return char === '"' || char === "\u201c" || char === "\u201d";
}

/** A straight quote is closed by a straight one, a typographic quote by either kind. */
function closingQuote(raw: string, open: number): number | undefined {
  const straight = raw[open] === '"';
  for (let at = open + 1; at < raw.length; at += 1) {
    const char = raw.charAt(at);
    if (char === "\\" && isEscapable(raw.charAt(at + 1))) at += 1;
    else if (char === '"' || (!straight && isQuote(char))) return at;
  }
  return undefined;
}

/** The words of a value, quotes taken away; `""` is a word that is empty. */
export function wordsOf(value: string): string[] {
  if (!value.includes('"')) return value === "" ? [] : value.split(/\s+/);
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < value.length; at += 1) {
    const char = value.charAt(at);
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    const end = char === '"' ? closingQuote(value, at) : undefined;
    if (end === undefined) word = (word ?? "") + char;
    else {
      word = (word ?? "") + value.slice(at + 1, end).replace(/\\(["\\])/g, "$1");
      at = end;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The whole value as one text: what is inside the quotes where it is one quoted string, else as written. */
export function textOf(value: string): string {
  if (!value.startsWith('"') || closingQuote(value, 0) !== value.length - 1) return value;
  return value.slice(1, -1).replace(/\\(["\\])/g, "$1");
}
