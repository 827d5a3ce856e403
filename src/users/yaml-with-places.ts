/**
 * YAML of which every mistake is told with its place: the ground that `users-file.ts` stands on. Every scalar stays the text
 * that was written; no text of the file is repeated in a problem.
 *
 * Promises: never throws; work grows with the text alone (anchors are refused where they are used, by whoever asks).
 */
import { type Document, isAlias, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from "yaml";
import type { Mistake } from "./user-fields.ts";

/** Both 1-based. */
export type UsersFileProblem = Readonly<{ line: number; column: number; message: string; remedy: string }>;

/** Also for editing. */
export const yamlOptions = {
  schema: "failsafe",
  uniqueKeys: false, // checked here: the parser's own check is quadratic
  prettyErrors: false,
  logLevel: "silent",
} as const;

const maxLength = 16 * 1024 * 1024;
const noAlias: Mistake = { message: "aliases have no place in a users file", remedy: "write the value out" };

export class YamlWithPlaces {
  readonly #problems: UsersFileProblem[] = [];
  readonly #lines = new LineCounter();

  /** In the order of the text. */
  get problems(): readonly UsersFileProblem[] {
    return this.#problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** How many so far. */
  get count(): number {
    return this.#problems.length;
  }

  /** `undefined` when it is no YAML; then the problems say why. */
  parse(text: string): Document.Parsed | undefined {
    if (text.length > maxLength) {
      this.report(undefined, { message: "the file is larger than 16 MiB", remedy: "is this the users file?" });
      return undefined;
    }
    const document = this.#parsed(text);
    const complaints = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
    for (const { pos } of complaints) {
      this.#reportAt(pos[0], { message: "this is not well-formed YAML", remedy: "check blanks, colons and quotes" });
    }
    return complaints.length > 0 ? undefined : document;
  }

  #parsed(text: string): Document.Parsed | undefined {
    try {
      return parseDocument(text, { ...yamlOptions, lineCounter: this.#lines });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the parser recurses as deep as the text nests
      this.report(undefined, { message: "nested too deep", remedy: "check brackets and blanks" });
      return undefined;
    }
  }

  /** Key node, key and value of each pair; what has no text for a key, or stands twice, is reported and left out. */
  entries(map: YAMLMap): readonly (readonly [key: unknown, name: string, value: unknown])[] {
    const seen = new Map<string, unknown>();
    return map.items.flatMap((pair: Pair) => {
      const name = isScalar(pair.key) ? pair.key.value : undefined;
      if (typeof name !== "string" || name === "") {
        this.report(pair.key ?? map, { message: "this key is no text", remedy: "write a name before the colon" });
        return [];
      }
      if (seen.has(name)) {
        const remedy = `remove one of the two: the first is on line ${this.#place(seen.get(name)).line}`;
        this.report(pair.key, { message: "this stands here for the second time", remedy });
        return [];
      }
      seen.set(name, pair.key);
      return [[pair.key, name, pair.value] as const];
    });
  }

  /** @param node where; the beginning of the file where it has no place */
  report(node: unknown, mistake: Mistake): void {
    this.#problems.push({ ...this.#place(node), ...(isAlias(node) ? noAlias : mistake) });
  }

  #reportAt(offset: number, mistake: Mistake): void {
    this.#problems.push({ ...this.#placeAt(offset), ...mistake });
  }

  #place(node: unknown): { line: number; column: number } {
    return this.#placeAt((node as { range?: readonly number[] | null } | undefined)?.range?.[0] ?? 0);
  }

  #placeAt(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** `undefined` for a map, a list, an alias, and nothing at all. */
export function textOf(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === "string" && !isNothing(node) ? node.value : undefined;
}

/** Nothing after the colon, `~` or `null`. */
export function isNothing(node: unknown): boolean {
  if (node === null || node === undefined) return true;
  return isScalar(node) && node.type === "PLAIN" && /^(?:|~|null)$/.test(String(node.value ?? ""));
}
