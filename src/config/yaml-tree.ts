/**
 * YAML text as a small tree of maps, lists and texts, each with its place. Every scalar stays the text that was
 * written: the settings table says what it means, so `no`, `1e3` or `0777` are never something else on the way.
 *
 * Promises: never throws; every syntax error and every duplicate key with its place; bounded work and memory whatever
 * the text (size, depth, and the number of nodes that aliases may copy). Anchors, aliases and `<<` are resolved here.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { type Place, Problems } from "./problem.ts";
import { type ThinnedText, thinRepeatedEntries } from "./repeated-entries.ts";

export type TextNode = Readonly<{ kind: "text"; text: string; at: Place }>;
/** Nothing after the colon, `~` or `null`. */
export type NothingNode = Readonly<{ kind: "nothing"; at: Place }>;
export type ListNode = Readonly<{ kind: "list"; items: readonly Node[]; at: Place }>;
export type Entry = Readonly<{ key: string; at: Place; value: Node }>;
export type MapNode = Readonly<{ kind: "map"; entries: readonly Entry[]; at: Place }>;
export type Node = TextNode | NothingNode | ListNode | MapNode;

const maxLength = 64 * 1024 * 1024;
const maxDepth = 32;
/** A file of its own size costs nothing; only what aliases copy is counted. */
const maxCopies = 100_000;
const start: Place = { line: 1, column: 1 };

/**
 * @param thinFrom repeats from which on `repeated-entries.ts` is worth while
 * @returns the tree; `undefined` when the text is no YAML, the problems say why
 */
export function parseYamlTree(text: string, problems: Problems, thinFrom?: number): Node | undefined {
  if (text.length > maxLength) {
    problems.error(start, `the file has ${text.length} characters`, `split it: ${maxLength} are the most`);
    return undefined;
  }
  const thinned = thinRepeatedEntries(text, thinFrom);
  if (thinned !== undefined) {
    const tree = treeOfThinned(thinned);
    if (tree !== undefined) return tree;
  }
  return treeOfWhole(text, problems);
}

function treeOfWhole(text: string, problems: Problems): Node | undefined {
  const lines = new LineCounter();
  const document = parse(text, lines);
  if (document === undefined) return nestedTooDeep(start, problems);
  for (const error of document.errors)
    problems.error(placeIn(lines, error.pos[0]), sentence(error.message), syntaxRemedy);
  if (document.errors.length > 0) return undefined;
  for (const warning of document.warnings) {
    problems.warning(placeIn(lines, warning.pos[0]), sentence(warning.message), syntaxRemedy);
  }
  return convert(document, new Conversion(problems, (offset) => placeIn(lines, offset)), problems);
}

/** `undefined` when a guess of the scan was wrong, or anything in the text is: then the whole text is parsed. */
function treeOfThinned(thinned: ThinnedText): Node | undefined {
  const lines = new LineCounter();
  const document = parse(thinned.text, lines);
  if (document === undefined || document.errors.length > 0 || document.warnings.length > 0) return undefined;
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: thinned.lines[line - 1] ?? line, column: col };
  };
  const pending = new Map(thinned.groups);
  if (!proveGroups(document, pending, place) || pending.size > 0) return undefined;
  const problems = new Problems("");
  const tree = convert(document, new Conversion(problems, place, thinned.groups), problems);
  return problems.hasErrors ? undefined : tree;
}

/** Takes from `pending` each group whose first entry is where the scan thought it was. */
function proveGroups(
  document: Document.Parsed,
  pending: Map<number, { column: number; lastLine: number }>,
  place: (offset: number) => Place,
): boolean {
  const visit = (node: unknown, depth: number): boolean => {
    if (depth > maxDepth) return false;
    if (isSeq(node)) return node.items.every((item) => visit(item, depth + 1));
    if (!isMap(node)) return true;
    return node.items.every((pair) => {
      if (isScalar(pair.key) && !node.flow && pair.key.range) {
        const at = place(pair.key.range[0]);
        const group = pending.get(at.line);
        if (group !== undefined && group.column === at.column) {
          const end = rangeOf(pair.value)?.[1] ?? pair.key.range[1];
          if (place(end - 1).line > group.lastLine) return false;
          pending.delete(at.line);
          return true;
        }
      }
      return visit(pair.value, depth + 1);
    });
  };
  return visit(document.contents, 0);
}

