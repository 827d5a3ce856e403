/**
 * The examples in the docstrings of src/index.ts, as programs.
 */
import { readFileSync } from "node:fs";
import path from "node:path";

/** `exports` are the values that the example stands over. */
export type Example = Readonly<{ exports: readonly string[]; line: number; code: string }>;

export const libraryFile = path.join(import.meta.dirname, "../../src/index.ts");

export function readExamples(): readonly Example[] {
  const text = readFileSync(libraryFile, "utf8");
  const block = /\/\*\*\n((?: \*.*\n)+?) \*\/\n((?:export \{[^}]*\} from .*\n)+)/g;
  return [...text.matchAll(block)].map(({ 1: doc = "", 2: exported = "", index }) => ({
    exports: valueNames(exported),
    line: text.slice(0, index).split("\n").length,
    code: codeOf(doc),
  }));
}

/** Every value that the library exports; types have no examples. */
export function exportedValues(): readonly string[] {
  return valueNames(readFileSync(libraryFile, "utf8"));
}

function valueNames(text: string): string[] {
  return [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names = ""]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !name.startsWith("type ")),
  );
}

function codeOf(doc: string): string {
  const [, code = ""] = /@example\n \* ```ts\n((?: \*.*\n)*?) \* ```\n/.exec(doc) ?? [];
  return code.replace(/^ \* ?/gm, "");
}
