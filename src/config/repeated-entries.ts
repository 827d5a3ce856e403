/**
 * Makes large policies load fast. A file with a hundred thousand domains says the same few things again and again:
 *
 *     domains:
 *       one.example.com: { level: secure }
 *       two.example.com: { level: secure }
 *
 * Here the second entry is taken out of the text before the YAML parser sees it, and put back as a copy of the first
 * one's value afterwards. The parser costs some 20 µs a line, this about one.
 *
 * Promise: the tree is the one that the parser would have made of the whole text. The scan only guesses; `yaml-tree.ts`
 * proves each guess on the parsed tree (the first entry is an entry of a block map, at that line and column, and its
 * value ends on its own lines) and parses the whole text otherwise. Entries with anchors, tags, comments, block scalars or
 * quotes that do not close on their line are left alone.
 */

export type Repeated = Readonly<{ key: string; line: number }>;

/** An entry that was kept, and those like it that were taken out. Lines are 1-based, of the whole text. */
export type RepeatedGroup = Readonly<{
  line: number;
  column: number;
  lastLine: number;
  repeats: Repeated[];
}>;

export type ThinnedText = Readonly<{
  text: string;
  /** Line of the whole text for each line of the thinned one, from 0. */
  lines: readonly number[];
  /** By the line of the entry that was kept. */
  groups: ReadonlyMap<number, RepeatedGroup>;
}>;

/** A domain name with a letter in its last label: text that no YAML schema reads as anything but a string. */
const entryStart = /^( +)(\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]*):(?: ([^\r]*))?$/;
const harmless = /^[\w ,.:{}[\]/+\n-]*$/;
/** Closed on its line and without escapes. */
const quoted = /"[^"\\\n]*"|'[^'\n]*'/g;

/**
 * @param atLeast entries that must repeat for it to be worth while
 * @returns `undefined` when the text is to be parsed as it is
 */
export function thinRepeatedEntries(text: string, atLeast = 1000): ThinnedText | undefined {
  const source = text.split("\n");
  if (source.length < atLeast) return undefined;
  const scan = new Scan(source);
  for (let at = 0; at < source.length; ) at = scan.take(at);
  if (scan.removed < atLeast) return undefined;
  return { text: scan.kept.join("\n"), lines: scan.lines, groups: scan.groups };
}

class Scan {
  readonly #source: readonly string[];
  readonly kept: string[] = [];
  readonly lines: number[] = [];
  readonly groups = new Map<number, RepeatedGroup>();
  removed = 0;
  /** Bodies seen in the map at hand; a line that is indented less ends it. */
  #bodies = new Map<string, RepeatedGroup>();
  #indent = 0;

  constructor(source: readonly string[]) {
    this.#source = source;
  }

  /** Takes the line at `at`, or the whole entry that starts there. @returns the next line. */
  take(at: number): number {
    const line = this.#source[at] ?? "";
    const entry = entryStart.exec(line);
    if (entry === null) {
      this.#keep(at, at + 1);
      this.#leave(indentOf(line));
      return at + 1;
    }
    const [, blanks = "", key = "", rest = ""] = entry;
    if (blanks.length !== this.#indent) this.#enter(blanks.length);
    let end = at + 1;
    while (end < this.#source.length && isDeeper(this.#source[end] ?? "", blanks.length)) end += 1;
    const body = end === at + 1 ? rest : [rest, ...this.#source.slice(at + 1, end)].join("\n");
    this.#entry(at, end, key, body);
    return end;
  }

  #entry(at: number, end: number, key: string, body: string): void {
    const known = this.#bodies.get(body);
    if (known !== undefined) {
      known.repeats.push({ key, line: at + 1 });
      this.groups.set(known.line, known);
      this.removed += 1;
      return;
    }
    if (harmless.test(body.replace(quoted, ""))) {
      this.#bodies.set(body, { line: at + 1, column: this.#indent + 1, lastLine: end, repeats: [] });
    }
    this.#keep(at, end);
  }

  #keep(from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      this.kept.push(this.#source[at] ?? "");
      this.lines.push(at + 1);
    }
  }

  #enter(indent: number): void {
    this.#indent = indent;
    this.#bodies = new Map();
  }

  #leave(indent: number | undefined): void {
    if (indent !== undefined && indent < this.#indent) this.#enter(0);
  }
}

/** `undefined` for an empty line. */
function indentOf(line: string): number | undefined {
  const at = line.search(/\S/);
  return at < 0 ? undefined : at;
}

function isDeeper(line: string, indent: number): boolean {
  if (line.length <= indent) return false;
  for (let at = 0; at <= indent; at += 1) if (line.charCodeAt(at) !== 32) return false;
  return line.trim() !== "";
}