const syntaxRemedy = "correct the YAML here; a text that starts with [ { * & ! @ or % needs quotes";

function parse(text: string, lines: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, {
      schema: "failsafe",
      uniqueKeys: false, // checked here: the parser's own check is quadratic
      prettyErrors: false,
      logLevel: "silent",
      lineCounter: lines,
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the parser recurses as deep as the text nests
    throw error;
  }
}

function convert(document: Document.Parsed, conversion: Conversion, problems: Problems): Node | undefined {
  try {
    return conversion.node(document.contents, 0, start);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problems.error(error.at, error.message, error.remedy);
    return undefined;
  }
}

function nestedTooDeep(at: Place, problems: Problems): undefined {
  problems.error(at, `nested more than ${maxDepth} deep`, "no setting is nested that deep: check brackets and blanks");
}

/** Ends a conversion that would cost too much. */
class Refusal extends Error {
  readonly at: Place;
  readonly remedy: string;
  constructor(at: Place, message: string, remedy: string) {
    super(message);
    this.at = at;
    this.remedy = remedy;
  }
}

class Conversion {
  readonly #problems: Problems;
  readonly #place: (offset: number) => Place;
  readonly #groups: ThinnedText["groups"] | undefined;
  readonly #anchors = new Map<string, Node>();
  readonly #sizes = new Map<Node, number>();
  #copies = 0;

  constructor(problems: Problems, place: (offset: number) => Place, groups?: ThinnedText["groups"]) {
    this.#problems = problems;
    this.#place = place;
    this.#groups = groups;
  }

  /** @param around where to point when the node has no place of its own */
  node(node: unknown, depth: number, around: Place): Node {
    const offset = rangeOf(node)?.[0];
    const at = offset === undefined ? around : this.#place(offset);
    if (depth > maxDepth) {
      throw new Refusal(
        at,
        `nested more than ${maxDepth} deep`,
        "no setting is nested that deep: check brackets and blanks",
      );
    }
    if (isAlias(node)) return this.#alias(node, at);
    const made = this.#made(node, depth, at);
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, made);
    return made;
  }

  #made(node: unknown, depth: number, at: Place): Node {
    if (isMap(node)) return this.#map(node, depth, at);
    if (isSeq(node)) return this.#list(node, depth, at);
    if (!isScalar(node)) return { kind: "nothing", at };
    const text = typeof node.value === "string" ? node.value : (node.source ?? "");
    const nothing = node.type === "PLAIN" && /^(?:|~|null)$/.test(text);
    return nothing ? { kind: "nothing", at } : { kind: "text", text, at };
  }

  #list(node: YAMLSeq, depth: number, at: Place): ListNode {
    return { kind: "list", items: node.items.map((item) => this.node(item, depth + 1, at)), at };
  }

  #map(node: YAMLMap, depth: number, at: Place): MapNode {
    const written: Entry[] = [];
    const merged: Entry[] = [];
    let repeats = 0;
    for (const pair of node.items) {
      const key = this.#key(pair, at);
      if (key === undefined) continue;
      const value = this.node(pair.value, depth + 1, key.at);
      if (key.text === "<<" && isAliasOrAliases(pair.value)) merged.push(...mapsIn(value));
      else written.push({ key: key.text, at: key.at, value });
      if (!node.flow) repeats += this.#putBackRepeats(key, value, written);
    }
    if (repeats > 0) written.sort((left, right) => left.at.line - right.at.line);
    return { kind: "map", entries: this.#unique(written, merged), at };
  }

  /** The entries that were taken out because they say the same as the one at `at`. */
  #putBackRepeats({ at, text }: TextNode, value: Node, written: Entry[]): number {
    const group = this.#groups?.get(at.line);
    if (group === undefined || group.column !== at.column) return 0;
    for (const { key, line } of group.repeats) {
      const shift = { lines: line - at.line, firstLine: at.line, columns: key.length - text.length };
      written.push({ key, at: { line, column: at.column }, value: shifted(value, shift) });
    }
    return group.repeats.length;
  }

  /** What is written wins over what `<<` brings. */
  #unique(written: readonly Entry[], merged: readonly Entry[]): readonly Entry[] {
    const entries = new Map<string, Entry>();
    for (const entry of written) {
      const before = entries.get(entry.key);
      if (before === undefined) entries.set(entry.key, entry);
      else {
        const message = `"${entry.key}" stands here for the second time`;
        this.#problems.error(entry.at, message, `remove one of the two: the first is on line ${before.at.line}`);
      }
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return [...entries.values()];
  }

  #key({ key }: Pair, around: Place): TextNode | undefined {
    const node = this.node(key, 0, around);
    if (node.kind === "text") return node;
    this.#problems.error(node.at, "this key is no text", "write a name before the colon");
    return undefined;
  }

  #alias({ source }: Alias, at: Place): Node {
    const target = this.#anchors.get(source);
    if (target === undefined) {
      this.#problems.error(
        at,
        `there is no anchor &${source} before this`,
        `write &${source} at the value that is meant`,
      );
      return { kind: "nothing", at };
    }
    this.#copies += this.#size(target);
    if (this.#copies > maxCopies) {
      throw new Refusal(at, `aliases copy more than ${maxCopies} values`, "write the values out, or use fewer aliases");
    }
    return target;
  }

  /** Nodes under this one, aliases unfolded; remembered, since bombs ask for the same one again and again. */
  #size(node: Node): number {
    if (node.kind === "text" || node.kind === "nothing") return 1;
    const known = this.#sizes.get(node);
    if (known !== undefined) return known;
    const children = node.kind === "list" ? node.items : node.entries.map((entry) => entry.value);
    const size = children.reduce((sum, child) => sum + this.#size(child), 1);
    this.#sizes.set(node, size);
    return size;
  }
}

function isAliasOrAliases(value: unknown): boolean {
  return isAlias(value) || (isSeq(value) && value.items.every((item) => isAlias(item)));
}

function mapsIn(node: Node): readonly Entry[] {
  if (node.kind === "map") return node.entries;
  return node.kind === "list" ? node.items.flatMap(mapsIn) : [];
}

/** From one entry to another like it: down by lines, and on the line of the key to the side by what the key is longer. */
type Shift = Readonly<{ lines: number; firstLine: number; columns: number }>;

function shifted(node: Node, shift: Shift): Node {
  const at = shiftedPlace(node.at, shift);
  if (node.kind === "list") return { ...node, at, items: node.items.map((item) => shifted(item, shift)) };
  if (node.kind !== "map") return { ...node, at };
  const entries = node.entries.map((entry) => ({
    key: entry.key,
    at: shiftedPlace(entry.at, shift),
    value: shifted(entry.value, shift),
  }));
  return { kind: "map", entries, at };
}

function shiftedPlace({ line, column }: Place, { lines, firstLine, columns }: Shift): Place {
  return { line: line + lines, column: line === firstLine ? column + columns : column };
}

function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  return (node as { range?: [number, number, number] | null } | null)?.range ?? undefined;
}

function placeIn(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** The parser's message as one line that starts like ours. */
function sentence(message: string): string {
  const [first = ""] = message.split("\n");
  return first.charAt(0).toLowerCase() + first.slice(1);
}
